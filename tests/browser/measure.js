// Runs in the page under test: records what a person would see and hear, for tests/browser/figures.py.
// `vivifyRecord(seconds)` resolves to pictures (luma 160x160 + hash + RTP time), both sounds and stats.
(() => {
  const SIDE = 160;
  const HASH_SIDE = 256;

  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    const track = stream.getAudioTracks()[0];
    // What the microphone hears, whatever the page mutes.
    if (track) window.vivifyReference = new MediaStream([track.clone()]);
    return stream;
  };

  const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
    constructor() { super(); this.held = [[], []]; this.from = -1; }
    process(inputs) {
      if (this.from < 0) this.from = currentFrame;
      inputs.forEach((input, i) => {
        const x = input[0] ?? new Float32Array(128);
        for (let k = 0; k < 128; k += 4) this.held[i].push((x[k] + x[k + 1] + x[k + 2] + x[k + 3]) / 4);
      });
      if (this.held[0].length >= 1200) {
        this.port.postMessage({ from: this.from, held: this.held });
        this.held = [[], []]; this.from = -1;
      }
      return true;
    }
  });`;

  const base64 = (buffer) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1] ?? "");
    reader.readAsDataURL(new Blob([buffer]));
  });

  async function tap(context, sources) {
    const url = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    const node = new AudioWorkletNode(context, "tap", { numberOfInputs: 2, numberOfOutputs: 0 });
    sources.forEach((stream, i) => context.createMediaStreamSource(stream).connect(node, 0, i));
    const blocks = [];
    node.port.onmessage = ({ data }) => blocks.push({ ...data, got: performance.now() });
    return blocks;
  }

  function watch(video, pictures) {
    const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
    const large = new OffscreenCanvas(HASH_SIDE, HASH_SIDE).getContext("2d", { willReadFrequently: true });
    let on = true;
    const look = (now, meta) => {
      if (!on) return;
      video.requestVideoFrameCallback(look);
      small.drawImage(video, 0, 0, SIDE, SIDE);
      large.drawImage(video, 0, 0, HASH_SIDE, HASH_SIDE);
      const words = new Uint32Array(large.getImageData(0, 0, HASH_SIDE, HASH_SIDE).data.buffer);
      let hash = 2166136261;
      for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 16777619);
      const rgba = small.getImageData(0, 0, SIDE, SIDE).data;
      const luma = new Uint8Array(SIDE * SIDE);
      for (let i = 0; i < luma.length; i++) luma[i] = (rgba[4 * i] * 77 + rgba[4 * i + 1] * 150 + rgba[4 * i + 2] * 29) >> 8;
      pictures.push({ luma, at: meta.expectedDisplayTime, now, hash: hash >>> 0, rtp: meta.rtpTimestamp, received: meta.receiveTime, shown: meta.presentedFrames });
    };
    video.requestVideoFrameCallback(look);
    return () => { on = false; };
  }

  async function stats(pc) {
    const reports = [...(await pc.getStats()).values()];
    const codecs = Object.fromEntries(reports.filter((r) => r.type === "codec").map((r) => [r.id, r.mimeType]));
    const pick = (kind) => {
      const r = reports.find((x) => x.type === "inbound-rtp" && x.kind === kind);
      return r && { ...r, codec: codecs[r.codecId] };
    };
    return { at: performance.now(), video: pick("video"), audio: pick("audio") };
  }

  window.vivifyRecord = async (seconds) => {
    const { pc, stream } = window.vivify;
    const video = document.getElementById("avatar");
    const context = new AudioContext({ sampleRate: 48000 });
    await context.resume();
    const remote = new MediaStream(stream.getAudioTracks());
    const blocks = await tap(context, [window.vivifyReference, remote]);
    const pictures = [];
    const stop = watch(video, pictures);
    const figures = [await stats(pc)];
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      await new Promise((r) => setTimeout(r, 250));
      figures.push(await stats(pc));
    }
    stop();
    const sound = new Float32Array(blocks.reduce((n, b) => n + b.held[0].length, 0) * 2);
    let at = 0;
    for (const b of blocks) for (let i = 0; i < b.held[0].length; i++) { sound[at++] = b.held[0][i]; sound[at++] = b.held[1][i]; }
    await context.close();
    const luma = new Uint8Array(pictures.length * SIDE * SIDE);
    pictures.forEach((p, i) => luma.set(p.luma, i * SIDE * SIDE));
    return {
      side: SIDE, luma: await base64(luma), sound: await base64(sound), from: blocks[0]?.from ?? 0, figures,
      // the promptest message tells when a sample came in; getOutputTimestamp is ahead by the device's buffer
      offset: Math.min(...blocks.map((b) => b.got - (b.from + b.held[0].length * 4) / 48)),
      pictures: pictures.map(({ luma, ...rest }) => rest),
      server: JSON.parse(JSON.stringify(window.vivifyServer ?? {})),
    };
  };

  // Milliseconds from sending the offer to the first picture on the screen.
  window.vivifyFirstPicture = () => new Promise((done) => {
    const video = document.getElementById("avatar");
    video.requestVideoFrameCallback((now) => {
      const offer = performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/offer")).pop();
      done(now - offer.startTime);
    });
  });
})();
