// What became of a query, in the words and looks of the dashboard.
import type { Confidence, Explanation, Outcome, Row } from "../api/types.ts";
import { readOrigin } from "./origin.ts";
import type { Key } from "./words.ts";

export type Mark = Outcome | "excepted";

/** An answered name that an entry lets through on purpose is marked apart from one that nobody knows. */
export function markOf(row: Pick<Row, "verdict" | "source" | "pack" | "origin" | "answer">): Mark {
  if (row.verdict === "allow" && isFailed(row)) return "failed";
  if (row.verdict === "allow" && (row.pack || row.origin)) return "excepted";
  return row.verdict;
}

/** Nobody answered, or not with an answer that a device can use. */
export function isFailed(row: Pick<Row, "source" | "answer">): boolean {
  return row.source === "failure" || !["NOERROR", "NXDOMAIN"].includes(row.answer);
}

/** What would become of a query. */
export function markNow(why: Pick<Explanation, "verdict" | "pack" | "source">): Mark {
  return why.verdict === "allow" && (why.pack || readOrigin(why.source)) ? "excepted" : why.verdict;
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
