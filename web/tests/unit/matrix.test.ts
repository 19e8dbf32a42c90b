import { describe, expect, it } from "vitest";
import { lookOf, matrixOf, tintOf } from "../../src/lib/matrix.ts";
import { cell, exposure, exposureRow } from "./made.ts";

const home = exposure(
  [
    exposureRow("d1", "TV 10", { lg: cell(90, 0), google: cell(0, 5) }),
    exposureRow("d2", "TV 9", { acme: cell(20, 30) }),
    exposureRow("d3", "NAS", {}),
  ],
  ["acme", "google", "lg", "unseen"],
);

describe("the matrix", () => {
  it("has the packs with most attempts first, and none without", () => {
    expect(matrixOf(home, "attempts", 12).columns.map((one) => one.id)).toEqual(["lg", "acme", "google"]);
  });

  it("orders devices by attempts, by what passed, or by name as people count", () => {
    const names = (order: "attempts" | "passed" | "name") =>
      matrixOf(home, order, 12).lines.map((line) => line.device.name);
    expect(names("attempts")).toEqual(["TV 10", "TV 9"]);
    expect(names("passed")).toEqual(["TV 9", "TV 10"]);
    expect(names("name")).toEqual(["TV 9", "TV 10"]);
  });

  it("loses no attempt when columns are folded", () => {
    const folded = matrixOf(home, "attempts", 2);
    expect(folded.columns.map((one) => one.id)).toEqual(["lg"]);
    expect(folded.folded.map((one) => one.id)).toEqual(["acme", "google"]);
    expect(folded.lines.map((line) => line.other)).toEqual([5, 50]);
    for (const line of folded.lines) {
      const shown = line.squares.reduce((sum, square) => sum + square.attempts, 0);
      expect(shown + line.other).toBe(line.attempts);
    }
  });

  it("folds nothing when all fit exactly", () => {
    expect(matrixOf(home, "attempts", 3).folded).toEqual([]);
  });

  it("names the devices that were quiet", () => {
    expect(matrixOf(home, "attempts", 12).quiet.map((one) => one.name)).toEqual(["NAS"]);
  });

  it("keeps stopped and let through apart", () => {
    expect(lookOf(cell(3, 0))).toBe("stopped");
    expect(lookOf(cell(0, 3))).toBe("passed");
    expect(lookOf(cell(1, 2))).toBe("mixed");
    expect(lookOf(cell(0, 0))).toBe("empty");
    expect(lookOf(undefined)).toBe("empty");
    expect(matrixOf(home, "name", 12).lines[0]?.squares[1]?.stopped).toBe(0.4);
  });

  it("tints by the logarithm", () => {
    expect(tintOf(4000, 4000)).toBe(1);
    expect(tintOf(40, 4000)).toBeGreaterThan(0.4);
    expect(tintOf(0, 4000)).toBe(0);
    expect(tintOf(0, 0)).toBe(0);
  });

  it("is empty for an empty home", () => {
    expect(matrixOf(exposure([], []), "attempts", 8)).toEqual({ columns: [], folded: [], lines: [], quiet: [] });
  });
});
