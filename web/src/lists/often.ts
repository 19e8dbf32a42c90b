// How often a list is fetched anew, in words.
import { lasting } from "../lib/format.ts";
import { lengthOf } from "../lib/range.ts";
import { isKey, t } from "../lib/words.ts";

export function often(text: string): string {
  const key = `often.${text}`;
  if (isKey(key)) return t(key);
  const ms = lengthOf(text);
  return ms === undefined ? text : t("list.every", { time: lasting(ms / 1000) });
}
