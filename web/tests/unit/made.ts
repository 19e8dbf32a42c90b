// Values for tests, each with what the test does not care about filled in.
import type { Cell, Change, EntryInfo, Exposure, ExposureRow, Group, ListInfo, ListPreview, OwnRecord, Row, Rule, Summary, Update, Upstream } from "../../src/api/types.ts";

export function row(over: Partial<Row> = {}): Row {
  return {
    id: "r1",
    at: "2026-11-20T09:30:00.000Z",
    device: { id: "d1", name: "Phone" },
    address: "192.0.2.7",
    name: "www.site.example",
    type: "A",
    verdict: "allow",
    answer: "NOERROR",
    source: "upstream",
    took_us: 900,
    transport: "udp",
    ...over,
  };
}

/** `count` rows, newest first, one second apart, each of another name. */
export function rows(count: number, from = 0): Row[] {
  return Array.from({ length: count }, (_, index) =>
    row({
      id: `r${from + index}`,
      name: `n${from + index}.example`,
      at: new Date(Date.UTC(2026, 10, 20, 9) - (from + index) * 1000).toISOString(),
    }),
  );
}

export function cell(block: number, watch: number): Cell {
  return {
    queries: block + watch,
    watch,
    block,
    allow: 0,
    names: 1,
    first_seen: "2026-11-20T01:00:00.000Z",
    last_seen: "2026-11-20T09:00:00.000Z",
    data: [],
  };
}

export function exposureRow(id: string, name: string, cells: Record<string, Cell>): ExposureRow {
  const sum = (key: "watch" | "block") => Object.values(cells).reduce((all, one) => all + one[key], 0);
  const [watch, block] = [sum("watch"), sum("block")];
  return { device: { id, name, private_mac: false }, queries: watch + block + 100, watch, block, cells };
}

export function exposure(rows: ExposureRow[], packs: string[]): Exposure {
  return {
    since: "2026-11-19T09:30:00.000Z",
    until: "2026-11-20T09:30:00.000Z",
    as_of: "2026-11-20T09:30:00.000Z",
    complete: true,
    packs: packs.map((id) => ({ id, name: id.toUpperCase(), action: "block" })),
    rows,
  };
}

export function summary(over: Partial<Summary> = {}): Summary {
  return {
    since: "2026-11-19T09:30:00.000Z",
    until: "2026-11-20T09:30:00.000Z",
    as_of: "2026-11-20T09:30:00.000Z",
    complete: true,
    totals: { queries: 1000, allow: 700, watch: 100, block: 200, failed: 7 },
    before: { queries: 0, allow: 0, watch: 0, block: 0, failed: 0 },
    devices: { seen: 4, tried: 3 },
    series: { start: "2026-11-19T09:30:00.000Z", step_s: 300, allow: [], watch: [], block: [] },
    names: [],
    ordinary: [],
    device_totals: [],
    vendors: [
      { id: "acme", name: "Acme", action: "block", queries: 210, watch: 5, block: 195, devices: 2, names: 9 },
    ],
    attention: [],
    ...over,
  };
}

export function entry(over: Partial<EntryInfo> = {}): EntryInfo {
  return {
    domain: "open.acme.example",
    match: "subtree",
    action: "block",
    level: "safe",
    effective: "block",
    purposes: [{ id: "usage-analytics", text: "usage analytics" }],
    component: { id: "dm", name: "Device Manager", packages: [], opt_out: "Settings > Privacy" },
    regions: [],
    lists: [{ id: "one", name: "One list" }],
    file: "packs/acme.toml",
    line: 71,
    confidence: "A",
    confidence_text: "measured",
    sentence: "",
    evidence: [
      {
        source: "study",
        title: "A study of phones",
        address: "https://example.org/study",
        kind: "measured",
        kind_text: "measured by a study",
        where: "Acme One, decrypted on the phone",
        seen: 2017,
        when: "in normal use",
        data: [
          { id: "model", text: "the model", sensitive: false },
          { id: "imei", text: "the IMEI", sensitive: true },
        ],
      },
    ],
    breaks: [{ what: "Nothing reported", severity: "none", severity_text: "nothing noticed", disputed: false }],
    ...over,
  };
}

export const idle: Update = { running: false, list: null, step: null, bytes: 0, of_bytes: null, done: 0, of: 0 };

export function listInfo(over: Partial<ListInfo> = {}): ListInfo {
  return {
    id: "l1",
    name: "ads",
    source: "https://lists.example/ads.txt",
    action: "block",
    format: "auto",
    read_as: { format: "hosts", why: "it begins with an address" },
    refresh: "1d",
    enabled: true,
    declared: false,
    groups: null,
    used_by: [{ id: "default", name: "default", always: true }],
    state: "good",
    fetched_at: "2026-11-20T04:00:00Z",
    checked_at: "2026-11-20T04:00:00Z",
    next_at: null,
    size_bytes: 1000,
    entries: 100,
    by_kind: { exact: 100 },
    refused: 0,
    skipped: {},
    hits: { blocked: 0, watched: 0, names: 0 },
    overlap: { only_here: 0, also_in: [] },
    never_matched: 100,
    problem: null,
    held: null,
    ...over,
  };
}

export function listPreview(over: Partial<ListPreview> = {}): ListPreview {
  return {
    format: "hosts",
    why: "it begins with an address",
    entries: 100,
    by_kind: { exact: 100 },
    refused: 1,
    problems: [{ line: 7, text: "&&&", reason: "no name" }],
    overlap: { only_here: 90, also_in: [{ list: "l2", shared: 10 }] },
    would_block: { days: 7, names: 1, queries: 5, top: [{ name: "ads.example", queries: 5, devices: 2 }] },
    ...over,
  };
}

export function rule(over: Partial<Rule> = {}): Rule {
  return { id: "1", match: "||ads.example^", action: "block", comment: null, device: null, declared: false, hits: 0, ...over };
}

export function record(over: Partial<OwnRecord> = {}): OwnRecord {
  return { id: "1", name: "nas.home.arpa", type: "A", value: "192.0.2.10", ttl: "5m", declared: false, in_force: true, ...over };
}

export function upstream(over: Partial<Upstream> = {}): Upstream {
  return {
    id: 0,
    server: "udp://192.0.2.1",
    asked: 100,
    failed: 0,
    usable: true,
    last_latency_us: 9000,
    average_latency_us: 11_000,
    failures: {},
    latency: [{ up_to_us: 10_000, answers: 100 }],
    ...over,
  };
}

export function group(over: Omit<Partial<Group>, "packs"> & { packs?: Record<string, unknown> | null } = {}): Group {
  return {
    id: "kids",
    name: "Kids",
    declared: false,
    lists: null,
    rules: [],
    safesearch: null,
    schedule: [],
    for_unknown: false,
    devices: 1,
    now: [],
    packs: null,
    ...over,
  } as Group;
}

export function changeOf(over: Partial<Change> = {}): Change {
  return {
    id: "1",
    at: "2026-11-20T09:30:00Z",
    by: "dashboard",
    kind: "rule",
    item: "1",
    name: "||a.example^",
    before: null,
    after: {},
    can_undo: true,
    ...over,
  };
}
