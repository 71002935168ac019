// The camera: asked for when it is first used, sent only while the server looks at it.
// Three may use it: "self" (the self-view, which stays in this browser), "follow" and "learn".

const COUNT = 3; // seconds before a recording
const PRAISE_MS = 8000;
const ADVICE = {
  waiting: ["Waiting for the first picture…", "warn"],
  good: ["Face seen.", "good"],
  nobody: ["No face seen. Sit in the middle, facing the camera.", "warn"],
  dark: ["Too dark to see a face. Turn on a light.", "warn"],
  side: ["Turn your face to the camera.", "warn"],
  still: ["The picture stands still. Is the camera covered or stuck?", "warn"],
  silent: ["Face seen. Speak on: your style is in how you speak.", "warn"],
};
const TROUBLE = {
  NotAllowedError: "The camera is blocked. Allow it for this page (the icon beside the address), then try again.",
  NotFoundError: "No camera found. Plug one in or switch it on, then try again.",
  NotReadableError: "The camera is busy. Close the program that holds it, then try again.",
  insecure: "This address cannot use a camera. Browsers allow it only on https pages and on this very computer.",
};
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

export class Camera {
  constructor($, say) {
    this.$ = $;
    this.say = say;
    this.users = new Map(); // who uses the camera -> a mark of this use
    this.stream = null;
    this.opening = null; // the question for a stream that is not answered yet
    this.asked = false; // the server was told to look
    this.sender = null;
    this.report = null; // the server's latest
    this.ready = []; // who waits for the server to be ready to look
    this.session = 0; // changes with every connection and cancels what belonged to the last
    this.watched = 0; // counts recordings, likewise
    this.taking = false; // the server was told to record
    this.recorded = false; // it has said how far it is
    this.missing = "";
    this.resting = ""; // what the card says while nobody looks
    this.praised = 0; // until then the praise for a recording stays
    $("follow").addEventListener("change", () => this.follow($("follow").checked));
    $("learn").addEventListener("click", () => this.learn());
    $("studio-cancel").addEventListener("click", () => this.leaveStudio());
  }

  // The server offers a camera or says what is missing; null: it takes none.
  offer(camera) {
    this.$("camera-card").hidden = !camera;
    this.missing = camera?.missing ?? "";
    this.rest(this.missing);
  }

  // --- connection ---------------------------------------------------------------------------

  // A place for the camera in the offer, empty until it is used.
  place(pc) {
    const encoding = { maxBitrate: 700_000, maxFramerate: 25 };
    this.sender = pc.addTransceiver("video", { direction: "sendonly", sendEncodings: [encoding] }).sender;
  }

  // The control channel is open; what was followed before a lost connection is followed again.
  connected() {
    this.session++;
    for (const id of ["learn", "follow"]) this.$(id).disabled = false;
    if (this.users.has("follow")) this.follow(true);
  }

  disconnected() {
    this.session++;
    this.report = null;
    this.sender = null;
    this.asked = false;
    this.ready.splice(0).forEach(({ no }) => no(new Error("")));
    this.leaveStudio();
    for (const id of ["learn", "follow"]) this.$(id).disabled = true;
    this.hint(this.resting, "warn");
  }

  // Nobody is live any more.
  stop() {
    this.$("follow").checked = false;
    for (const user of ["follow", "learn"]) this.users.delete(user);
    this.tidy();
  }

  receive(report) {
    this.report = report;
    if (report.status === "ready") this.ready.splice(0).forEach(({ yes }) => yes());
    if (report.status === "absent") this.ready.splice(0).forEach(({ no }) => no(new Error(report.text)));
    const looking = this.users.has("follow") || this.users.has("learn");
    if (report.text) this.hint(report.text, "warn");
    else if (report.status === "loading") this.hint("Getting the face tracker ready. The first time takes a minute…", "warn");
    else if (performance.now() < this.praised) return this.studio(report);
    else if (looking && report.status === "ready") this.hint(...(ADVICE[report.advice] ?? [""]));
    else if (!looking) this.hint(this.resting, "warn");
    if (report.status === "off" && report.text) this.giveUp(report.text);
    this.studio(report);
  }

  // --- use ----------------------------------------------------------------------------------

  // A mark of this use; it is gone once the use has ended, even where another has begun.
  want(user) {
    if (!this.users.has(user)) this.users.set(user, {});
    return this.users.get(user);
  }

  // Throws without a text, for nobody needs to be told, where the use has ended meanwhile.
  check(user, use) {
    if (this.users.get(user) !== use) throw new Error("");
  }

  async open(user, use = this.want(user)) {
    try {
      if (!navigator.mediaDevices) throw new Error(TROUBLE.insecure);
      if (!this.stream) await (this.opening ??= this.ask());
    } catch (error) {
      this.check(user, use);
      this.users.delete(user);
      throw new Error(TROUBLE[error.name] ?? (error.message || error.name));
    }
    this.check(user, use);
    return this.stream;
  }

