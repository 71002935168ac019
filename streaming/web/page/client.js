// The page's whole behaviour: one connection, its controls, and figures a person understands.
import { Camera } from "/page/camera.js";
import { Figures } from "/page/figures.js";
import { Look } from "/page/look.js";
import { Wardrobe } from "/page/wardrobe.js";

const $ = (id) => document.getElementById(id);
const BEAT_MS = 1000; // a ping every second; the server gives up after six without one
const SILENT_MS = 4000; // no answer for this long: the connection is lost
const CONNECT_MS = 10000;
const BACK_OFF_MS = [300, 1000, 2000, 4000, 8000];

const live = {
  wanted: false, // the person wants to be live
  pc: null, channel: null, stream: null, mic: null, tries: 0, heard: 0, timer: 0, generation: 0,
  choices: { avatars: [], styles: [], microphone: "browser", camera: null }, recorder: null, server: null,
};
window.vivify = live; // for embedding pages and tests
const figures = new Figures($);
const camera = (live.camera = new Camera($, say));
const wardrobe = (live.wardrobe = new Wardrobe($, say, chosen));
const look = (live.look = new Look($, say, () => chosen("avatars")));

function status(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text;
}

const NOTICES = {
  NotAllowedError: ["The microphone is blocked", "Allow the microphone for this page (the icon beside the address), then try again."],
  NotFoundError: ["No microphone found", "Plug one in or switch it on, then try again."],
  NotReadableError: ["The microphone is busy", "Another program holds it. Close that program, then try again."],
  OverconstrainedError: ["That microphone is gone", "Choose another one on this page, then try again."],
  insecure: ["This address cannot use a microphone", "Browsers allow it only on https pages and on this very computer (http://127.0.0.1)."],
  full: ["The server is full", "All places are taken. Trying again by itself…"],
  lost: ["Connection lost", "Trying to reach the server again…"],
  refused: ["The server refused", ""],
};

function notice(kind, text = "", watch = false) {
  const [title, hint] = NOTICES[kind] ?? ["Something went wrong", kind];
  $("notice-title").textContent = title;
  $("notice-text").textContent = text || hint;
  $("watch").hidden = !watch;
  $("notice").hidden = false;
  $("curtain").hidden = true;
  status("bad", title);
}

function buttons(on) {
  for (const id of ["record", "stop"]) $(id).disabled = !on;
  $("mute").disabled = !on || !live.mic;
}

// --- microphone -----------------------------------------------------------------------------

async function openMicrophone() {
  if (!navigator.mediaDevices) throw new DOMException("no devices", "insecure");
  const id = $("mic").value;
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { deviceId: id ? { exact: id } : undefined, channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  closeMicrophone();
  live.mic = stream.getAudioTracks()[0];
  live.mic.enabled = $("mute").getAttribute("aria-pressed") !== "true";
  live.mic.addEventListener("ended", () => { $("mic-hint").textContent = "The microphone was unplugged. Choose another one."; });
  $("mic-hint").textContent = "The bar moves when you speak.";
  figures.level(stream);
  await listMicrophones();
  return live.mic;
}

function closeMicrophone() {
  live.mic?.stop();
  live.mic = null;
}

async function listMicrophones() {
  if (!navigator.mediaDevices) return;
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === "audioinput" && d.deviceId);
  const chosen = live.mic?.getSettings().deviceId ?? $("mic").value;
  $("mic").replaceChildren(...(devices.length ? devices : [{ deviceId: "", label: "Default microphone" }]).map((d, i) =>
    new Option(d.label || `Microphone ${i + 1}`, d.deviceId, false, d.deviceId === chosen)));
}

async function changeMicrophone() {
  if (!live.wanted || live.choices.microphone === "server") return;
  try {
    const track = await openMicrophone();
    const sender = live.pc?.getTransceivers().find((t) => t.receiver.track.kind === "audio")?.sender;
    await sender?.replaceTrack(track);
    buttons(live.channel?.readyState === "open");
  } catch (error) {
    $("mic-hint").textContent = (NOTICES[error.name] ?? ["", error.message])[0];
  }
}

// --- connection -----------------------------------------------------------------------------

async function start(withMicrophone = true) {
  live.wanted = true;
  $("notice").hidden = true;
  status("wait", "Starting…");
  $("start").disabled = true;
  try {
    if (withMicrophone && live.choices.microphone === "browser" && live.mic?.readyState !== "live") await openMicrophone();
  } catch (error) {
    live.wanted = false;
    $("start").disabled = false;
    notice(NOTICES[error.name] ? error.name : error.message, "", error.name !== "insecure");
    return;
  }
  await connect();
}

