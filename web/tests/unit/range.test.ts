import { expect, it } from "vitest";
import { fromInput, inAddress, lengthOf, momentOf, readable, spanOf, toInput } from "../../src/lib/range.ts";

const now = Date.parse("2026-11-20T12:00:00Z");

it("a duration counts back from now", () => {
  expect(momentOf("24h", now)).toBe(now - 86_400_000);
  expect(momentOf("7d", now)).toBe(now - 7 * 86_400_000);
});

it("a time is itself", () => {
  expect(momentOf("2026-11-20T09:00:00.5Z", now)).toBe(Date.parse("2026-11-20T09:00:00.500Z"));
});

it.each(["", "24", "h", "-1h", "24h ago", "noon", "12", "99999999d"])("'%s' is neither", (text) => {
  expect(momentOf(text, now)).toBeUndefined();
  expect(readable(text)).toBeUndefined();
});

it("a length is in milliseconds", () => {
  expect(lengthOf("90s")).toBe(90_000);
  expect(lengthOf("2w")).toBe(1_209_600_000);
});

it("a page shows the span of its address, and else the usual one", () => {
  expect(spanOf(new URLSearchParams("since=7d"))).toBe("7d");
  expect(spanOf(new URLSearchParams("since=13d"))).toBe("24h");
  expect(inAddress("24h")).toBeUndefined();
  expect(inAddress("7d")).toBe("7d");
});

it("a time survives the way through an input field, to the minute", () => {
  const at = Date.parse("2026-03-29T01:30:00Z");
  expect(fromInput(toInput(at))).toBe(new Date(at).toISOString());
  expect(fromInput("")).toBeUndefined();
});
