// The log as it happens. One stream for a tab, and none while the tab is out of sight: a browser
// opens six connections to a server at most.
import { address, type Query } from "../api/client.ts";
import type { Row } from "../api/types.ts";
import { access } from "./access.svelte.ts";

/** Rows that came within this time are handed on together. */
const gatherMs = 250;

export interface Listener {
  /** Newest first. */
  rows: (rows: Row[]) => void;
  /** The stream was away, or the server skipped rows: what is missing has to be read. */
  gap: () => void;
}

export type StreamState = "opening" | "open" | "lost";

export class Stream {
  state = $state<StreamState>("opening");
  #source: EventSource | undefined;
  #waiting: Row[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wasOpen = false;

  constructor(
    private readonly query: Query,
    private readonly listener: Listener,
  ) {}

  /** Returns how to stop. */
  start(): () => void {
    const onShow = () => (document.hidden ? this.#close() : this.#open());
    document.addEventListener("visibilitychange", onShow);
    if (!document.hidden) this.#open();
    return () => {
      document.removeEventListener("visibilitychange", onShow);
      clearTimeout(this.#timer);
      this.#close();
    };
  }

  #open(): void {
    if (this.#source) return;
    this.state = "opening";
    const source = new EventSource(address("queries/stream", this.query));
    source.addEventListener("open", () => {
      this.state = "open";
      if (this.#wasOpen) this.listener.gap();
      this.#wasOpen = true;
    });
    source.addEventListener("error", () => {
      this.state = "lost";
      // It comes back by itself, unless the server refuses it: then nobody may be signed in any more.
      if (source.readyState === EventSource.CLOSED) void access.look();
    });
    source.addEventListener("lost", () => this.listener.gap());
    source.addEventListener("query", (event) => this.#take(event.data as string));
    this.#source = source;
  }

  #close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  #take(text: string): void {
    try {
      this.#waiting.unshift(JSON.parse(text) as Row);
    } catch {
      this.listener.gap();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const rows = this.#waiting;
      this.#waiting = [];
      this.listener.rows(rows);
    }, gatherMs);
  }
}
