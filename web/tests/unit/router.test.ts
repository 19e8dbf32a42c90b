import { describe, expect, it } from "vitest";
import { deviceHref, href, isOurs, routeOf } from "../../src/lib/router.ts";

describe("a path", () => {
  it.each([
    ["/", "overview", ""],
    ["/devices", "devices", ""],
    ["/devices/", "devices", ""],
    ["/devices/d12", "device", "d12"],
    ["/packs/oppo-realme", "pack", "oppo-realme"],
    ["/log", "log", ""],
    ["/lookup", "lookup", ""],
    ["/devices/a%2Fb", "device", "a/b"],
  ])("%s is the page %s", (path, page, id) => {
    expect(routeOf(path)).toEqual({ page, id });
  });

  it.each(["/nothing", "/log/x", "/devices/d1/x", "/devices/%E0%A4%A", "/constructor", "/__proto__"])(
    "%s is no page",
    (path) => expect(routeOf(path).page).toBe("missing"),
  );

  it("survives the way to an address and back", () => {
    const path = new URL(deviceHref("d/ä?&"), "http://home").pathname;
    expect(routeOf(path)).toEqual({ page: "device", id: "d/ä?&" });
  });
});

describe("an address", () => {
  it("leaves out what is not set", () => {
    expect(href("/log", { device: undefined, name: "", type: "A" })).toBe("/log?type=A");
  });

  it("keeps lists and times readable, and the rest escaped", () => {
    const to = href("/log", { verdict: "block,watch", since: "2026-11-20T09:00:00Z", name: "a&b=c" });
    expect(to).toBe("/log?verdict=block,watch&since=2026-11-20T09:00:00Z&name=a%26b%3Dc");
    expect(new URLSearchParams(to.split("?")[1]).get("name")).toBe("a&b=c");
  });
});

describe("a click on a link", () => {
  function link(attributes: Record<string, string>): HTMLAnchorElement {
    const made = document.createElement("a");
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  it("is ours on a page of ours", () => {
    expect(isOurs(new MouseEvent("click"), link({ href: "/log?x=1" }))).toBe(true);
  });

  it.each([
    ["with Ctrl", { ctrlKey: true }, { href: "/log" }],
    ["with the middle button", { button: 1 }, { href: "/log" }],
    ["to another site", {}, { href: "https://example.org/log" }],
    ["for a new tab", {}, { href: "/log", target: "_blank" }],
    ["to the API", {}, { href: "/api/v1/status" }],
  ])("is the browser's %s", (_, how, attributes) => {
    expect(isOurs(new MouseEvent("click", how), link(attributes as Record<string, string>))).toBe(false);
  });
});