async function connect() {
  const generation = ++live.generation;
  disconnect();
  const pc = (live.pc = new RTCPeerConnection());
  const stale = () => generation !== live.generation;
  const lose = (kind, text) => { if (!stale()) retry(kind, text); };
  live.heard = performance.now() + CONNECT_MS - SILENT_MS;
  live.stream = new MediaStream();
  pc.addTransceiver("video", { direction: "recvonly" });
  pc.addTransceiver(live.mic ?? "audio", { direction: live.mic ? "sendrecv" : "recvonly" });
  if (live.choices.camera) camera.place(pc);
  pc.addEventListener("track", ({ track, receiver }) => {
    receiver.jitterBufferTarget = 0; // the server already releases sound and picture together
    live.stream.addTrack(track);
  });
  pc.addEventListener("connectionstatechange", () => { if (pc.connectionState === "failed") lose("lost"); });
  const channel = (live.channel = pc.createDataChannel("vivify"));
  channel.addEventListener("open", () => { live.heard = performance.now(); live.tries = 0; });
  channel.addEventListener("close", () => lose("lost"));
  channel.addEventListener("message", ({ data }) => receive(JSON.parse(data), lose));

  let response, body;
  try {
    await pc.setLocalDescription();
    response = await fetch("/offer", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sdp: pc.localDescription.sdp, type: "offer", avatar: chosen("avatars"), style: bundled(chosen("styles")) }),
    });
    body = await response.json();
  } catch {
    return lose("lost");
  }
  if (stale()) return;
  if (response.status === 503) return lose("full", body.message);
  if (!response.ok) {
    hangUp();
    return notice("refused", body.message);
  }
  await pc.setRemoteDescription({ type: "answer", sdp: fullBand(body.sdp) });
  $("avatar").srcObject = live.stream;
  $("avatar").play().catch(() => {}); // a browser that forbids sound plays after the next click
  clearInterval(live.timer);
  live.timer = setInterval(() => beat(lose), BEAT_MS);
}

// Opus at 64 kbit/s carries everything up to 20 kHz; Chrome's default for speech is half of that.
function fullBand(sdp) {
  const payload = /a=rtpmap:(\d+) opus\/48000/i.exec(sdp)?.[1];
  if (!payload) return sdp;
  const line = new RegExp(`a=fmtp:${payload} ([^\r\n]*)`);
  if (line.test(sdp)) return sdp.replace(line, `a=fmtp:${payload} $1;maxaveragebitrate=64000`);
  return sdp.replace(/(a=rtpmap:\d+ opus\/48000[^\r\n]*\r\n)/i, `$1a=fmtp:${payload} maxaveragebitrate=64000\r\n`);
}

function receive(message, lose) {
  live.heard = performance.now();
  if (message.type === "stats") {
    live.server = message.value;
    figures.server(message.value);
    mark("avatars", message.value.avatar);
    look.receive(message.value);
    if (wardrobe.receive(message.value)) styleChips(message.value.style);
    mark("styles", message.value.style);
    if (message.value.pictures > 0 && $("status").dataset.state !== "live") {
      status("live", "Live");
      $("curtain").hidden = $("notice").hidden = true;
      buttons(true);
    }
  } else if (message.type === "key") {
    camera.connected();
    wardrobe.connected(message.value);
    look.connected(message.value);
  } else if (message.type === "camera") {
    camera.receive(message.value);
  } else if (message.type === "error") {
    if (message.value !== camera.report?.text) status("live", message.value); // its card says it
  } else if (message.type === "bye") {
    lose("lost", `The server ended the session: ${message.value}. Trying again…`);
  }
}

function beat(lose) {
  if (performance.now() - live.heard > SILENT_MS) return lose("lost");
  say("ping", performance.now());
  figures.client(live.pc);
}

function say(type, value) {
  if (live.channel?.readyState === "open") live.channel.send(JSON.stringify({ type, value }));
}

function retry(kind, text) {
  if (!live.wanted) return;
  stopRecording();
  disconnect();
  notice(kind, text);
  buttons(false);
  $("stop").disabled = false;
  const generation = ++live.generation;
  const wait = BACK_OFF_MS[Math.min(live.tries++, BACK_OFF_MS.length - 1)];
  setTimeout(() => { if (live.wanted && generation === live.generation) connect(); }, wait);
}

function disconnect() {
  clearInterval(live.timer);
  say("bye");
  live.pc?.close();
  live.pc = live.channel = null;
  camera.disconnected();
  wardrobe.disconnected();
  look.disconnected();
  figures.clear();
}

function hangUp() {
  live.wanted = false;
  live.generation++;
  stopRecording();
  disconnect();
  closeMicrophone();
  camera.stop();
  figures.level(null);
  $("avatar").srcObject = null;
  $("notice").hidden = true;
  $("curtain").hidden = false;
  $("start").disabled = false;
  buttons(false);
  status("off", "Not live");
}

// --- controls -------------------------------------------------------------------------------

function chosen(group) {
  return document.querySelector(`input[name=${group}]:checked`)?.value;
}

function mark(group, value) {
  const input = [...document.getElementsByName(group)].find((i) => i.value === value);
  if (input && performance.now() - (group === "avatars" ? live.pickedAvatar ?? -9e9 : live.pickedStyle ?? -9e9) > 2500) input.checked = true;
}

function bundled(name) {
  return live.choices.styles.includes(name) ? name : undefined;
}

function styleChips(current) {
  chips("styles", [...live.choices.styles, ...wardrobe.names], current, "style");
  wardrobe.show();
}

