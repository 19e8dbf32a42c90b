// Spans of time, as they stand in addresses: "24h", "7d", or RFC 3339 times.

export const spans = ["1h", "24h", "7d", "30d"] as const;
export type Span = (typeof spans)[number];
export const usualSpan: Span = "24h";

const unit: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** The length of a duration such as "24h" in ms; undefined when it is none. */
export function lengthOf(text: string): number | undefined {
  const found = /^(\d{1,6})([smhdw])$/.exec(text);
  if (!found) return undefined;
  return Number(found[1]) * (unit[found[2] ?? ""] ?? 0) * 1000;
}

/** The moment that a `since` or `until` means, in ms; undefined when it means none. */
export function momentOf(text: string, now: number): number | undefined {
  const length = lengthOf(text);
  if (length !== undefined) return now - length;
  const at = Date.parse(text);
  return /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(at) ? at : undefined;
}

/** What was asked for if it can be read, else undefined: addresses are typed by people too. */
export function readable(text: string | null): string | undefined {
  return text && momentOf(text, 0) !== undefined ? text : undefined;
}

/** The span of a page's address, for the pages that show one. */
export function spanOf(query: URLSearchParams): Span {
  const asked = query.get("since");
  return spans.find((span) => span === asked) ?? usualSpan;
}

/** Undefined for the usual one, which addresses leave out. */
export function inAddress(span: string): string | undefined {
  return span === usualSpan ? undefined : span;
}

/** Text for <input type="datetime-local">, in local time. */
export function toInput(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** RFC 3339 from the text of <input type="datetime-local">. */
export function fromInput(text: string): string | undefined {
  const at = text ? new Date(text) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}
