// For how long blocking may pause, and for whom it does.
import type { PauseItem, Status } from "../api/types.ts";
import { list, minute } from "./format.ts";
import { fromInput, toInput } from "./range.ts";
import { t } from "./words.ts";

/** For everybody, unless it names a device or a group. */
export interface Who {
  device?: string;
  group?: string;
}

/** As the API takes them. */
export const lengths = ["10m", "1h", "3h", "1d"] as const;
export type Length = (typeof lengths)[number];

/** What the API is to be told: so long, or until the moment of an <input type="datetime-local">. */
export function wishOf(length: Length | "until", moment: string): { for: Length } | { until: string | undefined } {
  return length === "until" ? { until: fromInput(moment) } : { for: length };
}

const hourMs = 3_600_000;

/** For such an input: the next hour that is at least half an hour away. */
export const soon = (now: number): string => toInput(Math.ceil((now + hourMs / 2) / hourMs) * hourMs);

export function isFor(pause: PauseItem, who: Who): boolean {
  return (pause.device?.id ?? undefined) === who.device && (pause.group ?? undefined) === who.group;
}

/** The pause of exactly these, if there is one. */
export function pauseOf(pauses: readonly PauseItem[], who: Who): PauseItem | undefined {
  return pauses.find((pause) => isFor(pause, who));
}

export function saying(pause: PauseItem): string {
  const until = minute(pause.until);
  if (pause.device) return t("pause.now.device", { name: pause.device.name, until });
  return pause.group ? t("pause.now.group", { name: pause.group, until }) : t("pause.now.all", { until });
}

/** What a pause for all does not lift. */
export function exceptOf(pause: PauseItem, blocking: Status["blocking"]): string {
  const still = blocking.still_blocked ?? [];
  if (pause.device || pause.group || still.length === 0) return "";
  return t("pause.still", { groups: list(still.map((one) => `${one.group} (${one.schedule})`)) });
}

export const whoOf = (pause: PauseItem): Who =>
  pause.device ? { device: pause.device.id } : pause.group ? { group: pause.group } : {};
