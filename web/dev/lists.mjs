// Made-up lists and rules for the mock server; they change as people change them.

const day = 86_400_000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();
const ahead = (ms) => new Date(Date.now() + ms).toISOString();

const reasons = [
  ["example.com##.banner-{n}", "a rule on what a page shows has no meaning in the DNS: `##`"],
  ["||ads-{n}.example^$third-party", "the modifier `third-party` is not one of the DNS's, so the whole rule is out of force"],
  ["/(?<=ads{n})\\.example/", "the regular expression looks behind, which does not run in linear time"],
  ["<script>alert({n})</script>", "this is no name, no address and no rule"],
  [`${"x".repeat(70)}{n}.example`, "a label of a name has 63 characters at most"],
];

export const refusedOf = (count) =>
  Array.from({ length: count }, (_, at) => ({ line: 17 + at * 131, text: reasons[at % 5][0].replace("{n}", at), reason: reasons[at % 5][1] }));

function made(over) {
  return {
    action: "block", format: "auto", read_as: { format: "hosts", why: "197 of the first 200 lines begin with an address" },
    refresh: "1d", enabled: true, declared: false, state: "good",
    fetched_at: ago(5 * 3_600_000), checked_at: ago(5 * 3_600_000), next_at: ahead(19 * 3_600_000),
    size_bytes: 0, entries: 0, by_kind: {}, refused: 0, skipped: {},
    hits: { blocked: 0, watched: 0, names: 0, since: ago(7 * day) },
    overlap: { only_here: 0, also_in: [] }, never_matched: 0, problem: null, held: null, discarded: null, groups: null, used_by: [{ id: "default", name: "default", always: true }],
    ...over,
  };
}

const lists = [
  made({
    id: "community-ads", name: "community-ads", source: "https://lists.example/community/ads.txt", declared: true,
    read_as: { format: "adblock", why: "188 of the first 200 lines are adblock rules" },
    size_bytes: 4_812_331, entries: 183_204, by_kind: { subtree: 181_990, exact: 812, regex: 14, exception: 388 }, refused: 112, skipped: { cosmetic: 904, comment: 77 },
    hits: { blocked: 31_870, watched: 0, names: 612, since: ago(7 * day) },
    overlap: { only_here: 12_011, also_in: [{ list: "big", shared: 168_400 }, { list: "old-trackers", shared: 20_911 }] },
    never_matched: 182_592, checked_at: ago(1_500_000),
  }),
  made({
    id: "big", name: "Everything and more", source: "https://lists.example/big.txt", action: "watch",
    read_as: { format: "domains", why: "all of the first 200 lines are plain names" },
    size_bytes: 24_900_120, entries: 1_004_233, by_kind: { exact: 1_004_233 },
    hits: { blocked: 0, watched: 2_210, names: 203, since: ago(3 * day) },
    overlap: { only_here: 834_900, also_in: [{ list: "community-ads", shared: 168_400 }, { list: "old-trackers", shared: 20_990 }] }, never_matched: 1_004_030,
    held: { reason: "it shrank from 1,004,233 entries to 212", entries_before: 1_004_233, entries_now: 212 }, state: "held",
  }),
  made({
    id: "old-trackers", name: "Old tracker list", source: "https://gone.example/trackers/hosts", size_bytes: 612_000, entries: 21_009, by_kind: { exact: 21_009 },
    overlap: { only_here: 8, also_in: [{ list: "big", shared: 20_990 }, { list: "community-ads", shared: 20_911 }] }, never_matched: 21_009,
    state: "failing", fetched_at: ago(17 * day), checked_at: ago(600_000), next_at: ahead(3_000_000),
    problem: { message: "https://gone.example/trackers/hosts answers 404 Not Found", since: ago(3 * day) },
  }),
  made({
    id: "school", name: "School and bank", source: "/etc/squelch/allowed.txt", action: "allow", read_as: { format: "domains", why: "a file of plain names" },
    size_bytes: 1_104, entries: 31, by_kind: { exact: 31 }, overlap: { only_here: 31, also_in: [] }, never_matched: 29, hits: { blocked: 0, watched: 0, names: 2, since: ago(7 * day) }, next_at: null,
  }),
  made({
    id: "paused", name: "<b>Kids'</b> {list} of a name that is longer than anybody would think of, and has no end", source: "https://lists.example/kids.txt?with=a&long=query&that=is&longer=than&any=line&of=a&phone", enabled: false,
    size_bytes: 98_000, entries: 4_012, by_kind: { exact: 4_012 }, overlap: { only_here: 3_980, also_in: [{ list: "big", shared: 32 }] }, never_matched: 4_012, next_at: null,
  }),
];