  // Asks the person for the camera, once for all who wait; a late yes finds nobody and is let go.
  async ask() {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25, max: 30 }, facingMode: "user" },
      });
      this.stream = stream;
      stream.getVideoTracks()[0].onended = () => this.giveUp("The camera was unplugged. Plug it in, then try again.");
    } finally {
      this.opening = null;
      this.tidy();
    }
  }

  close(user) {
    this.users.delete(user);
    this.ready.filter((one) => one.user === user).forEach(({ no }) => no(new Error("")));
    this.ready = this.ready.filter((one) => one.user !== user);
    this.tidy();
  }

  // The server is asked first: the camera is not touched where nobody could look.
  async send(user) {
    const use = this.want(user);
    this.resting = this.missing;
    await new Promise((yes, no) => {
      if (this.asked && this.report?.status === "ready") return yes();
      this.ready.push({ user, yes, no });
      this.asked = true;
      this.say("camera", true);
    });
    this.check(user, use);
    const stream = await this.open(user, use);
    await this.sender?.replaceTrack(stream.getVideoTracks()[0]);
    this.check(user, use);
  }

  tidy() {
    if (!this.users.has("follow") && !this.users.has("learn")) {
      this.sender?.replaceTrack(null).catch(() => {});
      if (this.asked) this.say("camera", false);
      this.asked = false;
      if (this.report) this.report.status = "off";
    }
    if (!this.users.size) {
      this.stream?.getTracks().forEach((track) => track.stop());
      this.stream = null;
    }
  }

  giveUp(text) {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.users.clear();
    this.ready.splice(0).forEach(({ no }) => no(new Error("")));
    this.$("follow").checked = false;
    this.$("self").srcObject = null;
    this.$("self").hidden = true;
    this.$("camera").setAttribute("aria-pressed", "false");
    this.leaveStudio();
    this.tidy();
    this.rest(text);
  }

  async follow(on) {
    const session = this.session;
    if (!on) {
      this.say("follow", false);
      this.hint("");
      return this.close("follow");
    }
    try {
      await this.send("follow");
      if (session === this.session) this.say("follow", true);
    } catch (error) {
      if (session !== this.session || !error.message) return;
      this.$("follow").checked = false;
      this.close("follow");
      this.rest(error.message);
    }
  }

  // --- recording one's style ----------------------------------------------------------------

  async learn() {
    const take = ++this.watched;
    const stale = () => take !== this.watched;
    try {
      await this.send("learn");
      if (stale()) return;
      this.$("studio-self").srcObject = this.stream;
      this.$("studio").hidden = false;
      this.$("screen").scrollIntoView({ block: "nearest" });
      this.$("studio-cancel").focus();
      this.$("studio-bar").style.transform = "scaleX(0)";
      for (let left = COUNT; left > 0; left--) {
        this.$("studio-count").textContent = left;
        await wait(1000);
        if (stale()) return;
      }
      this.$("studio-count").textContent = "";
      this.taking = true;
      this.say("learn", true);
    } catch (error) {
      if (stale() || !error.message) return;
      this.leaveStudio();
      this.rest(error.message);
    }
  }

  studio(report) {
    if (this.$("studio").hidden) return;
    const [text, grade] = report.working ? ["Learning your style…", "good"] : ADVICE[report.advice] ?? ["", ""];
    this.$("studio-coach").textContent = report.advice === "good" && !report.working ? `${text} Look at the camera and speak.` : text;
    this.$("studio-coach").dataset.grade = grade;
    if (report.progress !== null) {
      this.recorded = true;
      this.$("studio-bar").style.transform = `scaleX(${report.progress})`;
      const left = Math.ceil(report.seconds * (1 - report.progress));
      this.$("studio-left").textContent = `Recording · ${left} s`;
    } else if (this.recorded && !report.working) {
      this.leaveStudio(false);
      if (report.text) return;
      this.praised = performance.now() + PRAISE_MS;
      this.hint("This is your style now. Save it to use it again.", "good");
    }
  }

  leaveStudio(cancel = true) {
    this.watched++;
    if (cancel && this.taking) this.say("learn", false);
    this.taking = this.recorded = false;
    this.$("studio").hidden = true;
    this.$("studio-self").srcObject = null;
    this.$("studio-left").textContent = this.$("studio-coach").textContent = "";
    this.close("learn");
  }

  rest(text) {
    this.resting = text;
    this.hint(text, "warn");
  }

  hint(text, grade = "") {
    this.$("camera-hint").textContent = text;
    this.$("camera-hint").dataset.grade = grade;
  }
}
