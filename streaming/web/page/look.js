// How the picture looks while it runs: light, line, colours, background; remembered in this browser.
import { Ball } from "/page/ball.js";

const KEPT = "vivify-look";
const SEND_MS = 60;
const BEHIND = { own: "Its own", plain: "Plain", gradient: "Gradient", picture: "Picture", transparent: "Green screen" };
const DRAWN = { toon: "Toon", neural: "Neural" };
const NAMES = { iris: "eyes", cloth: "clothes" };

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function chip(name, value, text, change) {
  const label = Object.assign(document.createElement("label"), { className: "chip" });
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
  input.addEventListener("change", change);
  label.append(input, text);
  return label;
}

export class Look {
  // `avatar()`: whose colours are shown.
  constructor($, say, avatar) {
    this.$ = $;
    this.say = say;
    this.avatar = avatar;
    this.key = "";
    this.file = null; // the person's own background, for the next connection too
    this.timer = 0;
    this.told = {}; // what the server says of the look that is shown
    this.wish = { light: null, outline: 1, background: { kind: "own" }, palettes: {}, drawn: {}, ...remembered() };
    if (this.wish.background.kind === "picture") this.wish.background = { kind: "own" }; // its file is gone
    this.ball = new Ball($("light"), (light) => this.set({ light }));
    $("outline").addEventListener("input", () => this.set({ outline: Number($("outline").value) }));
    for (const id of ["plain", "top", "bottom", "blur"]) $(id).addEventListener("input", () => this.behind());
    $("picture-pick").addEventListener("click", () => $("picture-file").click());
    $("picture-file").addEventListener("change", () => this.choose());
    $("look-reset").addEventListener("click", () => this.reset());
  }

  offer({ colors, microphone }) {
    const $ = this.$;
    const behind = Object.entries(BEHIND).filter(([kind]) => kind !== "picture" || microphone === "browser");
    $("behind").replaceChildren(...behind.map(([kind, text]) => chip("behind", kind, text, () => this.behind())));
    $("looks").replaceChildren(...Object.entries(DRAWN).map(([look, text]) => chip("drawn", look, text, () => this.draw(look))));
    $("colors").replaceChildren(...colors.map((name) => {
      const label = Object.assign(document.createElement("label"), { textContent: NAMES[name] ?? name });
      const input = Object.assign(document.createElement("input"), { type: "color", value: "#888888" });
      input.dataset.name = name;
      input.addEventListener("input", () => this.paint(name, input.value));
      label.prepend(input);
      return label;
    }));
    this.show();
  }

  show() {
    const { light, outline, background } = this.wish;
    const { kind, color, top, bottom, blur } = background;
    if (light) this.ball.show(light);
    this.$("outline").value = outline;
    for (const input of document.getElementsByName("behind")) input.checked = input.value === kind;
    for (const [id, value] of Object.entries({ plain: color, top, bottom, blur })) if (value !== undefined) this.$(id).value = value;
    for (const row of ["plain", "gradient", "picture"]) this.$(`${row}-row`).hidden = kind !== row;
    this.showDrawn();
    const palette = this.wish.palettes[this.avatar()] ?? {};
    for (const input of this.$("colors").querySelectorAll("input")) {
      input.value = palette[input.dataset.name] ?? this.made?.[input.dataset.name] ?? "#888888";
    }
  }

  // Who draws is offered where there is a choice; what only a toon takes, where that draws.
  showDrawn() {
    const { looks = [], look, settled, eased, renderer } = this.told;
    const drawn = this.wish.drawn[this.avatar()] ?? look;
    this.$("drawn-by").hidden = looks.length < 2;
    for (const input of document.getElementsByName("drawn")) input.checked = input.value === drawn;
    for (const row of document.querySelectorAll("#look .drawn")) row.hidden = look === "neural";
    this.$("backgrounds").hidden = Boolean(settled);
    const learned = settled ? "Light, outline, colours and background" : "Light, outline and colours";
    this.tell("learned-hint", look === "neural" ? `${learned} are as the network has learned them; choose Toon to change them.` : "");
    const standing = renderer === "toon" ? "drawn as a toon until the network" : "a smaller network draws until the large one";
    this.tell("drawn-hint", eased ? `Time is short: ${standing} is fast enough again.` : "");
  }

