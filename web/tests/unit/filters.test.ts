import { describe, expect, it } from "vitest";
import { countOf, countSet, filtersOf, logHref, noFilters, toApi, toggled } from "../../src/lib/filters.ts";
import { summary } from "./made.ts";

const read = (text: string) => filtersOf(new URLSearchParams(text));

describe("the log's filters", () => {
  it("are read from an address", () => {
    expect(read("device=d2&vendor=acme&verdict=watch,block&type=aaaa&since=7d&name=.x.example")).toEqual({
      device: "d2",
      vendor: "acme",
      verdict: ["block", "watch"],
      type: "AAAA",
      since: "7d",
      until: undefined,
      name: ".x.example",
    });
  });

  it("leave out what cannot be right", () => {
    expect(read("verdict=nonsense&since=yesterday&until=&name=%20")).toEqual({
      ...noFilters,
      device: undefined,
      name: undefined,
      vendor: undefined,
      type: undefined,
      until: undefined,
    });
  });

  it("come back the same from the address that they make", () => {
    const filters = read("device=d2&name=%3Dx.example&verdict=failed&since=2026-11-20T09:00:00.123Z&until=1h");
    expect(filtersOf(new URL(logHref(filters), "http://home").searchParams)).toEqual(filters);
  });

  it("leave the usual span out of the address, but ask the server for it", () => {
    expect(logHref({ verdict: ["block"] })).toBe("/log?verdict=block");
    expect(toApi(read("verdict=block"))).toMatchObject({ verdict: "block", since: "24h" });
  });

  it("are counted without the time", () => {
    expect(countSet(read("since=7d"))).toBe(0);
    expect(countSet(read("device=d1&verdict=block,watch&name=x"))).toBe(3);
  });

  it("switch one outcome and keep the order", () => {
    expect(toggled(["watch"], "block")).toEqual(["block", "watch"]);
    expect(toggled(["block", "watch"], "block")).toEqual(["watch"]);
  });
});

describe("the count of a filter", () => {
  it.each([
    ["", 1000],
    ["verdict=block", 200],
    ["verdict=block,watch", 300],
    ["verdict=failed", 7],
    ["vendor=acme", 210],
    ["vendor=acme&verdict=block,watch", 200],
    ["vendor=acme&verdict=allow", 10],
    ["vendor=unseen&verdict=block", 0],
  ])("'%s' is %i", (text, count) => {
    expect(countOf(read(text), summary())).toBe(count);
  });

  it.each(["name=x", "type=A", "verdict=failed,block", "vendor=acme&verdict=failed"])(
    "'%s' is not known from a summary",
    (text) => expect(countOf(read(text), summary())).toBeUndefined(),
  );
});
