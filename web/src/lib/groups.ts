// Groups as people read and write them: a schedule in words, and what a form makes of it.
import type { Group, GroupChange, Schedule } from "../api/types.ts";
import { list, weekday } from "./format.ts";
import { t } from "./words.ts";

export const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof days)[number];

export const dayName = (day: string): string => weekday(days.indexOf(day as Day));

/** "Mon to Fri", "Sat and Sun", "every day". */
export function daysText(chosen: readonly string[]): string {
  const places = days.map((day, at) => (chosen.includes(day) ? at : -1)).filter((at) => at >= 0);
  if (places.length === 0 || places.length === 7) return t("schedule.everyDay");
  const [first = 0, last = 0] = [places[0], places.at(-1)];
  const isRow = places.length > 2 && last - first === places.length - 1;
  if (isRow) return t("schedule.toDay", { from: weekday(first), to: weekday(last) });
  return list(places.map(weekday));
}

export function timesText(times: readonly string[]): string {
  return times.length === 0 ? t("schedule.allDay") : list(times.map((time) => time.replace("-", "–")));
}

/** When a schedule counts, in one line. */
export function whenText(schedule: Schedule): string {
  const zone = schedule.zone ? ` (${schedule.zone})` : "";
  return `${daysText(schedule.days ?? [])}, ${timesText(schedule.times ?? [])}${zone}`;
}

/** The part of each day that a schedule covers, as pairs of percents, Monday first; for the picture. */
export function weekOf(schedule: Schedule): [number, number][][] {
  const week: [number, number][][] = days.map(() => []);
  const share = (time: string) => {
    const [hour = 0, minute = 0] = time.split(":").map(Number);
    return ((hour * 60 + minute) / 1440) * 100;
  };
  const times = schedule.times?.length ? schedule.times : ["00:00-24:00"];
  const chosen = schedule.days?.length ? schedule.days : days;
  days.forEach((day, at) => {
    if (!chosen.includes(day)) return;
    for (const time of times) {
      const [from = 0, to = 100] = time.split("-").map(share);
      if (to > from) week[at]?.push([from, to]);
      else {
        week[at]?.push([from, 100]);
        if (to > 0) week[(at + 1) % 7]?.push([0, to]);
      }
    }
  });
  return week;
}

/** Lines of a field: one thing each. */
export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** What of a group can be put back as it was. */
export function before(group: Group): GroupChange {
  const { name, packs, lists, rules, safesearch, schedule, for_unknown } = group;
  const upstream = group.upstream ?? [];
  return { name, packs, lists, rules, safesearch, upstream, schedule, for_unknown };
}
