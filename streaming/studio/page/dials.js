// The controls of one group, made from what the server says can be turned.
import { Ball } from "/page/ball.js";

const BACKDROPS = [
  ["#cfe3ee", "#f3d9c9", "#fdf3e7"], ["#f6d9b8", "#e8a888", "#fff1dc"], ["#fbe3ea", "#d9d2f2", "#fff7fa"],
  ["#cdeae4", "#e9d6b8", "#f8f7ea"], ["#dfe6da", "#b9c9b4", "#f7f6e8"], ["#2b2d4a", "#1a1830", "#4a4a78"],
];

function make(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
}

const round = (x) => Math.round(x * 1e4) / 1e4;

export class Dials {
  // `book`: get(path), set(path, value, done), colors; done: a gesture has ended.
  constructor(book) {
    this.book = book;
    this.count = 0;
    this.brows = null; // where the brows' sliders start from
  }

  // A recipe from elsewhere: the brows' sliders stand in the middle of its line.
  opened() {
    this.brows = null;
  }

  draw(panel, group) {
    panel.replaceChildren(...group.dials.map((dial) => this[dial.kind](dial)));
  }

  slider({ label, ends = [], low, high, step, unit = "" }, value, reset, changed) {
    const id = `dial-${++this.count}`;
    const input = make("input", { type: "range", id, min: low, max: high, step, value });
    const output = make("output", { htmlFor: id });
    const show = () => { output.textContent = step >= 1 ? input.value + unit : Number(input.value).toFixed(2); };
    input.addEventListener("input", () => { show(); changed(Number(input.value), false); });
    input.addEventListener("change", () => changed(Number(input.value), true));
    input.addEventListener("dblclick", () => { input.value = reset; show(); changed(reset, true); });
    show();
    const [left, right] = ends.filter(Boolean).length ? ends.map((text) => make("span", { textContent: text })) : ["", ""];
    return make("div", { className: "dial" }, make("label", { htmlFor: id, textContent: label }), output, make("div", { className: "track" }, left, input, right));
  }

  number(dial) {
    const value = this.book.get(dial.path) ?? dial.default;
    return this.slider(dial, value, dial.default, (x, done) => this.book.set(dial.path, x === dial.default ? undefined : round(x), done));
  }

  // Two opposite targets: left of the middle one grows, right of it the other.
  pair(dial) {
    const [low, high] = dial.targets;
    const targets = this.book.get("identity.targets") ?? {};
    const value = (targets[high] ?? 0) - (targets[low] ?? 0);
    return this.slider(dial, value, 0, (x, done) => {
      const all = { ...(this.book.get("identity.targets") ?? {}) };
      delete all[low];
      delete all[high];
      if (x > 0) all[high] = round(x);
      if (x < 0) all[low] = round(-x);
      this.book.set("identity.targets", Object.keys(all).length ? all : undefined, done);
    });
  }

  mix(dial) {
    const names = Object.keys(dial.names);
    const found = this.book.get(dial.path) ?? Object.fromEntries(names.map((n) => [n, 1 / names.length]));
    const total = Object.values(found).reduce((a, b) => a + b, 0) || 1;
    const shares = Object.fromEntries(names.map((n) => [n, (found[n] ?? 0) / total]));
    const rows = names.map((name) => this.slider({ label: dial.names[name], low: 0, high: 1, step: 0.01 }, shares[name], 1 / names.length, (x, done) => {
      shares[name] = x;
      if (Object.values(shares).some((s) => s > 0)) this.book.set(dial.path, Object.fromEntries(names.map((n) => [n, round(shares[n])])), done);
    }));
    return make("div", { className: "dial mixed", role: "group", ariaLabel: dial.label }, make("span", { className: "name", textContent: dial.label }), ...rows);
  }

  // Height, slant and arch of the brows' painted line.
  bend(curve, { lift, slant, arch }) {
    const [from, to] = [curve[0][0], curve.at(-1)[0]];
    return curve.map(([x, y, width]) => {
      const t = (x - from) / (to - from || 1);
      return [x, round(Math.max(-0.5, Math.min(1, y + lift + slant * (1 - 2 * t) + arch * (4 * t * (1 - t) - 0.5)))), width];
    });
  }

  line(dial) {
    this.brows ??= { curve: this.book.get(dial.path) ?? dial.curve, moves: { lift: 0, slant: 0, arch: 0 } };
    const { curve, moves } = this.brows;
    return this.slider(dial, moves[dial.move], 0, (x, done) => {
      moves[dial.move] = x;
      this.book.set(dial.path, this.bend(curve, moves), done);
    });
  }

  chips(dial, type, on, changed) {
    const name = `dial-${++this.count}`;
    const chips = dial.options.map((option) => {
      const input = make("input", { type, name, value: option.value, checked: on(option.value) });
      input.addEventListener("change", () => changed(option.value, input));
      return make("label", { className: "chip", title: option.hint ?? "" }, input, option.label);
    });
    return make("div", { className: "dial", role: "group", ariaLabel: dial.label },
      make("span", { className: "name", textContent: dial.label }), make("div", { className: "chips" }, ...chips));
  }