  tell(id, text) {
    if (this.$(id).textContent !== text) this.$(id).textContent = text;
  }

  // --- connection ---------------------------------------------------------------------------

  async connected(key) {
    this.key = key;
    if (this.file) await this.upload(this.file);
    if (this.changed) this.send();
  }

  disconnected() {
    this.key = "";
  }

  // What the server tells of the avatar that is shown: what draws it, its colours as it was made.
  receive({ colors, looks, look, settled, eased, renderer }) {
    const told = { looks, look, settled, eased, renderer };
    if (JSON.stringify(told) !== JSON.stringify(this.told)) {
      this.told = told;
      this.showDrawn();
    }
    if (!colors || JSON.stringify(colors) === JSON.stringify(this.made)) return;
    this.made = colors;
    this.show();
  }

  // Another avatar has colours of its own.
  worn() {
    this.show();
    if (this.changed) this.send();
  }

  get changed() {
    const { light, outline, background, palettes, drawn } = this.wish;
    const avatar = this.avatar();
    return Boolean(light || outline !== 1 || background.kind !== "own" || palettes[avatar] || drawn[avatar]) || this.touched;
  }

  send() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { light, outline, background, palettes, drawn } = this.wish;
      const avatar = this.avatar() ?? "";
      this.say("look", { avatar, drawn: drawn[avatar] ?? "auto", outline, background, palette: palettes[avatar] ?? {}, ...(light ? { light } : {}) });
    }, SEND_MS);
  }

  // --- changes ------------------------------------------------------------------------------

  set(change) {
    Object.assign(this.wish, change);
    this.touched = true;
    localStorage.setItem(KEPT, JSON.stringify(this.wish));
    this.send();
  }

  paint(name, color) {
    const avatar = this.avatar();
    this.set({ palettes: { ...this.wish.palettes, [avatar]: { ...this.wish.palettes[avatar], [name]: color } } });
  }

  draw(look) {
    this.set({ drawn: { ...this.wish.drawn, [this.avatar()]: look } });
    this.showDrawn();
  }

  behind() {
    const kind = document.querySelector("input[name=behind]:checked")?.value ?? "own";
    const $ = this.$;
    const [top, bottom] = [$("top").value, $("bottom").value];
    const background = {
      plain: { kind, color: $("plain").value },
      gradient: { kind, top, bottom, glow: bottom },
      picture: { kind, blur: Number($("blur").value) },
    }[kind] ?? { kind };
    this.set({ background });
    this.show();
    if (kind === "picture" && !this.file) $("picture-file").click();
  }

  async choose() {
    const [file] = this.$("picture-file").files;
    this.$("picture-file").value = "";
    if (!file) return;
    this.file = file;
    await this.upload(file);
  }

  async upload(file) {
    if (!this.key) return this.hint("The picture is used once you are live.");
    const response = await fetch("/background", { method: "POST", body: file, headers: { Authorization: `Bearer ${this.key}` } }).catch(() => null);
    const problem = !response ? "The server does not answer." : response.ok ? "" : (await response.json()).message;
    if (problem) this.file = null;
    this.hint(problem);
  }

  reset() {
    this.wish.light = null;
    this.ball.show([-0.55, 0.5, 0.67]);
    const [palettes, drawn] = [{ ...this.wish.palettes }, { ...this.wish.drawn }];
    delete palettes[this.avatar()];
    delete drawn[this.avatar()];
    this.set({ light: null, outline: 1, background: { kind: "own" }, palettes, drawn });
    this.hint("");
    this.show();
  }

  hint(text) {
    this.$("look-hint").textContent = text;
  }
}