const rules = [
  { id: "1", match: "||telemetry.example^", action: "block", comment: "seen on the TV", device: null, declared: true, hits: 412 },
  { id: "2", match: "|events.realme.example^", action: "allow", comment: null, device: "d4", declared: false, hits: 3 },
  { id: "3", match: "/^ads?[0-9]+\\./", action: "watch", comment: null, device: null, declared: false, hits: 0 },
];
const records = [
  { id: "2", name: "*.printer.home.arpa", type: "AAAA", value: "2001:db8::20", ttl: "5m", declared: false, in_force: true },
  { id: "1", name: "nas.home.arpa", type: "TXT", value: "a text that is longer than anybody would think of ".repeat(4), ttl: "1h", declared: false, in_force: false },
  { id: "c0", name: "nas.home.arpa", type: "A", value: "192.0.2.10", ttl: "5m", declared: true, in_force: true },
];
let next = 4;

const update = { running: false, list: null, step: null, bytes: 0, of_bytes: null, done: 0, of: 0 };

/** Goes through the lists a second at a time, as a real update would. */
function run(wanted) {
  if (update.running || wanted.length === 0) return;
  Object.assign(update, { running: true, done: 0, of: wanted.length });
  const steps = wanted.flatMap((list) => [0.2, 0.6, 1].map((part) => ({ list, step: "fetching", part })).concat([{ list, step: "reading", part: 1 }]));
  steps.push({ step: "compiling", part: 1 });
  const timer = setInterval(() => {
    const now = steps.shift();
    if (now) {
      const all = now.list?.size_bytes || 400_000;
      Object.assign(update, { list: now.list?.id ?? null, step: now.step, bytes: Math.round(all * now.part), of_bytes: now.list ? all : null });
      if (now.step === "reading") update.done += 1;
      return;
    }
    clearInterval(timer);
    Object.assign(update, { running: false, list: null, step: null });
    for (const list of wanted) {
      Object.assign(list, { checked_at: ago(0), next_at: list.source.startsWith("http") ? ahead(day) : null });
      if (list.state === "new") Object.assign(list, { state: "good", entries: 5_120, size_bytes: 120_000, by_kind: { exact: 5_120 }, never_matched: 5_120, fetched_at: ago(0), overlap: { only_here: 4_900, also_in: [{ list: "big", shared: 220 }] } });
    }
  }, 500);
}

class Invalid extends Error {
  constructor(pointer, detail) {
    super(detail);
    this.errors = [{ pointer, detail }];
  }
}

function checkSource(source) {
  if (!source?.trim()) throw new Invalid("/source", "an address or a file's path is wanted");
  if (/^http:/.test(source)) throw new Invalid("/source", "plain http can be changed on the way: use https, or set lists.allow_private_sources");
  if (source.includes("404")) throw new Invalid("/source", `${source} answers 404 Not Found`);
}

function preview({ source }) {
  checkSource(source);
  return {
    format: "hosts", why: "197 of the first 200 lines begin with an address", entries: 5_120, by_kind: { exact: 5_120 }, refused: 7, problems: refusedOf(7),
    overlap: { only_here: 4_900, also_in: [{ list: "big", shared: 220 }] },
    would_block: source.includes("quiet")
      ? { days: 7, names: 0, queries: 0, top: [] }
      : { days: 7, names: 3, queries: 402, top: [{ name: "app-measurement.google.example", queries: 390, devices: 3 }, { name: "www.site-3.example", queries: 11, devices: 2 }, { name: "www.site-9.example", queries: 1, devices: 1 }] },
  };
}

function addList(wish) {
  checkSource(wish.source);
  if (!wish.name?.trim()) throw new Invalid("/name", "a list needs a name");
  if (lists.some((one) => one.name === wish.name)) throw new Invalid("/name", `there is a list called ${wish.name} already`);
  const list = made({ ...wish, id: `l${next++}`, read_as: null, state: "new", fetched_at: null, checked_at: null });
  lists.push(list);
  run([list]);
  return [201, list];
}

function checkRule({ match }) {
  if (match !== undefined && (!match || /[\s<>]/.test(match))) throw new Invalid("/match", "this is no name and no rule");
}

function addRule(wish) {
  checkRule(wish);
  const rule = { comment: null, device: null, ...wish, id: `${next++}`, declared: false, hits: 0 };
  rules.unshift(rule);
  return [201, rule];
}

