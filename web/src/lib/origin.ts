// Where the entry that decided stands: in a pack, in a list, or among one's own rules.
import { listHref, packHref } from "./router.ts";
import { t } from "./words.ts";

export type Origin = { kind: "pack" | "list"; id: string } | { kind: "rule" | "schedule" | "rebinding" } | undefined;

/** Reads "pack:xiaomi", "list:ads", "rule", "schedule" and "rebinding"; anything else says nothing. */
export function readOrigin(text: string | null | undefined): Origin {
  const [, kind, id] = /^(pack|list):(.+)$/s.exec(text ?? "") ?? [];
  if (kind && id) return { kind: kind as "pack" | "list", id };
  if (text === "rebinding" || text === "schedule") return { kind: text };
  return /^rule(:|$)/.test(text ?? "") ? { kind: "rule" } : undefined;
}

export function originOf(row: { origin?: string | null; pack?: string | null }): Origin {
  return readOrigin(row.origin) ?? (row.pack ? { kind: "pack", id: row.pack } : undefined);
}

export function originWord(origin: Origin, packNames: ReadonlyMap<string, string>): string {
  if (!origin) return "";
  if (origin.kind !== "pack" && origin.kind !== "list") return t(`origin.${origin.kind}`);
  return origin.kind === "pack" ? (packNames.get(origin.id) ?? origin.id) : origin.id;
}

/** The page that shows where it stands. Lists are known by their names in the log. */
export function originHref(origin: Origin, lists: readonly { id: string; name: string }[]): string | undefined {
  if (!origin || origin.kind === "rebinding") return undefined;
  if (origin.kind === "pack") return packHref(origin.id);
  if (origin.kind === "list") return listHref(lists.find((one) => one.name === origin.id)?.id ?? origin.id);
  return origin.kind === "rule" ? "/rules" : "/groups";
}

/** What an entry covers: "=x" is x alone, "x" all below it too, "*.x" only what is below. */
export function coverOf(entry: string): { text: string; reach: string } {
  if (entry.startsWith("=")) return { text: entry.slice(1), reach: t("entry.exact") };
  if (entry.startsWith("*.")) return { text: entry.slice(2), reach: t("entry.below") };
  return { text: entry, reach: /^[^*/|^$]+$/.test(entry) ? t("entry.subtree") : "" };
}
