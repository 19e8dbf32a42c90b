// The API with made-up data, for work on the dashboard without the server:
//   node dev/mock.mjs [--port 8053] [--empty] [--problems] [--quiet]
// It also serves dist/, with the headers of the real server. Nothing of it is built into dist/.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";
import { listsApi, ruled } from "./lists.mjs";
import { ask, dataKind, devices, entryOf, history, judged, packs, random } from "./data.mjs";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "8053" },
    empty: { type: "boolean" },
    problems: { type: "boolean" },
    quiet: { type: "boolean" },
  },
});
const started = Date.now();
const dist = new URL("../dist/", import.meta.url).pathname;
const rows = flags.empty ? [] : history(started);
const listeners = new Set();
const next = random(7);

const csp = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

class Refused extends Error {}

function moment(text, name, now) {
  const found = /^(\d+)([smhdw])$/.exec(text);
  if (found) return now - Number(found[1]) * units[found[2]];
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Refused(`${name}: neither a time nor a duration`);
  return at;
}

function spanOf(query) {
  const now = Date.now();
  const since = moment(query.get("since") ?? "24h", "since", now);
  const until = query.has("until") ? moment(query.get("until"), "until", now) : now;
  return { since, until };
}

const times = rows.map((row) => Date.parse(row.at));

