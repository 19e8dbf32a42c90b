// Subscribed lists: what they do, how they fare, and what is suggested for a new one.
import type { Group, ListAction, ListChange, ListInfo, Update } from "../api/types.ts";
import { list as listing } from "./format.ts";
import { t } from "./words.ts";

/** What a list can be set to; `off` keeps it and leaves its names alone. */
export type Choice = ListAction | "off";

export const formats = ["auto", "hosts", "domains", "adblock", "pihole", "wildcard", "rpz", "dnsmasq", "unbound"];
export const refreshes = ["1h", "6h", "12h", "1d", "3d", "7d"];

/** A list of exceptions cannot stop anything, so it is in force or not. */
export function choicesOf(action: ListAction): readonly Choice[] {
  return action === "allow" ? ["allow", "off"] : ["block", "watch", "off"];
}

export function choiceOf(list: Pick<ListInfo, "action" | "enabled">): Choice {
  return list.enabled ? list.action : "off";
}

export function changeTo(choice: Choice): ListChange {
  return choice === "off" ? { enabled: false } : { enabled: true, action: choice };
}

export type State = ListInfo["state"] | "off";

export function stateOf(list: Pick<ListInfo, "state" | "enabled">): State {
  return list.enabled ? list.state : "off";
}

/** A group as far as lists are concerned. */
export type ListGroup = Pick<Group, "id" | "name" | "lists">;

/** Whether a group has chosen a list by itself; that is changed with the group. */
export const choosesItself = (group: ListGroup, list: string): boolean => group.lists?.includes(list) ?? false;

/** For whom a list counts, in words; nothing where that goes without saying. */
export function usersOf(list: Pick<ListInfo, "used_by">, groups: readonly ListGroup[]): string | undefined {
  const { used_by: users } = list;
  const always = users.filter((one) => one.always);
  if (groups.length === 0 || (groups.length === 1 && always.length === 1)) return undefined;
  if (users.length === 0) return t("list.forNone");
  if (always.length === groups.length) return t("list.forAll");
  const names = users.map((one) => (one.always ? one.name : t("list.atTimes", { name: one.name })));
  return t("list.for", { names: listing(names) });
}

/** The groups that a list is to name; a list that only others choose is for them alone. */
export function namedGroups(wanted: readonly string[] | null, groups: readonly ListGroup[], list: string): string[] | null {
  if (wanted === null || wanted.length > 0) return wanted && [...wanted];
  return groups.filter((one) => choosesItself(one, list)).map((one) => one.id);
}

export const orders = ["hits", "only", "entries", "name"] as const;
export type Order = (typeof orders)[number];

export function hitsOf(list: Pick<ListInfo, "hits">): number {
  return list.hits.blocked + list.hits.watched;
}

/** Those that need somebody come first, whatever the order. */
export function ordered(lists: readonly ListInfo[], order: Order): ListInfo[] {
  const value: Record<Order, (one: ListInfo) => number> = {
    hits: hitsOf,
    only: (one) => one.overlap.only_here,
    entries: (one) => one.entries,
    name: () => 0,
  };
  const needs = (one: ListInfo) => Number(one.enabled && (one.held != null || one.problem != null));
  return [...lists].sort(
    (one, other) =>
      needs(other) - needs(one) ||
      value[order](other) - value[order](one) ||
      one.name.localeCompare(other.name, undefined, { numeric: true }),
  );
}

/** How far an update is, 0 to 1: each list counts the same, the one in hand by its bytes. */
export function progressOf(update: Update): number {
  if (update.of === 0) return 0;
  const part = update.of_bytes ? Math.min(1, update.bytes / update.of_bytes) : 0;
  return Math.min(1, (update.done + (update.step === "fetching" ? part * 0.8 : part)) / update.of);
}

/** When the page should look again, in ms from now: at once while something runs, else when a list is due. */
export function nextLook(lists: readonly ListInfo[], update: Update, now: number): number | undefined {
  const isAwaited = (one: ListInfo) => one.enabled && one.state === "new" && one.problem == null && one.discarded == null;
  if (update.running || lists.some(isAwaited)) return 1000;
  const due = lists.flatMap((one) => (one.enabled && one.next_at ? [Date.parse(one.next_at) - now + 2000] : []));
  if (due.length === 0) return undefined;
  // A timer holds 24 days; who looks that long sees it once a day.
  return Math.min(86_400_000, Math.max(15_000, Math.min(...due)));
}

/** Words that many lists' files are called, and that say nothing. */
const empty = new Set(["hosts", "host", "list", "lists", "raw", "main", "master", "domains", "filter", "filters", "txt", "www", "latest", "download"]);

/** A name for a list, from where it comes: the file's, or the site's where that says nothing. */
export function nameOf(source: string): string {
  const plain = source.trim().replace(/^[a-z]+:\/\//i, "").replace(/[?#].*$/, "");
  const [host = "", ...path] = plain.split("/").filter((part) => part !== "");
  const words = path.map((part) => part.replace(/\.[a-z0-9]{1,8}$/i, "")).filter((part) => !empty.has(part.toLowerCase()));
  const said = words.at(-1) ?? host.replace(/:\d+$/, "").replace(/\.(txt|list|hosts|conf)$/i, "");
  return said
    .toLowerCase()
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/^[-._]+|[-._]+$/g, "")
    .slice(0, 60);
}
