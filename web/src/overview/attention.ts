// What deserves a look: from the server's facts to words.
import type { Attention } from "../api/types.ts";
import { list } from "../lib/format.ts";
import { type Key, type Values, isKey, t } from "../lib/words.ts";

function textOf(fact: unknown): string | undefined {
  if (typeof fact === "string" && fact !== "") return fact;
  if (typeof fact === "object" && fact !== null && "name" in fact) return textOf(fact.name);
  return undefined;
}

/** Numbers stay numbers, things become their names, lists of things become "A, B and C". */
function valuesOf(facts: Record<string, unknown>): Values {
  const values: Values = {};
  for (const [key, fact] of Object.entries(facts)) {
    if (typeof fact === "number") values[key] = fact;
    else if (Array.isArray(fact)) {
      const words = fact.map(textOf).filter((word) => word !== undefined);
      const rest = words.length - 4;
      values[key] = list(rest > 1 ? [...words.slice(0, 4), t("attention.rest", { n: rest })] : words);
    } else {
      const text = textOf(fact);
      if (text !== undefined) values[key] = text;
    }
  }
  return values;
}

/** The sentence of an item; the plain one of its kind where facts are missing. */
export function sentenceOf(item: Attention): string {
  const values = valuesOf(item.facts);
  const wanted = [`attention.${item.kind}`, `attention.${item.kind}.plain`];
  for (const key of wanted) {
    if (!isKey(key)) continue;
    const text = t(key, { ...values, n: numberOf(values) });
    if (!/\{\w+\}/.test(text)) return text;
  }
  return t("attention.other", { kind: item.kind.replaceAll("_", " ") });
}

function numberOf(values: Values): number {
  const found = values["n"] ?? values["queries"] ?? values["names"] ?? values["count"];
  return typeof found === "number" ? found : 0;
}

export function actOf(item: Attention): string {
  const key = `attention.${item.kind}.act` as Key;
  return t(isKey(key) ? key : "attention.act");
}