/** Rows are in the order of time, so a span is a slice. */
function within(since, until) {
  const at = (wanted) => {
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return rows.slice(at(since), at(until));
}

const attempts = (row) => row.verdict === "watch" || row.verdict === "block";

function totalsOf(some) {
  const totals = { queries: some.length, allow: 0, watch: 0, block: 0, failed: 0 };
  for (const row of some) {
    totals[row.verdict] += 1;
    if (row.source === "failure") totals.failed += 1;
  }
  return totals;
}

function groupBy(some, key) {
  const groups = new Map();
  for (const row of some) {
    const id = key(row);
    if (id === undefined) continue;
    if (!groups.has(id)) groups.set(id, []);
    groups.get(id).push(row);
  }
  return groups;
}

const distinct = (some, key) => new Set(some.map(key)).size;

function seriesOf(some, since, until) {
  const step = Math.max(60_000, Math.ceil((until - since) / 288 / 60_000) * 60_000);
  const start = Math.floor(since / step) * step;
  const length = Math.ceil((until - start) / step);
  const series = { start: new Date(start).toISOString(), step_s: step / 1000 };
  for (const verdict of ["allow", "watch", "block"]) series[verdict] = new Array(length).fill(0);
  for (const row of some) series[row.verdict][Math.floor((Date.parse(row.at) - start) / step)] += 1;
  return series;
}

function summary(query) {
  const { since, until } = spanOf(query);
  const device = query.get("device");
  const mine = (row) => !device || row.device.id === device;
  const some = within(since, until).filter(mine);
  const before = within(2 * since - until, since).filter(mine);
  const named = [...groupBy(some.filter(attempts), (row) => row.name)].map(([name, group]) => ({
    name,
    queries: group.length,
    verdict: group[0].verdict,
    pack: group[0].pack,
  }));
  const vendors = [...groupBy(some, (row) => row.pack)].map(([id, group]) => {
    const { queries, watch, block } = totalsOf(group);
    const { name, action } = packs.find((pack) => pack.id === id);
    return { id, name, action, queries, watch, block, devices: distinct(group, (row) => row.device.id), names: distinct(group, (row) => row.name) };
  });
  return {
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    as_of: new Date(until).toISOString(),
    complete: true,
    totals: totalsOf(some),
    before: totalsOf(before),
    devices: { seen: distinct(some, (row) => row.device.id), tried: distinct(some.filter(attempts), (row) => row.device.id) },
    series: seriesOf(some, since, until),
    names: named.sort((one, other) => other.queries - one.queries).slice(0, 20),
    ordinary: [],
    device_totals: [],
    vendors,
    attention: device ? [] : attention(some, vendors),
  };
}

function attention(some, vendors) {
  const watching = vendors.filter((vendor) => vendor.watch > 0);
  if (some.length === 0) return [];
  return [
    { id: "passed", kind: "passed", severity: "warn", facts: { queries: totalsOf(some).watch, packs: watching }, href: "/log?verdict=watch" },
    { id: "new-d8", kind: "new_names", severity: "info", facts: { device: { id: "d8", name: "Robot vacuum" }, names: 3 }, href: "/devices/d8" },
    { id: "dev-d9", kind: "new_device", severity: "info", facts: { device: { id: "d9", name: "192.0.2.23" } }, href: "/devices/d9" },
  ];
}

function exposure(query) {
  const { since, until } = spanOf(query);
  const byDevice = groupBy(within(since, until), (row) => row.device.id);
  const lines = devices.filter((device) => byDevice.has(device.id)).map((device) => {
    const some = byDevice.get(device.id);
    const { queries, watch, block } = totalsOf(some);
    const cells = {};
    for (const [id, group] of groupBy(some, (row) => row.pack)) {
      const counts = totalsOf(group);
      const kinds = new Map(group.flatMap((row) => entryOf(row.name).entry.evidence.flatMap((one) => one.data)).map((kind) => [kind.id, kind]));
      cells[id] = { queries: counts.queries, watch: counts.watch, block: counts.block, allow: counts.allow, names: distinct(group, (row) => row.name), first_seen: group[0].at, last_seen: group.at(-1).at, data: [...kinds.values()] };
    }
    const { id, name, maker, private_mac } = device;
    return { device: { id, name, maker, private_mac }, queries, watch, block, cells };
  });
  const [from, to] = [since, until].map((at) => new Date(at).toISOString());
  return { since: from, until: to, as_of: to, complete: true, packs: packs.map(({ id, name, action }) => ({ id, name, action })), rows: lines };
}

function matcher(query) {
  const verdicts = query.getAll("verdict").flatMap((part) => part.split(","));
  const { device, vendor, type } = Object.fromEntries(["device", "vendor", "type"].map((key) => [key, query.get(key)]));
  const name = query.get("name")?.toLowerCase();
  const named = (row) => {
    if (!name) return true;
    if (name.startsWith("=")) return row.name === name.slice(1);
    if (name.startsWith(".")) return row.name === name.slice(1) || row.name.endsWith(name);
    return row.name.includes(name);
  };
  return (row) =>
    (!device || row.device.id === device) &&
    (!vendor || row.pack === vendor) &&
    (!type || row.type === type) &&
    (verdicts.length === 0 || verdicts.includes(row.verdict) || (verdicts.includes("failed") && row.source === "failure")) &&
    named(row);
}

function queries(query) {
  const { since, until } = spanOf(query);
  const limit = Math.min(500, Number(query.get("limit") ?? 100));
  const cursor = query.get("cursor");
  const all = within(since, until);
  const matches = matcher(query);
  const from = cursor ? all.findIndex((row) => row.id === cursor) : all.length;
  const items = [];
  let at = from - 1;
  // As the server does, this looks at so many rows and no more.
  for (let looked = 0; at >= 0 && items.length < limit && looked < 20_000; at -= 1, looked += 1) {
    if (matches(all[at])) items.push(all[at]);
  }
  const complete = at < 0;
  return { items, next: complete ? undefined : all[at + 1].id, reached: complete ? new Date(since).toISOString() : all[at + 1].at, complete };
}

function deviceOf(device, some) {
  const { queries, watch, block } = totalsOf(some);
  const spark = new Array(24).fill(0);
  for (const row of some.filter(attempts)) {
    const back = Math.floor((Date.now() - Date.parse(row.at)) / units.h);
    if (back < 24) spark[23 - back] += 1;
  }
  const { id, name, named_by, maker, mac, private_mac, addresses } = device;
  return {
    id, name, named_by, maker, mac, private_mac, addresses,
    first_seen: rows.find((row) => row.device.id === id)?.at, last_seen: rows.findLast((row) => row.device.id === id)?.at,
    queries, watch, block,
    packs: [...groupBy(some.filter(attempts), (row) => row.pack)]
      .map(([pack, group]) => ({ id: pack, name: packs.find((one) => one.id === pack).name, queries: group.length }))
      .sort((one, other) => other.queries - one.queries),
    spark,
  };
}

function deviceDetail(id, query) {
  const { since, until } = spanOf(query);
  const device = devices.find((one) => one.id === id && rows.some((row) => row.device.id === id));
  if (!device) return undefined;
  const some = within(since, until).filter((row) => row.device.id === id);
  const hours = Array.from({ length: 7 }, () => new Array(24).fill(0));
  const purposes = new Map();
  const data = new Map();
  for (const row of some.filter(attempts)) {
    const at = new Date(row.at);
    hours[(at.getUTCDay() + 6) % 7][at.getUTCHours()] += 1;
    const { entry } = entryOf(row.name);
    for (const purpose of entry.purposes) {
      const sum = purposes.get(purpose.id) ?? { ...purpose, names: new Set(), queries: 0, watch: 0, block: 0, confidence: entry.confidence };
      sum.names.add(row.name);
      sum.queries += 1;
      sum[row.verdict] += 1;
      purposes.set(purpose.id, sum);
    }
    for (const kind of entry.evidence.flatMap((one) => one.data)) {
      const sum = data.get(kind.id) ?? { ...dataKind(kind.id), names: new Set(), queries: 0, block: 0 };
      sum.names.add(row.name);
      sum.queries += 1;
      if (row.verdict === "block") sum.block += 1;
      data.set(kind.id, sum);
    }
  }
  const counted = (sums) => [...sums.values()].map((sum) => ({ ...sum, names: sum.names.size })).sort((one, other) => other.queries - one.queries);
  const names = [...groupBy(some.filter((row) => row.pack), (row) => row.name)].map(([name, group]) => {
    const { queries, watch, block } = totalsOf(group);
    const { pack, entry } = entryOf(name);
    return { name, pack: pack.id, entry: entry.domain, queries, watch, block, first_seen: group[0].at, last_seen: group.at(-1).at, confidence: entry.confidence };
  });
  return { ...deviceOf(device, some), hours, purposes: counted(purposes), data: counted(data), names: names.sort((one, other) => other.queries - one.queries), ordinary_names: distinct(some.filter((row) => !row.pack), (row) => row.name) };
}

function packOf(pack, some) {
  const mine = some.filter((row) => row.pack === pack.id);
  const { queries, watch, block } = totalsOf(mine);
  const { id, name, summary, kind, action, level, reviewed, entries } = pack;
  const count = (key, value) => entries.filter((entry) => entry[key] === value).length;
  return {
    id, name, summary, kind, action, level, names: entries.length, entries: entries.length,
    by_action: { block: count("action", "block"), watch: count("action", "watch"), allow: count("action", "allow") },
    by_level: { safe: count("level", "safe"), standard: count("level", "standard"), strict: count("level", "strict") },
    reviewed, queries, watch, block, devices: distinct(mine, (row) => row.device.id),
  };
}

function packDetail(id, query) {
  const { since, until } = spanOf(query);
  const pack = packs.find((one) => one.id === id);
  if (!pack) return undefined;
  const some = within(since, until);
  const data = new Map(pack.entries.flatMap((entry) => entry.evidence.flatMap((one) => one.data)).map((kind) => [kind.id, kind]));
  const byEntry = groupBy(some.filter((row) => row.pack === id), (row) => row.entry);
  const { see_also, owner_domains, components } = pack;
  return { ...packOf(pack, some), see_also, owner_domains, components, data: [...data.values()], entries: pack.entries.map((entry) => ({ ...entry, queries: byEntry.get(entry.domain)?.length ?? 0 })) };
}

function explain(query) {
  const name = (query.get("name") ?? "").toLowerCase().replace(/\.$/, "");
  if (!name) throw new Refused("name: a domain name is wanted");
  if (name.includes("..")) throw new Refused("name: a label is empty");
  const found = entryOf(name);
  const rule = ruled(name, query.get("device"));
  const verdict = rule?.action ?? (found && found.entry.effective !== "off" ? found.entry.effective : "allow");
  const listed = name.startsWith("www.site-7") ? { origin: "list:community-ads", entry: name, action: "block", line: 4711 } : undefined;
  const ruling = rule && { origin: "rule", entry: rule.match.replace("||", "").replace("|", "=").replace("^", ""), action: rule.action };
  const some = within(Date.now() - units.d, Date.now()).filter((row) => row.name === name);
  return {
    name,
    type: query.get("type") ?? "A",
    verdict: listed && !rule ? "block" : verdict,
    covering: [ruling, listed].filter(Boolean),
    answer: verdict === "block" ? "0.0.0.0, for 10 seconds" : "what the upstream says",
    source: rule ? "rule" : listed ? listed.origin : found && `pack:${found.pack.id}`,
    pack: rule ? undefined : found && { id: found.pack.id, name: found.pack.name },
    entry: rule ? undefined : found?.entry,
    also: found?.pack.id === "oneplus" ? [{ pack: { id: "oppo-realme", name: "Oppo and Realme phones" }, entry: packs[2].entries[0] }] : [],
    steps: [
      { step: "Who asks", result: query.get("device") ? "a known device" : "any device" },
      { step: "Packs", result: found ? `${found.entry.domain} in ${found.entry.file}, line ${found.entry.line}` : "no entry covers the name" },
      { step: "Verdict", result: verdict },
    ],
    recent: some.length > 0 ? { queries: some.length, devices: distinct(some, (row) => row.device.id), last_seen: some.at(-1).at } : undefined,
  };
}

function status() {
  const { queries, allow, watch, block } = totalsOf(rows);
  const problem = { id: "journal", severity: "error", title: "The log is not being written", detail: "The disk is full: /var/lib/squelch/squelch.db. Queries are answered all the same; the last 10 minutes are kept in memory." };
  const other = { id: "up", severity: "warn", title: "One upstream does not answer", detail: "tls://192.0.2.9#dns.example: connection refused since 09:31." };
  return {
    version: "0.1.0", started_at: new Date(started).toISOString(), uptime_s: Math.floor((Date.now() - started) / 1000) + 90_000, now: new Date().toISOString(),
    queries: { total: queries, allow, watch, block, lost: 0 }, blocking: { on: true },
    journal: { state: "ok", privacy: "full", retention_s: 7_776_000, flush_s: 10 },
    listen: { dns: ["0.0.0.0:53", "[::]:53"], web: ["127.0.0.1:8053"] },
    upstreams: [{ id: 0, server: "https://dns.example/dns-query", asked: 900, failed: 2, last_latency_us: 11_000 }],
    cache: { entries: 812, bytes: 90_000, hits: 7000, misses: 3000 },
    packs: { version: "2026-11-18", packs: packs.length, names: 1234 },
    devices: new Set(rows.map((row) => row.device.id)).size,
    problems: flags.problems ? [problem, other] : [],
  };
}

function stream(request, response, query) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  const matches = matcher(query);
  const listener = (row) => {
    if (matches(row)) response.write(`event: query\nid: ${row.id}\ndata: ${JSON.stringify(row)}\n\n`);
  };
  listeners.add(listener);
  request.on("close", () => listeners.delete(listener));
}

