// A photographic avatar from a video or a photo: asked for, waited for, shown.

const ASK_MS = 1000;

export class Person {
  // `ask`: fetches JSON or throws what to tell; `made(name)`: an avatar is there.
  constructor($, ask, made) {
    Object.assign(this, { $, ask, made, timer: 0, working: false });
    $("person").addEventListener("click", () => this.open());
    for (const id of ["person-consent", "person-by", "person-name"]) $(id).addEventListener("input", () => this.allow());
    $("person-file").addEventListener("change", () => this.send());
    $("person-cancel").addEventListener("click", () => this.ask("/person/cancel", { method: "POST" }).then(() => this.follow(), (error) => this.tell("", error.message)));
  }

  async open() {
    this.$("person-consent").checked = false;
    this.tell("", "");
    this.allow();
    this.$("person-dialog").showModal();
    await this.follow();
  }

  // Only with consent and a name there is a file to choose.
  allow() {
    const { $ } = this;
    const agreed = $("person-consent").checked && $("person-by").value.trim() && $("person-name").checkValidity() && this.name;
    $("person-file").disabled = !agreed || this.working || Boolean(this.missing);
  }

  get name() {
    return this.$("person-name").value.normalize("NFD").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "").slice(0, 32);
  }

  async send(replace = false, file = this.$("person-file").files[0]) {
    this.$("person-file").value = "";
    if (!file || !this.$("person-consent").checked) return;
    this.tell("Reading the file…", "");
    this.work(true);
    const query = new URLSearchParams({ consent: "yes", by: this.$("person-by").value.trim(), name: this.name, file: file.name });
    if (replace) query.set("replace", "yes");
    try {
      await this.ask(`/person?${query}`, { method: "POST", body: file });
      await this.follow();
    } catch (error) {
      this.work(false);
      if (error.status === 409 && error.message.includes("exists") && confirm(`${error.message}. Replace it?`)) return this.send(true, file);
      this.tell("", error.message);
    }
  }

  // What the server says of it, again and again while it works; the dialog may be closed meanwhile.
  async follow() {
    clearTimeout(this.timer);
    let now;
    try {
      now = await this.ask("/person");
    } catch (error) {
      this.work(false);
      return this.tell("", error.message);
    }
    const { state, share = 0, words = "", seconds = 0 } = now;
    this.missing = now.missing;
    const was = this.working;
    this.work(state === "running", share);
    if (state === "running") {
      const left = share > 0.05 ? `, about ${Math.max(1, Math.round((seconds / share - seconds) / 60))} min left` : "";
      this.tell(`${words || "Beginning"}… ${Math.round(100 * share)} %${left}. You may close this window.`, "");
      this.timer = setTimeout(() => this.follow(), ASK_MS);
    } else if (state === "failed") this.tell("", was ? now.message : "");
    else if (state === "cancelled") this.tell(was ? "Stopped; the file is deleted." : "", "");
    else if (state === "done" && was) {
      this.tell(`Saved in ${now.folder}. Use it live:`, "");
      this.$("person-command").textContent = now.command;
      this.$("person-saved").hidden = false;
      this.made(now.name);
    }
    if (now.missing) this.tell("", now.missing);
  }

  work(on, share) {
    const { $ } = this;
    this.working = on;
    for (const id of ["person-work", "person-cancel"]) $(id).hidden = !on;
    if (on) $("person-saved").hidden = true;
    if (share > 0) $("person-work").value = share;
    else $("person-work").removeAttribute("value"); // it works, nobody knows how far
    this.allow();
  }

  tell(text, error) {
    if (this.$("person-told").textContent !== text) this.$("person-told").textContent = text;
    this.$("person-error").textContent = error;
  }
}
