// The dashboard's texts: one dictionary, its keys typed.
import en from "../en.json";

export type Key = keyof typeof en;
export type Values = Record<string, string | number>;
type Text = string | { one: string; other: string };

export const language = "en";
/** How dates and numbers are written: as the reader's browser says, if it speaks our language. */
export const locale = navigator.languages.find((one) => one.split("-")[0] === language) ?? "en-GB";
const dictionary: Record<Key, Text> = en;
const plural = new Intl.PluralRules(language);
const integer = new Intl.NumberFormat(locale);

/** The text of a key, in the form that `values.n` asks for. */
function textOf(key: Key, values: Values): string {
  const text = dictionary[key];
  if (typeof text === "string") return text;
  return plural.select(Number(values["n"] ?? 0)) === "one" ? text.one : text.other;
}

function shown(value: string | number): string {
  return typeof value === "number" ? integer.format(value) : value;
}

/** A text with its {places} filled. */
export function t(key: Key, values: Values = {}): string {
  return textOf(key, values).replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = values[name];
    return value === undefined ? place : shown(value);
  });
}

export type Piece = { text: string; slot?: never } | { text?: never; slot: string };

/** A text cut at the {places} that have no value: there the page puts what it likes. */
export function pieces(key: Key, values: Values = {}): Piece[] {
  // Cut before filling: a device may be called "{stopped}".
  return textOf(key, values)
    .split(/(\{\w+\})/)
    .filter((part) => part !== "")
    .map((part) => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return { text: part };
      const value = values[name];
      return value === undefined ? { slot: name } : { text: shown(value) };
    });
}

/** Whether there is a text under this key, for keys that come from the server. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(dictionary, key);
}
