// Whether the server can be reached, for the bar that every page shows.

class Net {
  /** When the connection was lost, in ms; undefined while there is one. */
  lostAt = $state<number>();
  /** Rises when people ask to try again, or change something: every part of the page reads anew. */
  tries = $state(0);

  reached(): void {
    if (this.lostAt === undefined) return;
    this.lostAt = undefined;
    // The other parts of the page may still show that they failed.
    this.tries += 1;
  }

  failed(): void {
    this.lostAt ??= Date.now();
  }

  retry(): void {
    this.tries += 1;
  }

  /** What the page shows may be out of date: somebody changed something. */
  changed(): void {
    this.tries += 1;
  }
}

export const net = new Net();
