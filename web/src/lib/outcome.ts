// What became of a query, in the words and looks of the dashboard.
import type { Confidence, Outcome, Row } from "../api/types.ts";
import type { Key } from "./words.ts";

export type Mark = Outcome | "excepted";

/** An answered name that a pack names as harmless is marked apart from one that nobody knows. */
export function markOf(row: Pick<Row, "verdict" | "source" | "pack">): Mark {
  if (row.verdict === "allow" && row.source === "failure") return "failed";
  if (row.verdict === "allow" && row.pack) return "excepted";
  return row.verdict;
}

export const markWords: Record<Mark, Key> = {
  block: "mark.block",
  watch: "mark.watch",
  allow: "mark.allow",
  excepted: "mark.excepted",
  failed: "mark.failed",
};

export const confidenceWords: Record<Confidence, Key> = {
  A: "confidence.A",
  B: "confidence.B",
  C: "confidence.C",
  D: "confidence.D",
  E: "confidence.E",
};
