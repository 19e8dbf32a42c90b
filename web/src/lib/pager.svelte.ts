// Something long, read page by page as far as somebody wants to see.
import { ApiError } from "../api/client.ts";

export interface Part<T> {
  items: T[];
  next?: string | null;
}

export class Pager<T> {
  items = $state.raw<T[]>([]);
  error = $state.raw<ApiError>();
  loading = $state(false);
  /** Whether there is no more. */
  complete = $state(false);
  #next: string | undefined;
  #stop = new AbortController();

  constructor(private readonly read: (cursor: string | undefined, signal: AbortSignal) => Promise<Part<T>>) {}

  async more(): Promise<void> {
    if (this.loading || this.complete) return;
    this.loading = true;
    try {
      const part = await this.read(this.#next, this.#stop.signal);
      this.items = [...this.items, ...part.items];
      this.#next = part.next ?? undefined;
      this.complete = !this.#next;
      this.error = undefined;
    } catch (cause) {
      if (this.#stop.signal.aborted) return;
      if (!(cause instanceof ApiError)) throw cause;
      this.error = cause;
    }
    this.loading = false;
  }

  stop(): void {
    this.#stop.abort();
  }
}
