import { flushSync } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, api } from "../../src/api/client.ts";
import type { Page, Row } from "../../src/api/types.ts";
import { filtersOf } from "../../src/lib/filters.ts";
import { net } from "../../src/lib/net.svelte.ts";
import { Resource } from "../../src/lib/resource.svelte.ts";
import { Feed } from "../../src/log/feed.svelte.ts";
import { rows } from "./made.ts";

/** A stream that the test feeds. */
class Source extends EventTarget {
  static all: Source[] = [];
  closed = false;
  constructor(readonly url: string) {
    super();
    Source.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.dispatchEvent(new Event("open"));
  }
  send(row: Row): void {
    this.dispatchEvent(new MessageEvent("query", { data: JSON.stringify(row) }));
  }
}

const page = (items: Row[], next?: string): Page => ({ items, next, reached: "2026-11-20T00:00:00Z", complete: !next });
const reply = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const asked = vi.fn<(url: string) => Promise<Response>>();
const filters = (text = "") => filtersOf(new URLSearchParams(text));

beforeEach(() => {
  Source.all = [];
  asked.mockReset();
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("fetch", asked);
  vi.useFakeTimers();
  net.reached();
});
afterEach(() => vi.useRealTimers());

describe("asking the server", () => {
  it("tells a lost connection from a refusal", async () => {
    asked.mockRejectedValueOnce(new TypeError("no"));
    await expect(api.status()).rejects.toMatchObject({ kind: "offline" });
    asked.mockResolvedValueOnce(reply({ title: "Bad parameter", detail: "since: no duration" }, 400));
    await expect(api.summary({ since: "x" })).rejects.toMatchObject({
      kind: "problem",
      problem: { status: 400, detail: "since: no duration" },
      path: "/api/v1/summary?since=x",
    });
  });

  it("can read a refusal that is no problem document", async () => {
    asked.mockResolvedValueOnce(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    await expect(api.status()).rejects.toMatchObject({ kind: "problem", problem: { title: "502 Bad Gateway" } });
  });

  it("escapes what stands in a path", async () => {
    asked.mockResolvedValueOnce(reply({}));
    await api.device("../x", {});
    expect(asked.mock.calls[0]?.[0]).toBe("/api/v1/devices/..%2Fx");
  });
});

describe("the log's feed", () => {
  it("reads a page, and the next where that one ended", async () => {
    asked.mockResolvedValueOnce(reply(page(rows(2), "c2"))).mockResolvedValueOnce(reply(page(rows(2, 2))));
    const feed = new Feed(filters("device=d1"));
    const stop = feed.start();
    await vi.waitFor(() => expect(feed.rows).toBe(2));
    await vi.waitFor(() => expect(feed.loading).toBe(false));
    expect(feed.complete).toBe(false);
    await feed.older();
    expect(asked.mock.calls[1]?.[0]).toContain("cursor=c2");
    expect(feed.rows).toBe(4);
    expect(feed.complete).toBe(true);
    stop();
  });

  it("goes on through empty pages, but not for ever", async () => {
    asked.mockImplementation(() => Promise.resolve(reply(page([], "more"))));
    const feed = new Feed(filters("name=rare"));
    const stop = feed.start();
    await vi.waitFor(() => expect(feed.loading).toBe(false));
    expect(asked).toHaveBeenCalledTimes(200);
    expect(feed.complete).toBe(false);
    stop();
  });

  it("shows live rows at once, or counts them while it is held", async () => {
    asked.mockResolvedValue(reply(page(rows(1, 9))));
    const feed = new Feed(filters());
    const stop = feed.start();
    await vi.waitFor(() => expect(feed.rows).toBe(1));
    const [source] = Source.all;
    expect(source?.url).toBe("/api/v1/queries/stream");
    for (const each of rows(2, 3).reverse()) source?.send(each);
    vi.advanceTimersByTime(300);
    expect(feed.rows).toBe(3);
    feed.hold = true;
    for (const each of rows(3).reverse()) source?.send(each);
    vi.advanceTimersByTime(300);
    expect([feed.rows, feed.waiting]).toEqual([3, 3]);
    feed.release();
    expect(feed.lines.map((line) => line.id)).toEqual(["r0", "r1", "r2", "r3", "r4", "r9"]);
    stop();
    expect(source?.closed).toBe(true);
  });

  it("reads what it missed when the stream comes back", async () => {
    asked.mockImplementation(() => Promise.resolve(reply(page(rows(1, 5)))));
    const feed = new Feed(filters());
    const stop = feed.start();
    await vi.waitFor(() => expect(feed.rows).toBe(1));
    const [source] = Source.all;
    source?.open();
    asked.mockImplementation(() => Promise.resolve(reply(page(rows(4, 2)))));
    source?.open();
    await vi.waitFor(() => expect(feed.rows).toBe(4));
    expect(feed.lines[0]?.id).toBe("r2");
    stop();
  });

  it("shows nothing of an old page that comes when it has begun anew", async () => {
    asked.mockResolvedValueOnce(reply(page(rows(1, 9000), "c")));
    const feed = new Feed(filters());
    const stop = feed.start();
    await vi.waitFor(() => expect(feed.loading).toBe(false));
    let late: (response: Response) => void = () => {};
    asked.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)));
    const older = feed.older();
    feed.hold = true;
    for (const each of rows(3000).reverse()) Source.all[0]?.send(each);
    vi.advanceTimersByTime(300);
    asked.mockResolvedValueOnce(reply(page(rows(2))));
    feed.release();
    await vi.waitFor(() => expect(feed.rows).toBe(2));
    late(reply(page(rows(1, 9001))));
    await older;
    expect(feed.rows).toBe(2);
    expect(feed.complete).toBe(true);
    stop();
  });

  it("has no stream for a time that is over", () => {
    asked.mockResolvedValue(reply(page([])));
    const stop = new Feed(filters("until=2026-11-20T09:00:00Z")).start();
    expect(Source.all).toEqual([]);
    stop();
  });
});

