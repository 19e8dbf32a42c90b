// The arithmetic of the charts.
import type { Series } from "../api/types.ts";

export interface Bucket {
  /** Milliseconds. */
  from: number;
  to: number;
  allow: number;
  watch: number;
  block: number;
}

/** A round even number, at least `value`: 4, 6, 8, 10, 20, 30 … */
export function ceiling(value: number): number {
  if (value <= 4) return 4;
  const size = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.6, 2, 3, 4, 5, 6, 8].find((each) => each * size >= value) ?? 10;
  return Math.ceil((factor * size) / 2) * 2;
}

/** The series in at most `room` bars: neighbors are added up, from the newest end. */
export function bucketsOf(series: Series, room: number): Bucket[] {
  const start = Date.parse(series.start);
  const step = series.step_s * 1000;
  const count = series.block.length;
  const fold = Math.max(1, Math.ceil(count / Math.max(1, room)));
  const buckets: Bucket[] = [];
  for (let end = count; end > 0; end -= fold) {
    const first = Math.max(0, end - fold);
    buckets.push({
      from: start + first * step,
      to: start + end * step,
      allow: sum(series.allow, first, end),
      watch: sum(series.watch, first, end),
      block: sum(series.block, first, end),
    });
  }
  return buckets.reverse();
}

function sum(values: readonly number[], from: number, to: number): number {
  return values.slice(from, to).reduce((all, one) => all + one, 0);
}

const gaps = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 10_080].map((m) => m * 60_000);

/** Moments for the time axis: full local hours or days, at most `room` of them. */
export function ticksOf(from: number, to: number, room: number): number[] {
  const gap = gaps.find((each) => (to - from) / each <= room) ?? 30 * 86_400_000;
  const ticks: number[] = [];
  for (let local = Math.floor((from - behind(from)) / gap) * gap; local - gap <= to - behind(to); local += gap) {
    const at = momentAt(local);
    if (at >= from && at <= to && at !== ticks.at(-1)) ticks.push(at);
  }
  return ticks;
}

/** How far clocks here are behind UTC at a moment, in ms. */
const behind = (at: number) => new Date(at).getTimezoneOffset() * 60_000;

/** The moment at which clocks here show what UTC's show at `local`; they may be changed in between. */
function momentAt(local: number): number {
  const near = local + behind(local);
  return local + behind(near);
}

/** Points of a sparkline in a box of `width` × `height`. */
export function sparkOf(values: readonly number[], width: number, height: number): string {
  const most = Math.max(1, ...values);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return values
    .map((value, index) => `${round(index * step)},${round(height - (value / most) * height)}`)
    .join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** How far clocks here are ahead of UTC in the middle of a span that ends at `now`, in minutes. */
export function aheadIn(length: number, now = Date.now()): number {
  return -new Date(now - length / 2).getTimezoneOffset();
}

/**
 * Weekday × hour from UTC to local time; row 0 is Monday.
 * A zone that is half an hour off moves by the next whole hour.
 */
export function localHours(utc: readonly (readonly number[])[], offsetMinutes: number): number[][] {
  const shift = Math.round(offsetMinutes / 60);
  const local = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  utc.forEach((hours, weekday) =>
    hours.forEach((count, hour) => {
      const at = (weekday * 24 + hour + shift + 168) % 168;
      const row = local[Math.floor(at / 24)];
      if (row) row[at % 24] = (row[at % 24] ?? 0) + count;
    }),
  );
  return local;
}

/** The hours of the day that stand out, for the sentence; empty when none does. */
export function busiest(hours: readonly (readonly number[])[]): number[] {
  const byHour = Array.from({ length: 24 }, (_, hour) =>
    hours.reduce((all, row) => all + (row[hour] ?? 0), 0),
  );
  const all = byHour.reduce((one, other) => one + other, 0);
  return byHour
    .map((count, hour) => ({ count, hour }))
    .filter(({ count }) => all >= 24 && count >= (all / 24) * 2)
    .sort((one, other) => other.count - one.count)
    .slice(0, 2)
    .map(({ hour }) => hour)
    .sort((one, other) => one - other);
}
