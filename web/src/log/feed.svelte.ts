// The rows behind the log page: pages of the past on demand, and the live stream.
import { ApiError, api } from "../api/client.ts";
import type { Row } from "../api/types.ts";
import { type Filters, toApi } from "../lib/filters.ts";
import { net } from "../lib/net.svelte.ts";
import { Stream, type StreamState } from "../lib/stream.svelte.ts";
import { type Line, Tail, linesOf } from "../lib/tail.ts";

const pageSize = 200;
/** A search through old rows may find nothing for long: after this time, or so many answers, ask the reader. */
const searchMs = 6000;
const answersAtOnce = 200;

export class Feed {
  lines = $state.raw<Line[]>([]);
  /** Rows behind `lines`. */
  rows = $state(0);
  /** Live rows that wait to be shown. */
  waiting = $state(0);
  loading = $state(true);
  error = $state.raw<ApiError>();
  /** How far back the server has looked. */
  reached = $state<string>();
  /** Whether the server could not read a part of what it looked through. */
  damaged = $state(false);
  /** Whether nothing older matches. */
  complete = $state(false);
  /** Whether live rows are kept out of sight. */
  hold = false;
  #tail = new Tail();
  #next: string | undefined;
  /** Where reading further back starts, once old rows were dropped. */
  #until: string | undefined;
  #stop = new AbortController();
  #stream: Stream | undefined;

  constructor(private readonly filters: Filters) {}

  get live(): StreamState | "off" {
    return this.#stream?.state ?? "off";
  }

  /** Returns how to stop. */
  start(): () => void {
    const ends = [() => this.#stop.abort()];
    if (!this.filters.until) {
      this.#stream = new Stream(
        { ...toApi(this.filters), since: undefined },
        { rows: (rows) => this.#arrive(rows), gap: () => void this.#catchUp() },
      );
      ends.push(this.#stream.start());
    }
    void this.older();
    return () => ends.forEach((end) => end());
  }

  /** Reads further back. */
  async older(): Promise<void> {
    if (this.complete || (this.loading && this.reached !== undefined)) return;
    this.loading = true;
    const tail = this.#tail;
    try {
      const until = performance.now() + searchMs;
      for (let answer = 0; answer < answersAtOnce && performance.now() < until; answer += 1) {
        if (await this.#olderPage(tail)) break;
      }
      // Meanwhile the log has begun anew.
      if (tail !== this.#tail) return;
      this.error = undefined;
      net.reached();
    } catch (cause) {
      if (this.#stop.signal.aborted || tail !== this.#tail) return;
      if (!(cause instanceof ApiError)) throw cause;
      this.error = cause;
      if (cause.kind === "offline") net.failed();
    }
    this.loading = false;
  }

  /** True when it brought rows, or when there are no more. */
  async #olderPage(tail: Tail): Promise<boolean> {
    const until = this.#until ?? this.filters.until;
    const asked = { ...toApi(this.filters), until, cursor: this.#next, limit: pageSize };
    const page = await api.queries(asked, this.#stop.signal);
    if (tail !== this.#tail) return true;
    tail.append(page.items);
    this.#next = page.next ?? undefined;
    this.complete = !this.#next;
    this.damaged ||= !this.#next && !page.complete;
    this.reached = page.reached;
    this.#show();
    return page.items.length > 0 || this.complete;
  }

  /** Shows the live rows that wait. */
  release(): void {
    if (this.#tail.release()) this.#show();
    else void this.#anew();
  }

  #arrive(rows: Row[]): void {
    this.#tail.arrive(rows, this.hold);
    this.#show();
  }

  #readOnFromOldest(): void {
    const oldest = this.#tail.oldest;
    if (!oldest) return;
    this.#tail.cut = false;
    this.#until = new Date(Date.parse(oldest.at) + 1).toISOString();
    this.#next = undefined;
    this.complete = false;
  }

  /** Reads what came while the stream was away. */
  async #catchUp(): Promise<void> {
    try {
      const asked = { ...toApi(this.filters), limit: pageSize };
      const page = await api.queries(asked, this.#stop.signal);
      const known = new Set(this.#tail.rows.map((row) => row.id));
      const meets = page.items.some((row) => known.has(row.id)) || page.complete;
      if (meets || this.#tail.rows.length === 0) this.#arrive(page.items);
      else await this.#anew();
    } catch (cause) {
      if (!this.#stop.signal.aborted && !(cause instanceof ApiError)) throw cause;
    }
  }

  async #anew(): Promise<void> {
    this.#tail = new Tail();
    this.#next = undefined;
    this.#until = undefined;
    this.complete = false;
    this.loading = false;
    await this.older();
  }

  #show(): void {
    if (this.#tail.cut) this.#readOnFromOldest();
    this.lines = linesOf(this.#tail.rows);
    this.rows = this.#tail.rows.length;
    this.waiting = this.#tail.waiting;
  }
}
