import { describe, expect, it } from "vitest";
import {
  changeTo,
  choiceOf,
  choicesOf,
  nameOf,
  nextLook,
  ordered,
  progressOf,
  stateOf,
} from "../../src/lib/lists.ts";
import { idle, listInfo } from "./made.ts";

describe("what a list does", () => {
  it("is one choice of its action and whether it is in force", () => {
    expect(choiceOf(listInfo({ action: "watch" }))).toBe("watch");
    expect(choiceOf(listInfo({ action: "watch", enabled: false }))).toBe("off");
  });

  it("keeps the action of a paused list", () => {
    expect(changeTo("off")).toEqual({ enabled: false });
    expect(changeTo("block")).toEqual({ enabled: true, action: "block" });
  });

  it("never turns exceptions into blocks", () => {
    expect(choicesOf("allow")).toEqual(["allow", "off"]);
    expect(choicesOf("block")).toEqual(["block", "watch", "off"]);
  });

  it("is paused whatever else is wrong", () => {
    expect(stateOf(listInfo({ state: "failing", enabled: false }))).toBe("off");
    expect(stateOf(listInfo({ state: "held" }))).toBe("held");
  });
});

describe("the order of lists", () => {
  const hits = (blocked: number) => ({ blocked, watched: 0, names: 1 });
  const quiet = listInfo({ name: "a", overlap: { only_here: 90, also_in: [] } });
  const busy = listInfo({ name: "b", hits: hits(9) });
  const ill = listInfo({ name: "c", state: "failing", problem: { message: "404", since: "2026-11-20T09:00:00Z" } });

  it.each([
    ["hits", "c b a"],
    ["only", "c a b"],
    ["name", "c a b"],
  ] as const)("by %s has those that need somebody first", (order, names) => {
    expect(ordered([quiet, busy, ill], order).map((one) => one.name).join(" ")).toBe(names);
  });

  it("does not call for somebody when a list is paused", () => {
    const paused = { ...ill, enabled: false };
    expect(ordered([paused, busy], "hits")[0]?.name).toBe("b");
  });
});

describe("an update", () => {
  const update = { running: true, list: "a", step: "fetching", bytes: 5, of_bytes: 10, done: 1, of: 4 } as const;

  it("is as far as its lists, and the bytes of the one in hand", () => {
    expect(progressOf(update)).toBeCloseTo((1 + 0.4) / 4);
    expect(progressOf({ ...update, of_bytes: null })).toBe(0.25);
    expect(progressOf({ ...update, of: 0 })).toBe(0);
    expect(progressOf({ ...update, done: 4, bytes: 99 })).toBe(1);
  });

  it("is looked at each second; without one the page waits until a list is due", () => {
    const now = Date.parse("2026-11-20T09:00:00Z");
    const due = listInfo({ next_at: "2026-11-20T09:10:00Z" });
    expect(nextLook([due], update, now)).toBe(1000);
    expect(nextLook([due], idle, now)).toBe(602_000);
    // Somebody has just added it: the server is about to fetch it.
    expect(nextLook([due, listInfo({ state: "new" })], idle, now)).toBe(1000);
    expect(nextLook([{ ...due, enabled: false }], idle, now)).toBeUndefined();
    // A list that should have been fetched long ago must not make the page ask without end.
    expect(nextLook([listInfo({ next_at: "2026-11-19T09:00:00Z" })], idle, now)).toBe(15_000);
    expect(nextLook([listInfo({ next_at: "2027-11-19T09:00:00Z" })], idle, now)).toBe(86_400_000);
  });
});

describe("the name suggested for a list", () => {
  it.each([
    ["https://lists.example/ads/multi.pro.txt", "multi.pro"],
    ["https://www.lists.example/trackers/hosts?x=1#y", "trackers"],
    ["https://lists.example:8443/hosts.txt", "lists.example"],
    ["/etc/squelch/My own List.list", "my-own-list"],
    ["https://", ""],
    ["", ""],
  ])("'%s' is '%s'", (source, name) => {
    expect(nameOf(source)).toBe(name);
  });
});
