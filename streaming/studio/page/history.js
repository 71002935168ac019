// What was done, to be undone: whole recipes, the newest last.

const MOST = 100;

export class History {
  constructor(changed) {
    this.changed = changed;
    this.past = [];
    this.future = [];
  }

  // `now`: the recipe from here on; the one before can be had back.
  push(now) {
    const text = JSON.stringify(now);
    if (text === this.past.at(-1)) return;
    this.past.push(text);
    this.past = this.past.slice(-MOST);
    this.future = [];
    this.changed(this);
  }

  undo() {
    if (this.past.length < 2) return null;
    this.future.push(this.past.pop());
    this.changed(this);
    return JSON.parse(this.past.at(-1));
  }

  redo() {
    if (!this.future.length) return null;
    this.past.push(this.future.pop());
    this.changed(this);
    return JSON.parse(this.past.at(-1));
  }
}
