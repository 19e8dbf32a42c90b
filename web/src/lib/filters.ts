// The log's filters: from an address, into an address, and into a question to the server.
import type { Outcome, Summary } from "../api/types.ts";
import { inAddress, readable, usualSpan } from "./range.ts";
import { href } from "./router.ts";

export const outcomes: readonly Outcome[] = ["block", "watch", "allow", "failed"];

export interface Filters {
  device?: string;
  /** As the server reads it: a part of a name; "=x" for x alone; ".x" for x and all below. */
  name?: string;
  /** Empty means every one. */
  verdict: readonly Outcome[];
  /** One entry decides on a query, so this is a pack's or a list's, never both. */
  vendor?: string;
  list?: string;
  type?: string;
  since: string;
  until?: string;
}

export const noFilters: Filters = { verdict: [], since: usualSpan };

/** Reads an address; what cannot be right is left out. */
export function filtersOf(query: URLSearchParams): Filters {
  const text = (key: string) => query.get(key)?.trim() || undefined;
  const asked = query.getAll("verdict").flatMap((part) => part.split(","));
  const vendor = text("vendor");
  return {
    device: text("device"),
    name: text("name"),
    verdict: outcomes.filter((one) => asked.includes(one)),
    vendor,
    list: vendor ? undefined : text("list"),
    type: text("type")?.toUpperCase(),
    since: readable(query.get("since")) ?? usualSpan,
    until: readable(query.get("until")),
  };
}

/** The parameters that the API takes. */
export function toApi(filters: Filters): Record<string, string | undefined> {
  return {
    device: filters.device,
    name: filters.name,
    verdict: filters.verdict.join(",") || undefined,
    vendor: filters.vendor,
    list: filters.list,
    type: filters.type,
    since: filters.since,
    until: filters.until,
  };
}

/** The log's address with these filters. */
export function logHref(filters: Partial<Filters>): string {
  const all = toApi({ ...noFilters, ...filters });
  return href("/log", { ...all, since: inAddress(all["since"] ?? usualSpan) });
}

/** How many filters besides the time are set. */
export function countSet(filters: Filters): number {
  const { device, name, vendor, list, type, verdict } = filters;
  return [device, name, vendor, list, type, verdict.length > 0].filter(Boolean).length;
}

export function sameFilters(one: Filters, other: Filters): boolean {
  return logHref(one) === logHref(other);
}

/** `verdict` with one outcome switched on or off. */
export function toggled(verdict: readonly Outcome[], one: Outcome): Outcome[] {
  return outcomes.filter((each) => (each === one) !== verdict.includes(each));
}

/**
 * How many queries the filters cover, from a summary of the same span and device.
 * Undefined where a summary cannot tell: then only reading to the end can.
 */
export function countOf(filters: Filters, summary: Summary): number | undefined {
  if (filters.name || filters.type || filters.list) return undefined;
  const wanted = filters.verdict;
  const wantsFailed = wanted.includes("failed");
  if (filters.vendor) {
    if (wantsFailed) return undefined;
    const vendor = summary.vendors.find((each) => each.id === filters.vendor);
    const { queries, watch, block } = vendor ?? { queries: 0, watch: 0, block: 0 };
    return sumOf(wanted, { queries, watch, block, allow: queries - watch - block });
  }
  if (wantsFailed) return wanted.length === 1 ? summary.totals.failed : undefined;
  return sumOf(wanted, summary.totals);
}

function sumOf(
  wanted: readonly Outcome[],
  counts: { queries: number; watch: number; block: number; allow: number },
): number {
  if (wanted.length === 0) return counts.queries;
  return wanted.reduce((sum, one) => sum + (one === "failed" ? 0 : counts[one]), 0);
}