  choice(dial) {
    const now = this.book.get(dial.path) ?? dial.default;
    return this.chips(dial, "radio", (v) => v === now, (v) => this.book.set(dial.path, v === dial.default ? undefined : v, true));
  }

  // Of two things at one place the one that was ticked last stays.
  many(dial) {
    const places = Object.fromEntries(dial.options.map(({ value, place }) => [value, place ?? value]));
    if (!dial.options.length) return make("p", { className: "small", textContent: "Nothing to wear here yet." });
    return this.chips(dial, "checkbox", (v) => (this.book.get(dial.path) ?? []).includes(v), (v, input) => {
      const rest = (this.book.get(dial.path) ?? []).filter((x) => places[x] !== places[v]);
      if (input.checked && rest.length >= dial.most) return void (input.checked = false);
      const all = input.checked ? [...rest, v] : rest;
      for (const other of input.closest(".chips").querySelectorAll("input")) other.checked = all.includes(other.value);
      this.book.set(dial.path, all.length ? all : undefined, true);
    });
  }

  color(dial) {
    const name = dial.path.split(".")[1];
    const own = () => this.book.get(dial.path);
    const input = make("input", { type: "color", value: own() ?? this.book.colors[name] ?? "#888888", ariaLabel: dial.label });
    const auto = make("button", { type: "button", className: "quiet", textContent: "Auto", title: "Derived from the other colours", hidden: !own() });
    const swatches = dial.swatches.map((color) => {
      const button = make("button", { type: "button", title: color, ariaLabel: `${dial.label} ${color}` });
      button.style.setProperty("--swatch", color);
      button.addEventListener("click", () => { input.value = color; set(color, true); });
      return button;
    });
    const mark = () => swatches.forEach((b) => b.setAttribute("aria-pressed", String(b.title === input.value)));
    const set = (value, done) => {
      this.book.set(dial.path, value, done);
      auto.hidden = !value;
      mark();
    };
    input.addEventListener("input", () => set(input.value, false));
    input.addEventListener("change", () => set(input.value, true));
    auto.addEventListener("click", () => set(undefined, true));
    mark();
    const element = make("div", { className: "dial" }, make("span", { className: "name", textContent: dial.label }), make("span", { className: "pick" }, auto, input));
    if (swatches.length) element.append(make("div", { className: "swatches" }, ...swatches));
    element.shown = (colors) => { if (!own()) input.value = colors[name] ?? input.value; };
    return element;
  }

  light(dial) {
    const element = make("div", { className: "ball", ariaLabel: dial.label });
    const ball = new Ball(element, (light, done) => this.book.set(dial.path, light, done));
    ball.show(this.book.get(dial.path) ?? dial.default);
    return make("div", { className: "dial" }, make("span", { className: "name", textContent: dial.label }),
      element, make("p", { className: "small", textContent: "Drag to where the light comes from." }));
  }

  background(dial) {
    const box = make("div", { className: "dial", role: "group", ariaLabel: dial.label });
    const draw = () => {
      const now = this.book.get(dial.path) ?? { kind: "gradient", top: BACKDROPS[0][0], bottom: BACKDROPS[0][1], glow: BACKDROPS[0][2] };
      const set = (value, done, again) => { this.book.set(dial.path, value, done); if (again) draw(); };
      const options = [["gradient", "Gradient"], ["plain", "Plain"], ["transparent", "Transparent"]].map(([value, label]) => ({ value, label }));
      const kinds = this.chips({ label: dial.label, options }, "radio", (v) => v === now.kind, (kind) => {
        const tint = now.color ?? now.bottom ?? "#dfe6ee";
        set(kind === "plain" ? { kind, color: tint } : kind === "gradient" ? { kind, top: tint, bottom: tint, glow: "#ffffff" } : { kind }, true, true);
      });
      const inks = Object.keys(now).filter((k) => k !== "kind").map((k) => {
        const input = make("input", { type: "color", value: now[k] });
        for (const [event, done] of [["input", false], ["change", true]]) input.addEventListener(event, () => set({ ...(this.book.get(dial.path) ?? now), [k]: input.value }, done));
        return make("label", {}, k[0].toUpperCase() + k.slice(1), input);
      });
      const ready = BACKDROPS.map(([top, bottom, glow]) => {
        const button = make("button", { type: "button", className: "wide", ariaLabel: `Gradient from ${top} to ${bottom}` });
        button.style.setProperty("--swatch", `linear-gradient(${top}, ${bottom})`);
        button.addEventListener("click", () => set({ kind: "gradient", top, bottom, glow }, true, true));
        return button;
      });
      box.replaceChildren(...kinds.childNodes, make("div", { className: "swatches" }, ...ready), make("div", { className: "inks" }, ...inks));
    };
    draw();
    return box;
  }
}
