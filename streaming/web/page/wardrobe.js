// Styles of one's own: recorded or loaded, saved to a file, brought along to the next connection.

export class Wardrobe {
  constructor($, say, chosen) {
    this.$ = $;
    this.say = say;
    this.chosen = chosen;
    this.key = "";
    this.names = []; // as the server tells them
    this.count = 0; // of styles the server has taken in
    this.kept = new Map(); // name -> content of the .style file
    $("save").addEventListener("click", () => this.save());
    $("forget").addEventListener("click", () => this.forget());
    $("load").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => this.load());
  }

  // A new session knows none of our styles: hand them over, the worn one last.
  async connected(key) {
    this.key = key;
    this.$("load").disabled = false;
    const worn = this.worn;
    const rest = [...this.kept.keys()].filter((name) => name !== worn);
    for (const name of this.kept.has(worn) ? [...rest, worn] : rest) await this.send(this.kept.get(name));
    if (worn && !this.kept.has(worn)) this.say("style", worn);
  }

  disconnected() {
    this.key = "";
    this.names = [];
    this.count = 0;
    this.$("load").disabled = true;
    this.show();
  }

  // The figures tell which styles are ours and which is worn; true when the chips must change.
  receive(stats) {
    this.worn = stats.style;
    const names = stats.own ?? [];
    const changed = names.join("\n") !== this.names.join("\n");
    this.names = names;
    if (stats.kept !== this.count) for (const name of names) this.keep(name);
    this.count = stats.kept;
    this.show();
    return changed;
  }

  show() {
    const own = this.names.includes(this.chosen("styles"));
    for (const id of ["save", "forget"]) this.$(id).hidden = !own;
  }

  request(method, query = "", body) {
    return fetch(`/style${query}`, { method, body, headers: { Authorization: `Bearer ${this.key}` } });
  }

  async keep(name) {
    const response = await this.request("GET", `?name=${encodeURIComponent(name)}`).catch(() => null);
    if (response?.ok) this.kept.set(name, await response.blob());
  }

  async send(content) {
    const response = await this.request("POST", "", content).catch(() => null);
    if (!response) return this.hint("The server does not answer.");
    const answer = await response.json();
    this.hint(response.ok ? "" : answer.message);
    return response.ok ? answer.name : null;
  }

  async save() {
    const name = this.chosen("styles");
    await this.keep(name); // a style recorded anew has the same name
    const content = this.kept.get(name);
    if (!content) return this.hint("The server does not answer.");
    const url = URL.createObjectURL(content);
    Object.assign(document.createElement("a"), { href: url, download: `${name.replaceAll(" ", "-")}.style` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  forget() {
    const name = this.chosen("styles");
    this.kept.delete(name);
    this.say("forget", name);
  }

  async load() {
    const [file] = this.$("file").files;
    this.$("file").value = "";
    if (!file) return;
    const name = await this.send(file);
    if (name) this.kept.set(name, file);
  }

  hint(text) {
    this.$("style-hint").textContent = text;
  }
}
