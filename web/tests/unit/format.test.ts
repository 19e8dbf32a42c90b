import { expect, it } from "vitest";
import { ago, ahead, date, lasting, minute, share, short, size, time, took, weekday } from "../../src/lib/format.ts";

const now = new Date(2026, 10, 20, 12, 0, 0).getTime();

it("a short number has at most five characters", () => {
  expect([0, 964, 1316, 9999, 12_400, 999_400, 2_000_000].map(short)).toEqual([
    "0",
    "964",
    "1,316",
    "9,999",
    "12K",
    "999K",
    "2M",
  ]);
});

it("a size is in the unit that people would use", () => {
  expect([34, 1200, 812_000, 4_812_331, 24_900_120].map(size)).toEqual(["34 bytes", "1.2 kB", "812 kB", "4.8 MB", "25 MB"]);
});

it("what is to come is told in its largest unit, and what is due is now", () => {
  expect(ahead(now + 6.5 * 3_600_000, now)).toBe("in 6 hr.");
  expect(ahead(now - 5000, now)).toBe("now");
});

it("a share is never rounded to nothing or to all", () => {
  expect(share(73, 100)).toBe("73%");
  expect(share(1, 1000)).toBe("< 1%");
  expect(share(999, 1000)).toBe("> 99%");
  expect(share(1000, 1000)).toBe("100%");
  expect(share(0, 0)).toBe("0%");
});

it("a time of today goes without its date, an older one does not", () => {
  expect(time(new Date(2026, 10, 20, 9, 5, 7).getTime(), now)).toBe("09:05:07");
  expect(time(new Date(2026, 10, 19, 23, 59, 59).getTime(), now)).toBe("Nov 19 23:59:59");
  expect(minute(new Date(2026, 10, 20, 0, 0, 1).getTime(), now)).toBe("00:00");
});

it("a plain date is the same day in every time zone", () => {
  expect(date("2026-08-03")).toBe("Aug 3, 2026");
  expect(date("2024-06")).toBe("2024-06");
  expect(date("2017")).toBe("2017");
});

it("what was lately is told from now, and never from the future", () => {
  expect(ago(now - 20_000, now)).toBe("now");
  expect(ago(now + 5000, now)).toBe("now");
  expect(ago(now - 180_000, now)).toBe("3 min. ago");
  expect(ago(now - 26 * 3_600_000, now)).toBe("yesterday");
});

it("a duration is told in its largest unit", () => {
  expect(lasting(59)).toBe("59 seconds");
  expect(lasting(7300)).toBe("2 hours");
  expect(lasting(90_000)).toBe("1 day");
});

it("what it took is told in the unit that fits", () => {
  expect([14, 1800, 25_400, 2_100_000].map(took)).toEqual(["14 µs", "1.8 ms", "25 ms", "2.1 s"]);
});

it("the week begins on Monday", () => {
  expect([weekday(0), weekday(6)]).toEqual(["Mon", "Sun"]);
});
