import { describe, expect, it } from "vitest";
import { actOf, sentenceOf } from "../../src/overview/attention.ts";
import { dnsAddresses } from "../../src/overview/addresses.ts";

const item = (kind: string, facts: Record<string, unknown>) => ({
  id: "1",
  kind,
  severity: "info" as const,
  facts,
  href: "/log",
});

describe("what is worth a look", () => {
  it("is told with the names of devices and packs", () => {
    const packs = [{ id: "a", name: "Acme" }, { id: "b", name: "Bcme" }];
    expect(sentenceOf(item("passed", { queries: 2005, packs }))).toBe(
      "2,005 attempts went through, because these packs only log: Acme and Bcme.",
    );
    expect(sentenceOf(item("new_names", { device: { id: "d1", name: "Vacuum" }, names: 1 }))).toBe(
      "Vacuum asked for 1 telemetry name that it had never asked for before.",
    );
  });

  it("is told plainly when facts are missing", () => {
    expect(sentenceOf(item("new_names", {}))).toBe(
      "A device asks for telemetry names that it had never asked for before.",
    );
  });

  it("is told even when its kind is newer than this page", () => {
    expect(sentenceOf(item("disk_full", {}))).toBe("Something needs a look: disk full.");
    expect(actOf(item("disk_full", {}))).toBe("Show");
  });

  it("shortens long lists", () => {
    const packs = ["A", "B", "C", "D", "E", "F"].map((name) => ({ name }));
    expect(sentenceOf(item("passed", { queries: 3, packs }))).toContain("A, B, C, D, and 2 more");
  });
});

describe("the address for the router", () => {
  it("is the one the reader came by, when the server listens everywhere", () => {
    expect(dnsAddresses(["0.0.0.0:53", "[::]:53"], "192.0.2.1").map((one) => one.text)).toEqual(["192.0.2.1"]);
  });

  it("has the port when it is not the usual one", () => {
    expect(dnsAddresses(["127.0.0.1:5300", "[2001:db8::1]:5300"], "localhost").map((one) => one.text)).toEqual([
      "[2001:db8::1]:5300",
      "127.0.0.1:5300",
    ]);
  });

  it("says which only this machine can use", () => {
    expect(dnsAddresses(["127.0.0.1:53", "192.0.2.1:53"], "x").map((one) => one.local)).toEqual([false, true]);
  });

  it("leaves out what it cannot read", () => {
    expect(dnsAddresses(["nonsense", ""], "x")).toEqual([]);
  });
});
