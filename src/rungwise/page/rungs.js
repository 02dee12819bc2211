// Which rung stands where, and in which colour? The ladder's order; a name that it does not know comes after.

const TONES = 6;

class Order {
  constructor() {
    this.names = [];
  }

  /** Names in the ladder's order, lowest first; tells whether that is another order than was known. */
  learn(names) {
    const before = this.names.join("\n");
    this.names = [...new Set([...names, ...this.names])];
    return before !== this.names.join("\n");
  }

  /** Before the ladder is known: new names in the order of the alphabet. */
  meet(names) {
    for (const name of [...names].sort()) if (name) this.place(name);
  }

  place(name) {
    if (!this.names.includes(name)) this.names.push(name);
    return this.names.indexOf(name);
  }

  /** Its place where it is a rung, -1 where it is none. */
  find(name) {
    return this.names.indexOf(name);
  }

  tone(name) {
    return name ? `tone${this.place(name) % TONES}` : "tone-none";
  }

  sorted(names) {
    return [...names].sort((a, b) => this.place(a) - this.place(b));
  }
}

/** For the whole visit: a rung keeps its colour from view to view. */
export const order = new Order();