describe("what a page reads", () => {
  function reading<T>(key: string, read: () => Promise<T>, everyMs?: number): [Resource<T>, () => void] {
    let made: Resource<T> | undefined;
    const stop = $effect.root(() => {
      made = new Resource(() => ({ key, read, everyMs }));
    });
    flushSync();
    if (!made) throw new Error("no resource");
    return [made, stop];
  }

  it("keeps old data when a later read fails, and says so", async () => {
    const read = vi.fn<() => Promise<number>>().mockResolvedValueOnce(1);
    const [resource, stop] = reading("keeps", read, 1000);
    await vi.waitFor(() => expect(resource.data).toBe(1));
    read.mockRejectedValue(new ApiError("offline", { title: "no connection" }, "/x"));
    await vi.advanceTimersByTimeAsync(1100);
    expect(resource.data).toBe(1);
    expect(resource.error?.kind).toBe("offline");
    expect(net.lostAt).toBeTypeOf("number");
    read.mockResolvedValue(2);
    await vi.advanceTimersByTimeAsync(4100);
    expect(resource.data).toBe(2);
    expect(resource.error).toBeUndefined();
    expect(net.lostAt).toBeUndefined();
    stop();
  });

  it("is there at once for who comes back", async () => {
    const [first, end] = reading("back", () => Promise.resolve("old"));
    await vi.waitFor(() => expect(first.data).toBe("old"));
    end();
    const [second, stop] = reading("back", () => new Promise<string>(() => {}));
    expect(second.data).toBe("old");
    expect(second.loading).toBe(true);
    stop();
  });

  it("stops reading when nobody looks any more", async () => {
    const read = vi.fn<() => Promise<number>>().mockResolvedValue(1);
    const [, stop] = reading("stops", read, 1000);
    await vi.advanceTimersByTimeAsync(1100);
    expect(read).toHaveBeenCalledTimes(2);
    stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(read).toHaveBeenCalledTimes(2);
  });
});
