// Own rules: what people type and click, as rules; and rules, as people read them.
import type { ListAction, Rule, RuleChange } from "../api/types.ts";

/** A name, and whether all names below it are meant too. */
export interface Reach {
  name: string;
  below: boolean;
}

const label = "[\\p{L}\\p{N}_]([\\p{L}\\p{N}_-]{0,61}[\\p{L}\\p{N}_])?";
const named = new RegExp(`^(${label}\\.)*${label}\\.?$`, "u");

/** Whether a text is a plain name of the DNS, of which a rule can be made. */
export function isName(text: string): boolean {
  return text.length <= 253 && named.test(text);
}

export function matchOf({ name, below }: Reach): string {
  return `${below ? "||" : "|"}${name.toLowerCase().replace(/\.$/, "")}^`;
}

/** What a rule covers, where it is as simple as that. */
export function reachOf(match: string): Reach | undefined {
  const found = /^(\|\|?)([^|^/*$]+)\^$/.exec(match);
  const name = found?.[2];
  return name && isName(name) ? { name, below: found[1] === "||" } : undefined;
}

/** What a field's text means as a rule: a plain name covers what `below` says, all else is as it stands. */
export function typed(text: string, below: boolean): string {
  const trimmed = text.trim();
  return isName(trimmed) ? matchOf({ name: trimmed, below }) : trimmed;
}

/** The rule that says something on just this already; with it, a change is enough. */
export function sameRule(rules: readonly Rule[], wish: RuleChange): Rule | undefined {
  const of = (one: RuleChange) => `${one.device ?? ""} ${one.match}`;
  return rules.find((rule) => !rule.declared && of(rule) === of(wish));
}

/** What one would do about a name that got this verdict: the other way. */
export function opposite(verdict: ListAction): ListAction {
  return verdict === "block" ? "allow" : "block";
}
