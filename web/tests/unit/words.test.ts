import { describe, expect, it } from "vitest";
import en from "../../src/en.json";
import { pieces, t } from "../../src/lib/words.ts";

describe("a text", () => {
  it("fills its places, numbers as people write them", () => {
    expect(t("answer.key.block", { n: 5439, share: "73%" })).toBe("5,439 stopped (73%)");
  });

  it("takes the form that the number asks for", () => {
    expect(t("packs.names", { n: 1 })).toBe("1 name");
    expect(t("packs.names", { n: 1400 })).toBe("1,400 names");
  });

  it("is cut where the page puts something itself", () => {
    expect(pieces("why.became", { time: "09:30" })).toEqual([
      { slot: "device" },
      { text: " asked at " },
      { text: "09:30" },
      { text: ". It was " },
      { slot: "verdict" },
      { text: "." },
    ]);
  });

  it("is not cut by what a stranger called a device", () => {
    const made = pieces("matrix.cell", { device: "{watch}", block: 1, watch: 0 });
    expect(made.some((piece) => piece.slot !== undefined)).toBe(false);
    expect(made[0]).toEqual({ text: "{watch}" });
  });
});

describe("the dictionary", () => {
  const files = import.meta.glob<string>("../../src/**/*.{svelte,ts}", {
    query: "?raw",
    import: "default",
    eager: true,
  });
  const sources = Object.values(files).join("\n");
  /** Keys that are put together from a part that varies. */
  const families = [...sources.matchAll(/[`"]([a-z]+(?:\.[a-zA-Z]+)*\.)\$\{/g)].map((found) => found[1] ?? "");

  it("has no text that nobody shows", () => {
    const isShown = (key: string) =>
      sources.includes(`"${key}"`) ||
      sources.includes(`'${key}'`) ||
      families.some((family) => key.startsWith(family));
    expect(Object.keys(files).length).toBeGreaterThan(30);
    expect(Object.keys(en).filter((key) => !isShown(key))).toEqual([]);
  });
});
