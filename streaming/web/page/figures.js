// Figures that a person understands: the delay, where it comes from, and whether lips and sound agree.

const PACKET_MS = 20; // from speaking to the packet's arrival
const DRAWN = { toon: "toon", neural: "neural network", "neural small": "small neural network" };
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

export class Figures {
  constructor($) {
    this.$ = $;
    this.last = {};
    this.skews = [];
    this.context = null;
    this.frame = 0;
  }

  text(id, text, grade = "") {
    this.$(id).textContent = text;
    this.$(id).dataset.grade = grade;
  }

  clear() {
    for (const id of ["total", "engine", "slow", "held", "net", "rtt", "fps", "renderer", "render", "skew"]) this.text(id, "–");
    this.last = {};
    this.skews = [];
  }

  // What the server says about its side, twice a second.
  server(stats) {
    this.stats = stats;
    const { engine_p50_ms: p50, engine_p95_ms: p95 } = stats;
    this.text("engine", p50 ? `${Math.round(p50)} ms` : "–", p50 <= 90 ? "good" : "warn");
    this.text("slow", p95 ? `${Math.round(p95)} ms` : "–", p95 <= 130 ? "good" : "warn");
    this.text("held", `${stats.delay_ms} ms`);
    const { renderer, eased, precision, render_ms: each } = stats;
    const drawn = (DRAWN[renderer] ?? renderer) + (precision ? ` (${precision})` : "") + (eased ? ", for now" : "");
    this.text("renderer", renderer ? drawn : "–", eased ? "warn" : "");
    this.text("render", renderer ? `${each.toFixed(each < 10 ? 1 : 0)} ms` : "–", each <= 30 ? "good" : "warn");
  }

  // What this browser measures, once a second.
  async client(pc) {
    if (!pc) return;
    const reports = [...(await pc.getStats()).values()];
    const inbound = Object.fromEntries(reports.filter((r) => r.type === "inbound-rtp").map((r) => [r.kind, r]));
    const pair = reports.find((r) => r.type === "candidate-pair" && r.nominated && r.currentRoundTripTime !== undefined);
    const rtt = (pair?.currentRoundTripTime ?? 0) * 1000;
    this.text("rtt", pair ? `${rtt < 1 ? "under 1" : Math.round(rtt)} ms` : "–");
    const { video, audio } = inbound;
    if (!video) return;
    const seconds = (video.timestamp - (this.last.timestamp ?? video.timestamp)) / 1000;
    if (seconds > 0) {
      const fps = (video.framesDecoded - this.last.framesDecoded) / seconds;
      this.text("fps", fps.toFixed(1), fps >= 24 ? "good" : fps >= 18 ? "warn" : "bad");
      const shown = video.jitterBufferEmittedCount - this.last.jitterBufferEmittedCount;
      const buffer = shown > 0 ? ((video.jitterBufferDelay - this.last.jitterBufferDelay) / shown) * 1000 : 0;
      this.budget(rtt / 2 + buffer);
    }
    this.last = video;
    this.skew(audio, video);
  }

  budget(net) {
    const { delay_ms: delay = 0, engine_p50_ms: engine = 0 } = this.stats ?? {};
    const sent = Math.max(delay, engine + PACKET_MS); // a picture that is late is shown late
    const total = sent + net;
    const scale = 100 / Math.max(total, 250);
    const widths = { engine, wait: Math.max(0, sent - engine), net };
    for (const [name, ms] of Object.entries(widths)) this.$("budget").querySelector(`.${name}`).style.width = `${ms * scale}%`;
    this.text("net", `${Math.round(net)} ms`);
    this.text("total", `${Math.round(total)} ms`);
    this.$("verdict").textContent = total <= 200 ? "behind you: feels live" : total <= 350 ? "behind you: a little late" : "behind you: late";
  }

  // Positive: the sound comes before the lips. People notice 45 ms early or 125 ms late.
  skew(audio, video) {
    if (!audio?.estimatedPlayoutTimestamp || !video?.estimatedPlayoutTimestamp) return;
    this.skews.push(audio.estimatedPlayoutTimestamp - video.estimatedPlayoutTimestamp);
    this.skews = this.skews.slice(-8);
    const ms = Math.round(mean(this.skews));
    const text = Math.abs(ms) <= 45 ? `in sync (${Math.abs(ms)} ms)` : ms > 0 ? `sound ${ms} ms early` : `sound ${-ms} ms late`;
    this.text("skew", text, ms <= 45 && ms >= -125 ? "good" : "warn");
  }

  // The bar under the microphone; null stops it.
  level(stream) {
    cancelAnimationFrame(this.frame);
    this.context?.close();
    this.context = null;
    this.paint(0);
    if (!stream) return;
    this.context = new AudioContext();
    const meter = new AnalyserNode(this.context, { fftSize: 1024 });
    this.context.createMediaStreamSource(stream).connect(meter);
    const samples = new Float32Array(meter.fftSize);
    let held = 0;
    const draw = () => {
      meter.getFloatTimeDomainData(samples);
      const db = 20 * Math.log10(Math.sqrt(mean(samples.map((x) => x * x))) + 1e-6);
      held = Math.max(held * 0.9, Math.min(1, Math.max(0, (db + 60) / 50)));
      this.paint(held);
      this.frame = requestAnimationFrame(draw);
    };
    draw();
  }

  paint(share) {
    this.$("level").firstElementChild.style.transform = `scaleX(${share.toFixed(3)})`;
    this.$("level").setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }
}
