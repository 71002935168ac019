// The studio's behaviour: one recipe, its history, the preview, and files in and out.
import { Dials } from "/page/dials.js";
import { History } from "/page/history.js";
import { Person } from "/page/person.js";
import { Preview } from "/page/preview.js";

const $ = (id) => document.getElementById(id);
const SEND_MS = 60; // a slider that moves is heard this often
const KEPT = "vivify-studio";

const studio = { recipe: null, colors: {}, group: "face", seed: 0, sent: 0, groups: [], ready: false, builds: 0 };
window.studio = studio; // for tests

// --- the recipe -----------------------------------------------------------------------------

const book = {
  get colors() { return studio.colors; },
  get(path) {
    return path.split(".").reduce((at, key) => at?.[key], studio.recipe);
  },
  set(path, value, done) {
    const keys = path.split(".");
    const last = keys.pop();
    const next = structuredClone(studio.recipe);
    let at = next;
    for (const key of keys) at = at[key] ??= {};
    if (value === undefined) delete at[last];
    else at[last] = value;
    if (keys.length && !Object.keys(at).length) delete next[keys[0]];
    studio.recipe = next;
    send();
    if (done) history.push(next);
  },
};

const history = new History(({ past, future }) => {
  $("undo").disabled = past.length < 2;
  $("redo").disabled = !future.length;
  sessionStorage.setItem(KEPT, JSON.stringify({ start: studio.start, recipe: past.at(-1) }));
});
const dials = new Dials(book);
const preview = (studio.preview = new Preview($("picture"), heard, () => { if (studio.recipe) send(0); }));

function send(wait = SEND_MS) {
  clearTimeout(studio.sent);
  const since = performance.now() - (studio.last ?? 0);
  const go = () => {
    studio.last = performance.now();
    preview.say("recipe", studio.recipe);
  };
  if (since >= wait) go();
  else studio.sent = setTimeout(go, wait - since);
}

// Show a recipe from elsewhere; `keep`: it can be undone.
function wear(recipe, keep = true) {
  studio.recipe = recipe;
  $("title").value = recipe.title;
  dials.opened();
  if (keep) history.push(recipe);
  send(0);
  panel();
}

function heard(type, value) {
  if (type === "colors") {
    studio.colors = value;
    for (const dial of $("panel").children) dial.shown?.(value);
  } else if (type === "building") $("busy").hidden = false;
  else if (type === "built") {
    studio.builds++;
    $("busy").hidden = $("veil").hidden = true;
    $("heavy").hidden = !value.heavy;
    $("heavy-count").textContent = `${Math.round(value.triangles / 1000)} thousand triangles`;
    if ($("told").dataset.grade === "bad") tell("");
  } else if (type === "error") {
    $("busy").hidden = true;
    tell(value, "bad");
  } else if (type === "lost") tell("The studio does not answer. Is it still running? Trying again…", "bad");
}

function tell(text, grade = "") {
  $("told").textContent = text;
  $("told").dataset.grade = grade;
}

// --- panels ---------------------------------------------------------------------------------

function tabs() {
  $("tabs").replaceChildren(...studio.groups.map(({ id, title }) => {
    const tab = Object.assign(document.createElement("button"), { type: "button", id: `tab-${id}`, textContent: title });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "panel");
    tab.addEventListener("click", () => choose(id));
    return tab;
  }));
  $("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = studio.groups.findIndex((g) => g.id === studio.group);
    choose(studio.groups.at((at + step) % studio.groups.length).id);
    $(`tab-${studio.group}`).focus();
  });
}

function choose(id) {
  studio.group = id;
  panel();
}

function panel() {
  for (const tab of $("tabs").children) {
    const on = tab.id === `tab-${studio.group}`;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  $("panel").setAttribute("aria-labelledby", `tab-${studio.group}`);
  dials.draw($("panel"), studio.groups.find((g) => g.id === studio.group));
}

function cast(names) {
  $("cast").replaceChildren(...Object.entries(names).map(([name, title]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "face" });
    const face = Object.assign(new Image(56, 56), { src: `/portrait?avatar=${name}`, alt: "", loading: "lazy" });
    face.addEventListener("error", () => face.replaceWith(Object.assign(document.createElement("i"), { textContent: title[0] })));
    button.append(face, title);
    button.addEventListener("click", () => fetched(`/recipe?name=${name}`));
    return button;
  }));
}

// --- in and out -----------------------------------------------------------------------------

async function ask(url, options) {
  let response, body;
  try {
    response = await fetch(url, options);
    body = await response.json();
  } catch {
    throw new Error("The studio does not answer. Is it still running?");
  }
  if (!response.ok) throw Object.assign(new Error(body.message), { status: response.status });
  return body;
}

async function fetched(url, options) {
  try {
    wear(await ask(url, options));
    tell("");
  } catch (error) {
    tell(error.message, "bad");
  }
}

function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// A recipe's name is its title in plain letters; packages are stored under it.
function titled() {
  const title = $("title").value.trim() || "My avatar";
  const plain = title.normalize("NFD").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "").slice(0, 32);
  studio.recipe = { ...studio.recipe, name: plain || "avatar", title };
  history.push(studio.recipe);
  return studio.recipe;
}

