// A change of what people set, in words.
import type { Change } from "../api/types.ts";
import { list } from "./format.ts";
import { type Key, isKey, t } from "./words.ts";

/** A newer server may know more kinds and more ways. */
const said = (key: string, word: string): string => (isKey(key) ? t(key as Key) : word);

/** What was done to it: added, changed or removed. */
export function didOf(change: Change): "add" | "change" | "remove" | "forget" {
  if (change.kind === "forgotten") return "forget";
  if (!change.before) return "add";
  return change.after ? "change" : "remove";
}

/** "Rule ||ads.example^ added" */
export function saying(change: Change): string {
  const name = change.name === "all" && change.kind === "pause" ? t("changes.everyone") : change.name;
  const about = change.device && change.kind !== "device" ? `${name} (${change.device.name})` : name;
  return t(`changes.did.${didOf(change)}`, { kind: said(`changes.kind.${change.kind}`, change.kind), name: about });
}

export function byOf(change: Change): string {
  const by = said(`changes.by.${change.by}`, change.by);
  return change.session ? `${by} (${change.session})` : by;
}

export interface Difference {
  member: string;
  before: string;
  after: string;
}

const shown = (value: unknown): string => {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")) return list(value);
  return typeof value === "string" ? value : JSON.stringify(value);
};

/** The members that are other than before. */
export function differences(change: Change): Difference[] {
  const [before, after] = [change.before ?? {}, change.after ?? {}] as [Record<string, unknown>, Record<string, unknown>];
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return members
    .map((member) => ({ member, before: shown(before[member]), after: shown(after[member]) }))
    .filter((one) => one.before !== one.after);
}
