// The live picture: JPEGs over a WebSocket, each acknowledged when drawn; drag to turn the head.

const BACK_OFF_MS = [300, 1000, 3000];
const DEGREES = 90; // of turning for a drag across the picture
const STEP = 6; // degrees for an arrow key

export class Preview {
  // `heard(kind, value)`: messages of the server; `opened()`: connected, also again.
  constructor(canvas, heard, opened) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.heard = heard;
    this.opened = opened;
    this.turn = { yaw: 0, pitch: 0 };
    this.drawn = 0; // pictures
    this.tries = 0;
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.connect();
  }

  connect() {
    const socket = (this.socket = new WebSocket(`ws${location.protocol.slice(4)}//${location.host}/ws`));
    socket.binaryType = "blob";
    socket.addEventListener("open", () => {
      this.tries = 0;
      this.opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof Blob) this.show(socket, data);
      else {
        const { type, value } = JSON.parse(data);
        this.heard(type, value);
      }
    });
    socket.addEventListener("close", () => {
      this.heard("lost");
      setTimeout(() => this.connect(), BACK_OFF_MS[Math.min(this.tries++, BACK_OFF_MS.length - 1)]);
    });
  }

  async show(socket, blob) {
    const picture = await createImageBitmap(blob).catch(() => null);
    if (picture) {
      if (this.canvas.width !== picture.width) this.canvas.width = this.canvas.height = picture.width;
      this.context.drawImage(picture, 0, 0);
      picture.close();
      this.drawn++;
    }
    if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"drawn"}');
  }

  say(type, value) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, value }));
  }

  grab(event) {
    const { clientX: x, clientY: y } = event;
    const { yaw, pitch } = this.turn;
    const scale = DEGREES / this.canvas.clientWidth;
    const move = (e) => this.look(yaw + (e.clientX - x) * scale, pitch - (e.clientY - y) * scale * 0.6);
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    const drop = () => this.canvas.removeEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, drop, { once: true });
  }

  key(event) {
    const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key] ?? [0, 0];
    if (event.key === "Home") this.look(0, 0);
    else if (dx || dy) this.look(this.turn.yaw + dx, this.turn.pitch + dy);
    else return;
    event.preventDefault();
  }

  look(yaw, pitch) {
    const within = (x, most) => Math.max(-most, Math.min(most, x));
    this.turn = { yaw: within(yaw, 40), pitch: within(pitch, 20) };
    this.say("turn", this.turn);
  }
}