function add(row) {
  rows.push(row);
  times.push(Date.parse(row.at));
  for (const listener of listeners) listener(row);
  return row;
}

if (!flags.quiet && !flags.empty) {
  setInterval(() => add(ask(devices[Math.floor(next() ** 1.5 * devices.length)], Date.now(), next)), 700);
}

function upstreams() {
  const bounds = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, null];
  const latency = (counts) => bounds.map((up_to_us, at) => ({ up_to_us, answers: counts[at] ?? 0 }));
  const good = { id: 0, server: "https://dns.example/dns-query", asked: 900, failed: 2, usable: true, last_latency_us: 11_000, average_latency_us: 12_400, failures: { timeout: 2 }, latency: latency([0, 0, 14, 402, 391, 80, 10, 1]) };
  const bad = { id: 1, server: "tls://192.0.2.9#a-name-that-is-longer-than-a-phone-is-wide.dns.example", asked: 61, failed: 60, usable: false, last_error: "its certificate is refused: it is for other.example", last_error_at: new Date(Date.now() - 90_000).toISOString(), failures: { certificate: 52, unreachable: 8 }, last_latency_us: 1_400_000, average_latency_us: 1_400_000, latency: latency([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) };
  return { upstreams: [good, bad] };
}

const answers = { status, upstreams, summary, exposure, queries, explain, devices: deviceList, packs: packList };

