import { describe, expect, it, vi } from "vitest";
import { aheadIn, bucketsOf, busiest, ceiling, localHours, sparkOf, ticksOf } from "../../src/lib/chart.ts";

const series = {
  start: "2026-11-20T00:00:00.000Z",
  step_s: 300,
  allow: [9, 9, 9, 9, 9],
  watch: [0, 1, 0, 2, 0],
  block: [1, 2, 3, 4, 5],
};

describe("bars", () => {
  it("are the series itself where there is room", () => {
    const buckets = bucketsOf(series, 100);
    expect(buckets.map((one) => one.block)).toEqual([1, 2, 3, 4, 5]);
    expect(new Date(buckets[1]?.from ?? 0).toISOString()).toBe("2026-11-20T00:05:00.000Z");
  });

  it("are added up from the newest end where there is not, and nothing is lost", () => {
    const buckets = bucketsOf(series, 3);
    expect(buckets.map((one) => one.block)).toEqual([1, 5, 9]);
    expect(buckets.map((one) => one.watch)).toEqual([0, 1, 2]);
    expect(buckets[0]?.to).toBe(buckets[1]?.from);
  });

  it("are none for an empty series", () => {
    expect(bucketsOf({ ...series, allow: [], watch: [], block: [] }, 10)).toEqual([]);
  });

  it("end below a round number that is even", () => {
    for (const value of [1, 4, 5, 11, 205, 999, 1000, 123_456]) {
      expect(ceiling(value)).toBeGreaterThanOrEqual(value);
      expect(ceiling(value) % 2).toBe(0);
      expect(ceiling(value)).toBeLessThanOrEqual(Math.max(4, value * 1.65));
    }
  });
});

describe("the time axis", () => {
  it("has full hours, and no more than there is room for", () => {
    const from = new Date(2026, 10, 19, 13, 10).getTime();
    const ticks = ticksOf(from, from + 86_400_000, 6);
    expect(ticks.length).toBeGreaterThanOrEqual(3);
    expect(ticks.length).toBeLessThanOrEqual(7);
    for (const tick of ticks) expect(new Date(tick).getMinutes()).toBe(0);
  });

  it("has full hours also where clocks are changed in between", () => {
    vi.stubEnv("TZ", "Europe/Berlin");
    for (const change of ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]) {
      const at = Date.parse(change);
      const ticks = ticksOf(at - 40 * 3_600_000, at + 40 * 3_600_000, 8);
      expect(ticks.map((tick) => new Date(tick).getHours() % 12)).toEqual(ticks.map(() => 0));
      expect(ticks.length).toBeGreaterThanOrEqual(6);
      expect(aheadIn(14 * 86_400_000, at)).toBe(change.includes("-03-") ? 60 : 120);
    }
    vi.unstubAllEnvs();
  });
});

describe("hours by weekday", () => {
  const utc = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  const sunday = utc[6];
  if (sunday) sunday[23] = 7;

  it("move to local time, over the end of the week", () => {
    expect(localHours(utc, 60)[0]?.[0]).toBe(7);
    expect(localHours(utc, -60)[6]?.[22]).toBe(7);
    expect(localHours(utc, 330)[0]?.[5]).toBe(7);
  });

  it("lose nothing on the way", () => {
    expect(localHours(utc, -720).flat().reduce((all, one) => all + one, 0)).toBe(7);
  });

  it("tell which stand out, if any does", () => {
    const even = Array.from({ length: 7 }, () => new Array<number>(24).fill(5));
    expect(busiest(even)).toEqual([]);
    const peaks = even.map((hours) => hours.map((count, hour) => (hour === 7 || hour === 23 ? 40 : count)));
    expect(busiest(peaks)).toEqual([7, 23]);
    expect(busiest(utc)).toEqual([]);
  });
});

it("a sparkline stays in its box", () => {
  expect(sparkOf([0, 5, 10], 96, 24)).toBe("0,24 48,12 96,0");
  expect(sparkOf([0, 0], 96, 24)).toBe("0,24 96,24");
});
