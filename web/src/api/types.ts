// The API's shapes under the names that the dashboard uses. `schema.d.ts` is made of the server's
// own description: `npm run api`.
import type { components } from "./schema.d.ts";

type Shapes = components["schemas"];

export type Verdict = Shapes["VerdictWord"];
/** What the log can be asked for: a verdict, or that no answer could be had. */
export type Outcome = Verdict | "failed";
export type Action = Shapes["PackAction"];
export type Level = Shapes["Level"];
export type Confidence = Shapes["Confidence"];

export type Problem = Partial<Shapes["Problem"]> & { title: string };
export type Trouble = Shapes["Trouble"];
export type Status = Shapes["Status"];

export type Totals = Shapes["Totals"];
export type Series = Shapes["Columns"];
/** Facts differ by kind, and a newer server may know more kinds. */
export type Attention = Omit<Shapes["Attention"], "facts" | "kind"> & {
  kind: string;
  facts: Record<string, unknown>;
};
export type Vendor = Shapes["Vendor"];
export type Summary = Omit<Shapes["Summary"], "attention"> & { attention: Attention[] };

export type DataKind = Shapes["DataInfo"];
export type Cell = Shapes["ExposureCell"];
export type ExposureRow = Shapes["ExposureRow"];
export type Exposure = Shapes["Exposure"];

export type Row = Shapes["Row"];
export type Page = Shapes["Page"];
export type History = Shapes["History"];

export type DeviceRef = Shapes["DeviceRef"];
export type Device = Shapes["Device"];
export type DeviceDetail = Shapes["DeviceDetail"];

export type Pack = Shapes["PackItem"];
export type PackDetail = Shapes["PackDetail"];
export type EntryInfo = Shapes["EntryInfo"];
export type Evidence = Shapes["EvidenceInfo"];
export type Explanation = Shapes["Explanation"];
export type Covering = Shapes["Covering"];

export type ListAction = "block" | "watch" | "allow";

export interface ListInfo {
  id: string;
  name: string;
  source: string;
  action: ListAction;
  format: string;
  /** As which dialect it was read, and why. */
  read_as?: { format: string; why: string } | null;
  refresh: string;
  enabled: boolean;
  /** Set in the config file, and not to be changed here. */
  declared: boolean;
  /** Ids of the groups that it names; none: it counts for those that choose no lists themselves. */
  groups?: string[] | null;
  used_by: { id: string; name: string; always: boolean }[];
  state: "good" | "new" | "failing" | "held";
  fetched_at?: string | null;
  checked_at?: string | null;
  next_at?: string | null;
  size_bytes: number;
  entries: number;
  by_kind: Record<string, number>;
  refused: number;
  skipped: Record<string, number>;
  hits: { blocked: number; watched: number; names: number; since?: string | null };
  overlap: Overlap;
  never_matched: number;
  problem?: { message: string; since: string } | null;
  held?: { reason: string; entries_before: number; entries_now: number } | null;
  discarded?: { reason: string; at: string; entries: number } | null;
}

export interface Overlap {
  only_here: number;
  also_in: { list: string; shared: number }[];
}

export interface Update {
  running: boolean;
  list?: string | null;
  step?: "fetching" | "reading" | "compiling" | null;
  bytes: number;
  of_bytes?: number | null;
  done: number;
  of: number;
}

export interface Lists {
  lists: ListInfo[];
  total: { entries: number; unique: number; compiled_bytes: number; compiled_at?: string | null; problem?: string | null };
  update: Update;
}

export interface ListChange {
  name?: string;
  source?: string;
  action?: ListAction;
  format?: string;
  refresh?: string;
  enabled?: boolean;
  groups?: string[] | null;
}

export interface RefusedLine {
  line: number;
  text: string;
  reason: string;
}

export interface ListEntry {
  /** None is one that is not in the list any more. */
  line?: number | null;
  /** "=name" the name alone, "*.name" what is below it, "name" both. */
  text: string;
  hits: number;
  last_at?: string | null;
}

export interface ListPreview {
  format: string;
  why: string;
  entries: number;
  by_kind: Record<string, number>;
  refused: number;
  problems: RefusedLine[];
  overlap: Overlap;
  would_block: {
    days: number;
    names: number;
    queries: number;
    top: { name: string; queries: number; devices: number }[];
  };
}

export interface Rule {
  id: string;
  match: string;
  action: ListAction;
  comment?: string | null;
  /** The device's id; none is everyone. */
  device?: string | null;
  /** Names of devices, for one that the config file sets. */
  devices?: string[];
  declared: boolean;
  hits: number;
}

export type RuleChange = Partial<Pick<Rule, "match" | "action" | "comment" | "device">>;

/** A server that is asked for names. */
export type Upstream = Shapes["UpstreamItem"];
export type LatencyBucket = Shapes["LatencyBucket"];

/** A record of the home's own names. */
export type OwnRecord = Shapes["RecordItem"];
export type RecordChange = Shapes["RecordWish"];

export type PauseItem = Shapes["PauseItem"];
export type PauseChange = Shapes["PauseWish"];

export type Schedule = Shapes["ScheduleItem"];
/** Packs are written as in the config file: `default`, `level`, and packs by their ids. */
export type Group = Shapes["GroupItem"];
export type GroupChange = Omit<Shapes["NewGroup"], "packs"> & { packs?: Record<string, unknown> | null };

export type DeviceChange = Shapes["NewDevice"];

/** `before` and `after` differ by kind. */
export type Change = Omit<Shapes["Change"], "before" | "after"> & {
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
};

/** Who is signed in, and by which programs the API may be used. */
export type SessionState = Shapes["SessionState"];
export type SessionItem = Shapes["SessionItem"];
export type TokenItem = Shapes["TokenItem"];
export type NewToken = Shapes["NewToken"];
export type TokenWish = Shapes["TokenWish"];
