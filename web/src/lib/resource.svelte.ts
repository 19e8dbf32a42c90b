// Something read from the server, kept fresh while the page is in view. Old data stay while new
// ones are on their way, and after a failure.
import { untrack } from "svelte";
import { ApiError } from "../api/client.ts";
import { net } from "./net.svelte.ts";

/** What was read lately, so that going back shows a page at once. */
const memory = new Map<string, unknown>();
const remembered = 40;

function remember(key: string, value: unknown): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > remembered && oldest !== undefined) memory.delete(oldest);
}

/** Forgets what was read: it is not for who comes next. */
export function forgetAll(): void {
  memory.clear();
}

export interface Wanted<T> {
  /** Says what is read; when it changes, it is read anew. */
  key: string;
  read: (signal: AbortSignal) => Promise<T>;
  /** Read again after this time, while the page is in view; it may depend on what was read. */
  everyMs?: number | ((data: T) => number | undefined);
}

export class Resource<T> {
  data = $state.raw<T>();
  error = $state.raw<ApiError>();
  loading = $state(true);
  /** Whether `data` belongs to what is wanted now, and not to what was wanted before. */
  current = $state(false);
  #wanted: () => Wanted<T> | undefined;

  /** `wanted` may read state; call this while a component is set up. */
  constructor(wanted: () => Wanted<T> | undefined) {
    this.#wanted = wanted;
    const want = $derived.by(() => this.#wanted());
    const key = $derived(want?.key);
    $effect.pre(() => {
      if (key === undefined) return undefined;
      void net.tries;
      return untrack(() => this.#keep(key, () => want));
    });
  }

  #keep(key: string, want: () => Wanted<T> | undefined): () => void {
    const stop = new AbortController();
    const known = memory.get(key) as T | undefined;
    if (known !== undefined) this.data = known;
    this.current = known !== undefined;
    this.loading = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = async () => {
      clearTimeout(timer);
      const { read, everyMs } = want() ?? {};
      if (!read) return;
      await this.#read(key, read, stop.signal);
      if (stop.signal.aborted) return;
      // A lost server is asked more often than a good one.
      const wait = this.error?.kind === "offline" ? 4000 : this.#pause(everyMs);
      if (wait && !document.hidden) timer = setTimeout(() => void again(), wait);
    };
    const onShow = () => {
      if (!document.hidden) void again();
    };
    document.addEventListener("visibilitychange", onShow);
    void again();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onShow);
    };
  }

  #pause(everyMs: Wanted<T>["everyMs"]): number | undefined {
    if (typeof everyMs !== "function") return everyMs;
    return this.data === undefined ? undefined : everyMs(this.data);
  }

  async #read(key: string, read: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<void> {
    try {
      const data = await read(signal);
      if (signal.aborted) return;
      remember(key, data);
      this.data = data;
      this.current = true;
      this.error = undefined;
      net.reached();
    } catch (cause) {
      if (signal.aborted) return;
      if (!(cause instanceof ApiError)) throw cause;
      this.error = cause;
      if (cause.kind === "offline") net.failed();
      else net.reached();
    }
    this.loading = false;
  }
}