function checkRecord({ name, value }) {
  if (name !== undefined && /[\s/]/.test(name)) throw new Invalid("/name", "is no name");
  if (value === "") throw new Invalid("/value", "this is empty");
}

function recordsApi(method, id, body) {
  checkRecord(body);
  const type = body.type ?? (body.value?.includes(":") ? "AAAA" : "A");
  if (id === undefined && method === "GET") return [200, { records }];
  if (id === undefined) {
    const record = { ttl: "5m", ...body, type, id: `${next++}`, declared: false, in_force: true };
    records.unshift(record);
    return [201, record];
  }
  const record = records.find((one) => one.id === id);
  if (!record) return undefined;
  if (method === "DELETE") return [204, void records.splice(records.indexOf(record), 1)];
  return [200, Object.assign(record, body, { type })];
}

function page(items, query) {
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit") ?? 100);
  return [items.slice(from, to), to < items.length ? `${to}` : null];
}

const never = (list) => ({ length: Math.min(list.never_matched, 140) });
function entriesOf(list, query) {
  const some = query.get("matched") === "some";
  const all = some
    ? Array.from({ length: Math.min(list.hits.names, 70) }, (_, at) => ({ line: 20 + at * 7, text: `||ads-${at}.example^`, hits: Math.ceil(9000 / (at + 1)), last_at: ago(at * 3_000_000) }))
    : Array.from(never(list), (_, at) => ({ line: 3 + at, text: at % 9 === 8 ? `||${"long-".repeat(20)}${at}.example^$denyallow=a.example|b.example` : `0.0.0.0 never-${at}.example`, hits: 0, last_at: null }));
  const [entries, after] = page(all, query);
  return { entries, next: after };
}

function total() {
  const entries = lists.reduce((sum, one) => sum + (one.enabled ? one.entries : 0), 0);
  return { entries, unique: Math.round(entries * 0.86), compiled_bytes: entries * 17, compiled_at: ago(5 * 3_600_000) };
}

function oneList(method, list, act, query, body) {
  if (method === "GET" && act === "refused") {
    const [refused, after] = page(refusedOf(list.refused), query);
    return [200, { refused, next: after }];
  }
  if (method === "GET" && act === "entries") return [200, entriesOf(list, query)];
  if (method === "GET") return [200, list];
  if (act === "refresh") return [202, void run([list])];
  if (act === "discard") return [200, Object.assign(list, { discarded: { reason: list.held.reason, at: ago(0), entries: list.held.entries_now }, held: null, state: "good" })];
  if (act === "confirm") return [200, Object.assign(list, { entries: list.held.entries_now, held: null, state: "good" })];
  if (list.declared) throw new Invalid("", "this list is set in the config file");
  if (method === "DELETE") return [204, void lists.splice(lists.indexOf(list), 1)];
  if (body.source) checkSource(body.source);
  return [200, Object.assign(list, body)];
}

/** The verdict of one's own rules; undefined where none covers the name. */
export function ruled(name, device) {
  const covers = ({ match }) => {
    const found = /^(\|\|?)(.+)\^$/.exec(match);
    return found && (name === found[2] || (found[1] === "||" && name.endsWith(`.${found[2]}`)));
  };
  const rank = { allow: 0, block: 1, watch: 2 };
  const mine = rules.filter((rule) => covers(rule) && (!rule.device || rule.device === device));
  return mine.sort((one, other) => Number(!!other.device) - Number(!!one.device) || rank[one.action] - rank[other.action])[0];
}

/** Answers what belongs to lists and rules: [status, body], or nothing. */
export function listsApi(method, [what, id, act], query, body = {}) {
  if (what === "rules") {
    if (id === undefined) return method === "GET" ? [200, { rules }] : addRule(body);
    const rule = rules.find((one) => one.id === id);
    if (!rule) return undefined;
    if (method === "DELETE") return [204, void rules.splice(rules.indexOf(rule), 1)];
    checkRule(body);
    return [200, Object.assign(rule, body)];
  }
  if (what === "records") return recordsApi(method, id, body);
  if (what !== "lists") return undefined;
  if (id === undefined) return method === "GET" ? [200, { lists, total: total(), update }] : addList(body);
  if (id === "preview") return [200, preview(body)];
  if (id === "refresh") return [202, void run(lists.filter((one) => one.enabled))];
  const list = lists.find((one) => one.id === id);
  return list && oneList(method, list, act, query, body);
}
