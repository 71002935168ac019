// A small ball that is lit from where one drags: the direction to the key light.

const STEP = 0.08;

export class Ball {
  // `moved(light, done)`: [x, y, z] of length 1; `done` when the hand lets go.
  constructor(element, moved) {
    this.element = element;
    this.moved = moved;
    element.tabIndex = 0;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-valuemin", "-180");
    element.setAttribute("aria-valuemax", "180");
    element.addEventListener("pointerdown", (event) => this.grab(event));
    element.addEventListener("keydown", (event) => this.key(event));
    this.show([-0.55, 0.5, 0.67]);
  }

  show(light) {
    const length = Math.hypot(...light) || 1;
    this.light = light.map((x) => x / length);
    const [x, y] = this.light;
    this.element.style.setProperty("--x", `${50 + 44 * x}%`);
    this.element.style.setProperty("--y", `${50 - 44 * y}%`);
    const side = x < -0.15 ? "left" : x > 0.15 ? "right" : "the middle";
    this.element.setAttribute("aria-valuenow", Math.round((Math.atan2(y, x) * 180) / Math.PI));
    this.element.setAttribute("aria-valuetext", `from ${side}, ${y > 0.15 ? "above" : y < -0.15 ? "below" : "level"}`);
  }

  set(x, y, done) {
    const length = Math.hypot(x, y);
    const most = 0.96;
    if (length > most) [x, y] = [(x / length) * most, (y / length) * most];
    this.show([x, y, Math.sqrt(Math.max(0.05, 1 - x * x - y * y))]);
    this.moved(this.light.map((v) => Math.round(v * 1e4) / 1e4), done);
  }

  grab(event) {
    const box = this.element.getBoundingClientRect();
    const at = (e, done) => this.set(((e.clientX - box.left) / box.width) * 2 - 1, 1 - ((e.clientY - box.top) / box.height) * 2, done);
    const move = (e) => at(e, false);
    this.element.setPointerCapture(event.pointerId);
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", (e) => {
      this.element.removeEventListener("pointermove", move);
      at(e, true);
    }, { once: true });
    at(event, false);
    event.preventDefault();
    this.element.focus();
  }

  key(event) {
    const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    this.set(this.light[0] + dx, this.light[1] + dy, true);
  }
}
