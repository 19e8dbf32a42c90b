// The API's shapes under the names that the dashboard uses.

export type Verdict = "allow" | "watch" | "block";
/** What the log can be asked for: a verdict, or that no answer could be had. */
export type Outcome = Verdict | "failed";
export type Action = "block" | "watch" | "off";
export type Level = "safe" | "standard" | "strict";
export type Confidence = "A" | "B" | "C" | "D" | "E";

export interface Problem {
  title: string;
  status?: number;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
}

export interface Trouble {
  id: string;
  severity: "error" | "warn";
  title: string;
  detail: string;
}

export interface Status {
  version: string;
  started_at: string;
  uptime_s: number;
  now: string;
  queries: { total: number; allow: number; watch: number; block: number; lost: number };
  blocking: { on: boolean };
  journal: {
    state: "ok" | "stopped" | "off";
    problem?: string | null;
    privacy: string;
    retention_s: number;
    flush_s: number;
  };
  listen: { dns: string[]; web: string[] };
  upstreams: Upstream[];
  cache: { entries: number; bytes: number; hits: number; misses: number };
  packs: { version: string; packs: number; names: number };
  devices: number;
  problems: Trouble[];
}

export interface Upstream {
  id: string | number;
  server: string;
  asked: number;
  failed: number;
  last_error?: string | null;
  last_latency_us?: number | null;
}

export interface Totals {
  queries: number;
  allow: number;
  watch: number;
  block: number;
  failed: number;
}

export interface Series {
  start: string;
  step_s: number;
  allow: number[];
  watch: number[];
  block: number[];
}

export interface DeviceRef {
  id: string;
  name: string;
}

export interface Attention {
  id: string;
  kind: string;
  severity: "info" | "warn";
  facts: Record<string, unknown>;
  href: string;
}

export interface Vendor {
  id: string;
  name: string;
  action: Action;
  queries: number;
  watch: number;
  block: number;
  devices: number;
  names: number;
}

export interface AskedName {
  name: string;
  queries: number;
  verdict: Verdict;
  pack?: string | null;
}

export interface Summary {
  since: string;
  until: string;
  as_of: string;
  /** False when a part of the journal could not be read. */
  complete?: boolean;
  totals: Totals;
  before: Totals;
  devices: { seen: number; tried: number };
  series: Series;
  names: AskedName[];
  ordinary: { name: string; queries: number }[];
  device_totals: { device: DeviceRef; queries: number; watch: number; block: number }[];
  vendors: Vendor[];
  attention: Attention[];
}

export interface DataKind {
  id: string;
  text: string;
  sensitive: boolean;
}

export interface Cell {
  queries: number;
  watch: number;
  block: number;
  allow: number;
  names: number;
  first_seen: string;
  last_seen: string;
  data: DataKind[];
}

export interface ExposureRow {
  device: DeviceRef & { maker?: string | null; private_mac: boolean };
  queries: number;
  watch: number;
  block: number;
  cells: Record<string, Cell>;
}

export interface Exposure {
  since: string;
  until: string;
  as_of: string;
  complete?: boolean;
  packs: { id: string; name: string; action: Action }[];
  rows: ExposureRow[];
}

export interface Row {
  id: string;
  at: string;
  device: DeviceRef;
  address: string;
  name: string;
  type: string;
  verdict: Verdict;
  pack?: string | null;
  entry?: string | null;
  answer: string;
  source: "policy" | "local" | "cache" | "upstream" | "failure";
  upstream?: string | null;
  took_us: number;
  transport: string;
}

export interface Page {
  items: Row[];
  next?: string | null;
  reached: string;
  complete: boolean;
}

export interface Device {
  id: string;
  name: string;
  named_by: "config" | "reverse" | "maker" | "address";
  maker?: string | null;
  mac?: string | null;
  private_mac: boolean;
  addresses: string[];
  first_seen: string;
  last_seen: string;
  queries: number;
  watch: number;
  block: number;
  packs: { id: string; name: string; queries: number }[];
  spark: number[];
}

export interface DeviceName {
  name: string;
  pack: string;
  entry: string;
  queries: number;
  watch: number;
  block: number;
  first_seen: string;
  last_seen: string;
  confidence: Confidence;
}

export interface DevicePurpose {
  id: string;
  text: string;
  names: number;
  queries: number;
  watch: number;
  block: number;
  confidence: Confidence;
}

export interface DeviceData extends DataKind {
  names: number;
  queries: number;
  block: number;
}

export interface DeviceDetail extends Device {
  hours: number[][];
  purposes: DevicePurpose[];
  data: DeviceData[];
  names: DeviceName[];
  ordinary_names: number;
}

export interface Pack {
  id: string;
  name: string;
  summary: string;
  kind: string;
  action: Action;
  level: Level;
  names: number;
  entries: number;
  by_action: { block: number; watch: number; allow: number };
  by_level: { safe: number; standard: number; strict: number };
  reviewed: string;
  queries: number;
  watch: number;
  block: number;
  devices: number;
}

export interface Component {
  id: string;
  name: string;
  packages?: string[];
  opt_out?: string | null;
}

export interface PackDetail extends Omit<Pack, "entries"> {
  see_also: string[];
  owner_domains: string[];
  components: Component[];
  data: DataKind[];
  entries: (EntryInfo & { queries: number })[];
}

export interface Evidence {
  source: string;
  title: string;
  address?: string | null;
  kind: string;
  kind_text: string;
  where: string;
  seen?: number | string | null;
  when?: string | null;
  date?: string | null;
  data: DataKind[];
}

export interface Break {
  what: string;
  severity: string;
  severity_text: string;
  disputed: boolean;
  source?: string | null;
  where?: string | null;
}

export interface EntryInfo {
  domain: string;
  match: "exact" | "subtree";
  action: "block" | "watch" | "allow";
  level?: Level | null;
  effective?: "block" | "watch" | "allow" | "off";
  purposes: { id: string; text: string }[];
  component?: Component | null;
  regions: string[];
  lists: { id: string; name: string }[];
  note?: string | null;
  file: string;
  line: number;
  confidence: Confidence;
  confidence_text: string;
  sentence: string;
  evidence: Evidence[];
  breaks: Break[];
  retired?: string | null;
}

export interface Explanation {
  name: string;
  type: string;
  /** Its name. */
  device?: string | null;
  verdict: Verdict;
  answer: string;
  source?: string | null;
  pack?: { id: string; name: string } | null;
  entry?: EntryInfo | null;
  also: { pack: { id: string; name: string }; entry: EntryInfo }[];
  steps: { step: string; result: string }[];
  recent?: { queries: number; devices: number; last_seen: string } | null;
}
