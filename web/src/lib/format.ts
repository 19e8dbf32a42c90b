// Numbers and times as people read them, in their language and their time zone.
import { locale, t } from "./words.ts";

const made = new Map<string, unknown>();

/** Intl's formatters are slow to make, so each is made once. */
function kept<T>(key: string, make: () => T): T {
  if (!made.has(key)) made.set(key, make());
  return made.get(key) as T;
}

function numbers(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return kept(`n-${key}`, () => new Intl.NumberFormat(locale, options));
}

function dates(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(`d-${key}`, () => new Intl.DateTimeFormat(locale, options));
}

export function number(value: number): string {
  return numbers("plain", {}).format(value);
}

/** At most five characters: 964, 1,316, 21K. */
export function short(value: number): string {
  if (value < 10_000) return number(value);
  return numbers("short", { notation: "compact", maximumFractionDigits: 0 }).format(value);
}

/** A part of a whole; never 0 % or 100 % when that is not quite so. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return percent(0);
  const value = part / whole;
  if (part > 0 && value < 0.01) return `< ${percent(0.01)}`;
  if (part < whole && value > 0.99) return `> ${percent(0.99)}`;
  return percent(value);
}

export function percent(value: number): string {
  return numbers("percent", { style: "percent", maximumFractionDigits: 0 }).format(value);
}

function sameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString();
}

/** 09:29:59, with the date in front when it is not today's. */
export function time(at: string | number, now: number = Date.now()): string {
  const moment = new Date(at);
  const clock = dates("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  if (sameDay(moment, new Date(now))) return clock.format(moment);
  return `${day(moment)} ${clock.format(moment)}`;
}

/** 09:29, with the date in front when it is not today's. */
export function minute(at: string | number, now: number = Date.now()): string {
  const moment = new Date(at);
  const clock = dates("minute", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (sameDay(moment, new Date(now))) return clock.format(moment);
  return `${day(moment)} ${clock.format(moment)}`;
}

/** 20 Nov */
export function day(at: string | number | Date): string {
  return dates("day", { day: "numeric", month: "short" }).format(new Date(at));
}

/** The whole of it, for titles: 20 November 2026 at 09:29:59 CET. */
export function fully(at: string | number): string {
  return dates("full", { dateStyle: "long", timeStyle: "long", hourCycle: "h23" }).format(new Date(at));
}

/** 20 Nov 2026, from a plain date, which stands for a day and so has no time zone. */
export function date(text: string): string {
  const whole = /^\d{4}-\d\d-\d\d/.test(text);
  if (!whole) return text;
  const options = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" } as const;
  return dates("date", options).format(new Date(text.slice(0, 10)));
}

/** Monday is 0. */
export function weekday(index: number): string {
  // 1 January 2024 was a Monday.
  return dates("weekday", { weekday: "short", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + index));
}

export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 min. ago" */
export function ago(at: string | number, now: number = Date.now()): string {
  return relative(now - new Date(at).getTime(), -1);
}

/** "in 6 hr." */
export function ahead(at: string | number, now: number = Date.now()): string {
  return relative(new Date(at).getTime() - now, 1);
}

function relative(ms: number, sign: 1 | -1): string {
  const seconds = Math.max(0, ms / 1000);
  const words = kept("ago", () => new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" }));
  for (const [unit, length] of steps) {
    if (seconds >= length) return words.format(sign * Math.floor(seconds / length), unit);
  }
  return t("time.now");
}

/** How long something took or lasts, in its largest unit. */
export function lasting(seconds: number): string {
  const [unit, length] = steps.find(([, size]) => seconds >= size) ?? ["second", 1];
  const options = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 } as const;
  return numbers(`unit-${unit}`, options).format(Math.floor(seconds / length));
}

/** From microseconds: 240 µs, 1.8 ms, 2.1 s. */
export function took(us: number): string {
  if (us < 1000) return `${number(Math.round(us))} µs`;
  const [value, unit] = us < 1_000_000 ? [us / 1000, "ms"] : [us / 1_000_000, "s"];
  const digits = value < 10 ? 1 : 0;
  return `${numbers(`took${digits}`, { maximumFractionDigits: digits }).format(value)} ${unit}`;
}

/** 34 bytes, 812 kB, 18 MB */
export function size(bytes: number): string {
  if (bytes < 1000) {
    return numbers("size-byte", { style: "unit", unit: "byte", unitDisplay: "long" }).format(bytes);
  }
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, "kilobyte"] : [bytes / 1_000_000, "megabyte"];
  const digits = value < 10 ? 1 : 0;
  const options = { style: "unit", unit, maximumFractionDigits: digits } as const;
  return numbers(`size-${unit}${digits}`, options).format(value);
}

/** "Google, Amazon and Samsung" */
export function list(words: readonly string[]): string {
  return kept("list", () => new Intl.ListFormat(locale, { type: "conjunction" })).format(words);
}