function portrait(name) {
  return `/portrait?avatar=${encodeURIComponent(name)}`;
}

// Pictures for the pickers come one after another: a browser keeps few connections to one server,
// and an offer must not wait behind a dozen of them.
let shown = Promise.resolve();
function face(name) {
  const image = Object.assign(new Image(64, 64), { alt: "" });
  shown = shown.then(() => new Promise((done) => {
    image.onload = image.onerror = done;
    image.src = `${portrait(name)}&size=small`;
  }));
  return image;
}

function chips(group, names, current, type) {
  $(group).replaceChildren(...names.map((name) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: group, value: name, checked: name === current });
    input.addEventListener("change", () => {
      live[type === "avatar" ? "pickedAvatar" : "pickedStyle"] = performance.now();
      say(type, name);
      if (type === "avatar") {
        $("portrait").src = portrait(name);
        look.worn();
      } else wardrobe.show();
    });
    label.className = "chip";
    label.append(input);
    if (type === "avatar") label.append(face(name));
    label.append(Object.assign(document.createElement("span"), { textContent: name.split(/[\\/]/).pop() }));
    return label;
  }));
}

function toggle(id, act) {
  $(id).addEventListener("click", async () => {
    const on = $(id).getAttribute("aria-pressed") !== "true";
    if ((await act(on)) !== false) $(id).setAttribute("aria-pressed", String(on));
  });
}

toggle("mute", (on) => {
  if (live.mic) live.mic.enabled = !on;
  $("mute").querySelector("span").textContent = on ? "Muted" : "Mute";
});

toggle("hear", (on) => { $("avatar").muted = !on; });

toggle("camera", async (on) => {
  const self = $("self");
  if (!on) {
    self.srcObject = null;
    self.hidden = true;
    camera.close("self");
    return true;
  }
  try {
    self.srcObject = await camera.open("self");
  } catch (error) {
    if (error.message) status($("status").dataset.state, error.message);
    return false;
  }
  self.hidden = false;
  return true;
});

toggle("record", (on) => (on ? startRecording() : stopRecording()));

function startRecording() {
  const type = ["video/mp4;codecs=avc1.42E01F,mp4a.40.2", "video/webm;codecs=h264,opus", "video/webm"].find((t) => window.MediaRecorder?.isTypeSupported(t));
  if (!type) {
    status("live", "This browser cannot record");
    return false;
  }
  const recorder = (live.recorder = new MediaRecorder(live.stream, { mimeType: type, videoBitsPerSecond: 4e6 }));
  const parts = [];
  const began = performance.now();
  const clock = setInterval(() => {
    const s = Math.floor((performance.now() - began) / 1000);
    $("rec-time").textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  }, 250);
  recorder.addEventListener("dataavailable", ({ data }) => { if (data.size) parts.push(data); });
  recorder.addEventListener("stop", () => {
    clearInterval(clock);
    $("rec").hidden = true;
    const url = URL.createObjectURL(new Blob(parts, { type }));
    const name = `vivify-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.${type.includes("mp4") ? "mp4" : "webm"}`;
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  });
  recorder.start(1000);
  $("rec").hidden = false;
  return true;
}

function stopRecording() {
  if (live.recorder?.state === "recording") live.recorder.stop();
  live.recorder = null;
  $("record").setAttribute("aria-pressed", "false");
  return true;
}

$("start").addEventListener("click", () => start());
$("retry").addEventListener("click", () => start());
$("watch").addEventListener("click", () => start(false));
$("stop").addEventListener("click", hangUp);
$("mic").addEventListener("change", changeMicrophone);
navigator.mediaDevices?.addEventListener("devicechange", listMicrophones);
addEventListener("pagehide", () => { live.wanted = false; disconnect(); });
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const button = $({ m: "mute", h: "hear", c: "camera", r: "record", f: "follow" }[event.key.toLowerCase()] ?? "");
  if (button && !button.disabled) button.click();
});

// Where the voice and the camera go is said in words that are true of this address.
function tellWhere() {
  const here = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  if (here) return;
  $("where").textContent = location.hostname;
  $("camera-where").textContent = `the computer that runs Vivify (${location.hostname})`;
}

async function load() {
  tellWhere();
  try {
    live.choices = await (await fetch("/choices.json")).json();
  } catch {
    notice("lost", "The server does not answer. Start it, then try again.");
    return;
  }
  const { avatars, avatar, style, microphone } = live.choices;
  const [wide, high] = [live.choices.size].flat().concat(live.choices.size);
  $("screen").style.setProperty("--shape", String(wide / high));
  chips("avatars", avatars, avatar, "avatar");
  look.offer(live.choices);
  styleChips(style);
  camera.offer(live.choices.camera);
  $("portrait").src = portrait(avatar);
  if (microphone === "server") {
    $("mic-card").hidden = $("mute").hidden = true;
    $("hear").click(); // the voice is already in the room
    $("hint").textContent = "The microphone of the server is live. This page shows the avatar.";
    $("start").textContent = "Watch";
  }
  await listMicrophones();
}
load();