function deviceList(query) {
  const { since, until } = spanOf(query);
  const groups = groupBy(within(since, until), (row) => row.device.id);
  return { items: devices.filter((one) => rows.some((row) => row.device.id === one.id)).map((one) => deviceOf(one, groups.get(one.id) ?? [])) };
}

function packList(query) {
  const { since, until } = spanOf(query);
  const some = within(since, until);
  return { version: "2026-11-18", items: packs.map((pack) => packOf(pack, some)) };
}

function api(path, query) {
  const [what, id, ...more] = path.split("/");
  if (more.length > 0) return undefined;
  if (id === undefined) return answers[what]?.(query);
  if (what === "devices") return deviceDetail(decodeURIComponent(id), query);
  return what === "packs" ? packDetail(decodeURIComponent(id), query) : undefined;
}

function send(response, code, body, type = "application/json") {
  response.writeHead(code, { "content-type": type, "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

const problem = (response, status, title, detail, errors) =>
  send(response, status, { type: "about:blank", title, status, detail, errors }, "application/problem+json");

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

function file(request, response, path) {
  const wanted = normalize(path).startsWith("/assets/") ? path : "/index.html";
  const full = join(dist, normalize(wanted));
  if (!existsSync(full)) return problem(response, 404, "Not found", path);
  const packed = existsSync(`${full}.gz`) && /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  response.writeHead(200, {
    "content-type": types[extname(full)] ?? "application/octet-stream",
    "content-security-policy": csp,
    "x-content-type-options": "nosniff",
    ...(packed ? { "content-encoding": "gzip" } : {}),
  });
  return createReadStream(packed ? `${full}.gz` : full).pipe(response);
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  try {
    if (url.pathname === "/mock/ask") {
      const device = devices.find((one) => one.id === url.searchParams.get("device")) ?? devices[1];
      return send(response, 200, add(judged(device, Date.now(), url.searchParams.get("name"), next)));
    }
    if (url.pathname === "/api/v1/queries/stream") return stream(request, response, url.searchParams);
    if (url.pathname.startsWith("/api/v1/")) {
      const parts = url.pathname.slice("/api/v1/".length).split("/").map(decodeURIComponent);
      const done = listsApi(request.method, parts, url.searchParams, await bodyOf(request));
      if (done?.[1] === undefined && done) return response.writeHead(done[0]).end();
      if (done) return send(response, done[0], done[1]);
      const found = api(url.pathname.slice("/api/v1/".length), url.searchParams);
      return found === undefined ? problem(response, 404, "Not found", url.pathname) : send(response, 200, found);
    }
    return file(request, response, url.pathname);
  } catch (cause) {
    if (cause.errors) return problem(response, 422, "Wrong input", cause.message, cause.errors);
    if (cause instanceof Refused) return problem(response, 400, "Bad parameter", cause.message);
    throw cause;
  }
});
server.listen(Number(flags.port), "127.0.0.1", () => {
  console.log(`mock on http://127.0.0.1:${server.address().port}`);
});