async function build(replace = false) {
  const recipe = titled();
  $("build").disabled = true;
  $("save-work").hidden = false;
  $("saved").hidden = true;
  $("save-told").textContent = "";
  const began = performance.now();
  const clock = setInterval(() => { $("save-told").textContent = `Building… ${Math.round((performance.now() - began) / 1000)} s`; }, 500);
  try {
    const body = JSON.stringify({ recipe, replace });
    const made = await ask("/save", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    clearInterval(clock);
    $("save-told").textContent = "";
    $("saved-folder").textContent = made.folder;
    $("saved-command").textContent = made.command;
    $("saved-zip").href = `/package?name=${encodeURIComponent(made.name)}`;
    $("saved").hidden = false;
    label(false);
  } catch (error) {
    clearInterval(clock);
    $("save-told").textContent = error.message;
    label(error.status === 409);
  } finally {
    $("build").disabled = false;
    $("save-work").hidden = true;
  }
}

function label(replace) {
  $("build").textContent = replace ? "Replace it" : "Build and save";
  $("build").dataset.replace = String(replace);
}

async function photo() {
  const [file] = $("photo-file").files;
  $("photo-file").value = "";
  if (!file || !$("consent").checked) return;
  $("photo-work").hidden = false;
  $("photo-told").textContent = "";
  try {
    const { recipe, notes } = await ask("/photo?consent=yes", { method: "POST", body: file });
    wear(recipe);
    $("photo-dialog").close();
    const sentences = ["this is an approximation: go on with the sliders", ...notes];
    tell(sentences.map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`).join(" "));
  } catch (error) {
    $("photo-told").textContent = error.message;
  } finally {
    $("photo-work").hidden = true;
  }
}

async function bring(file, replace = false) {
  if (!file) return;
  $("import-work").hidden = false;
  $("import-told").textContent = "";
  $("import-report").textContent = "";
  $("import-saved").hidden = true;
  try {
    const made = await ask(`/import?name=${encodeURIComponent(file.name)}${replace ? "&replace=yes" : ""}${$("permitted").checked ? "&permitted=yes" : ""}`, { method: "POST", body: file });
    $("import-report").textContent = made.notes.join("\n");
    $("import-command").textContent = made.command;
    $("import-saved").hidden = false;
    preview.say("show", made.name);
  } catch (error) {
    if (error.status === 409 && confirm(`${error.message}. Replace it?`)) return bring(file, true);
    $("import-told").textContent = error.message;
  } finally {
    $("import-work").hidden = true;
  }
}

studio.person = new Person($, ask, (name) => preview.say("show", name));

// --- controls -------------------------------------------------------------------------------

function step(recipe) {
  if (recipe) wear(recipe, false);
}

async function random() {
  await fetched(`/random?seed=${studio.seed++}`);
}

$("undo").addEventListener("click", () => step(history.undo()));
$("redo").addEventListener("click", () => step(history.redo()));
$("random").addEventListener("click", random);
$("talk").addEventListener("click", () => {
  const on = $("talk").getAttribute("aria-pressed") !== "true";
  $("talk").setAttribute("aria-pressed", String(on));
  preview.say("talk", on);
});
$("open").addEventListener("click", () => $("open-file").click());
$("open-file").addEventListener("change", async () => {
  const [file] = $("open-file").files;
  $("open-file").value = "";
  if (file) await fetched("/open", { method: "POST", body: file });
});
$("save").addEventListener("click", () => {
  $("saved").hidden = true;
  $("save-told").textContent = "";
  label(false);
  $("save-dialog").showModal();
});
$("build").addEventListener("click", () => build($("build").dataset.replace === "true"));
$("title").addEventListener("input", () => label(false));
$("title").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  build();
});
$("recipe").addEventListener("click", () => {
  const recipe = titled();
  download(`${recipe.name}.json`, `${JSON.stringify(recipe, null, 1)}\n`);
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard?.writeText($("saved-command").textContent);
  $("copy").textContent = "Copied";
});
$("photo").addEventListener("click", () => {
  $("consent").checked = false;
  $("photo-file").disabled = true;
  $("photo-told").textContent = studio.missing;
  $("consent").disabled = Boolean(studio.missing);
  $("photo-dialog").showModal();
});
$("consent").addEventListener("change", () => { $("photo-file").disabled = !$("consent").checked; });
$("photo-file").addEventListener("change", photo);
$("import").addEventListener("click", () => $("import-dialog").showModal());
$("import-file").addEventListener("change", () => {
  const [file] = $("import-file").files;
  $("import-file").value = "";
  bring(file);
});
addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    event.preventDefault();
    step(key === "y" || event.shiftKey ? history.redo() : history.undo());
  } else if (!event.ctrlKey && !event.metaKey && !event.altKey) $({ r: "random", t: "talk" }[key] ?? "")?.click();
});

async function load() {
  if (!/^(localhost|127\.|\[::1\])/.test(location.hostname)) {
    $("where").textContent = location.hostname;
    $("person-where").textContent = `the computer that runs Vivify (${location.hostname})`;
    $("photo-where").textContent = `the computer that runs Vivify (${location.hostname})`;
  }
  let about;
  try {
    about = await ask("/studio.json");
  } catch (error) {
    return tell(error.message, "bad");
  }
  studio.groups = about.groups;
  studio.seed = about.seed;
  studio.missing = about.photo;
  $("out").textContent = about.out;
  tabs();
  cast(about.cast);
  studio.start = JSON.stringify(about.start);
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}"); // a page that is loaded anew goes on
  history.push(about.start);
  wear(kept.start === studio.start && kept.recipe ? JSON.parse(kept.recipe) : about.start);
  studio.ready = true;
}
load();
