// Made-up homes for the mock server. The same every time, but for the clock.

const hour = 3_600_000;

/** A small generator of even numbers in [0, 1), from a seed. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const kinds = {
  serial: ["the serial number", true],
  imei: ["the IMEI", true],
  "advertising-id": ["the advertising ID", false],
  "app-usage": ["which apps are opened and when", true],
  "viewing-history": ["what is watched and when", true],
  "screen-fingerprint": ["fingerprints of the picture on the screen", true],
  voice: ["recordings of the voice", true],
  model: ["the model", false],
  "os-version": ["the system version", false],
  "crash-report": ["crash reports", false],
  gps: ["the location", true],
  ssid: ["the Wi-Fi name", true],
};
export const dataKind = (id) => ({ id, text: kinds[id][0], sensitive: kinds[id][1] });

const purposes = {
  "usage-analytics": "usage analytics",
  advertising: "advertising",
  "crash-reports": "crash and error reports",
  "device-information": "device identifiers and details",
  "content-recognition": "recognition of what is on the screen",
  "remote-config": "remote configuration",
};
export const purpose = (id) => ({ id, text: purposes[id] });

const confidenceTexts = {
  A: "measured by a study",
  B: "documented by the vendor or seen in a laboratory",
  C: "reported by users or found in the software",
  D: "at least three families of lists agree",
  E: "fewer than three families of lists",
};

function evidence(level, vendor, data) {
  const found = data.map(dataKind);
  if (level === "A") {
    return [
      { source: "study", title: `Example et al.: what ${vendor} phones send`, address: "https://example.org/study", kind: "measured", kind_text: "measured by a study", where: `${vendor} test device, traffic decrypted on the device`, seen: 2024, when: "in normal use, every 15 minutes", date: "2024-06", data: found },
      { source: "gh", title: "GitHub issues", address: "https://example.org/issues", kind: "field", kind_text: "reported by users", where: "someone/lists#42", seen: 2026, data: [] },
    ];
  }
  if (level === "B") {
    return [{ source: "vendor", title: `${vendor}: network requirements`, address: "https://example.com/kb", kind: "vendor-doc", kind_text: "documented by the vendor", where: "table 3", date: "2025-11-04", data: found }];
  }
  if (level === "C") {
    return [{ source: "uad", title: "Debloat list", kind: "firmware", kind_text: "found in the software", where: "com.example.analytics: uploads at each start", seen: 2026, data: found }];
  }
  return [];
}

/** [id, name, kind, action, level, entries: [domain, action, confidence, purposes, data]] */
const packTable = [
  ["xiaomi", "Xiaomi phones", "phone", "block", "standard", [
    ["data.mistat.xiaomi.example", "block", "A", ["usage-analytics", "device-information"], ["imei", "app-usage", "model"]],
    ["tracking.miui.example", "block", "C", ["usage-analytics"], ["app-usage"]],
    ["sdkconfig.ad.xiaomi.example", "block", "B", ["advertising"], ["advertising-id"]],
    ["api.account.xiaomi.example", "watch", "A", ["device-information"], ["serial"]],
    ["find.micloud.xiaomi.example", "allow", "C", ["remote-config"], []],
  ]],
  ["oneplus", "OnePlus phones", "phone", "block", "strict", [
    ["open.oneplus.example", "block", "A", ["usage-analytics", "device-information"], ["serial", "imei", "ssid", "app-usage"]],
    ["click.oneplus.example", "block", "D", ["usage-analytics"], []],
  ]],
  ["oppo-realme", "Oppo and Realme phones", "phone", "block", "standard", [
    ["events.realme.example", "block", "A", ["usage-analytics"], ["model", "app-usage", "advertising-id"]],
    ["dc.heytap.example", "block", "C", ["usage-analytics", "crash-reports"], ["os-version"]],
  ]],
  ["lg-tv", "LG televisions", "tv", "block", "standard", [
    ["alphonso.example", "block", "A", ["content-recognition"], ["screen-fingerprint", "viewing-history"]],
    ["lgsmartad.example", "block", "B", ["advertising"], ["advertising-id"]],
    ["info.lgsmartad.example", "watch", "C", ["advertising"], []],
  ]],
  ["samsung-tv", "Samsung televisions", "tv", "watch", "standard", [
    ["log.samsungacr.example", "block", "A", ["content-recognition"], ["screen-fingerprint", "viewing-history"]],
    ["config.samsungads.example", "block", "B", ["advertising"], ["advertising-id"]],
  ]],
  ["microsoft-windows", "Microsoft Windows", "computer", "block", "standard", [
    ["v10.events.data.microsoft.example", "block", "B", ["usage-analytics", "device-information"], ["app-usage", "os-version", "serial"]],
    ["watson.telemetry.microsoft.example", "block", "B", ["crash-reports"], ["crash-report"]],
  ]],
  ["amazon-echo", "Amazon Echo and Fire TV", "speaker", "watch", "standard", [
    ["device-metrics.amazon.example", "block", "A", ["usage-analytics"], ["voice", "serial"]],
    ["unagi.amazon.example", "block", "C", ["usage-analytics"], []],
  ]],
  ["google-android", "Google services on Android", "phone", "watch", "safe", [
    ["app-measurement.google.example", "block", "A", ["usage-analytics"], ["advertising-id", "app-usage"]],
    ["crashlytics.google.example", "block", "B", ["crash-reports"], ["crash-report", "model"]],
    ["play.googleapis.example", "watch", "A", ["device-information"], ["serial", "gps"]],
  ]],
  ["roborock", "Roborock vacuum cleaners", "appliance", "watch", "standard", [
    ["stat.roborock.example", "block", "C", ["usage-analytics"], ["ssid"]],
  ]],
  ["apple", "Apple devices", "phone", "off", "standard", [["metrics.apple.example", "block", "B", ["usage-analytics"], ["os-version"]]]],
  ["roku", "Roku players and televisions", "tv", "watch", "standard", [["scribe.logs.roku.example", "block", "A", ["usage-analytics"], ["viewing-history"]]]],
  ["tuya", "Tuya smart home", "appliance", "watch", "standard", [["a.tuya.example", "watch", "C", ["remote-config"], []]]],
  ["brother", "Brother printers", "printer", "watch", "standard", [["update.brother.example", "watch", "E", ["remote-config"], []]]],
  ["operators", "Telephone operators' apps on phones and routers", "operator", "watch", "standard", [["acs.operator.example", "block", "D", ["device-information"], ["serial"]]]],
];

export const packs = packTable.map(([id, name, kind, action, level, entries]) => ({
  id,
  name,
  kind,
  action,
  level,
  summary: `Stops the usage reports and advertising of ${name}. Sign-in, push messages and updates keep working.`,
  reviewed: "2026-11-18",
  owner_domains: [`${id.split("-")[0]}.example`],
  see_also: id === "oneplus" ? ["oppo-realme", "google-android"] : [],
  components: [{ id: "main", name: "System reports", packages: ["com.example.reports"], opt_out: id === "tuya" ? null : "Settings > Privacy > Usage and diagnostics: switch off “Send reports”" }],
  entries: entries.map(([domain, act, confidence, why, data], index) => ({
    domain,
    match: index % 3 === 2 ? "exact" : "subtree",
    action: act,
    level: act === "block" ? { A: "safe", B: "safe", C: "standard", D: "standard", E: "strict" }[confidence] : null,
    effective: action === "off" ? "off" : action === "watch" && act === "block" ? "watch" : act,
    purposes: why.map(purpose),
    component: { id: "main", name: "System reports", opt_out: id === "tuya" ? null : "Settings > Privacy > Usage and diagnostics: switch off “Send reports”" },
    regions: ["global"],
    lists: confidence === "A" ? [{ id: "one", name: "A list" }, { id: "two", name: "Another list" }] : [{ id: "one", name: "A list" }],
    note: index === 1 ? "It answers slowly at night; nobody knows why." : null,
    file: `packs/${id}.toml`,
    line: 40 + index * 31,
    confidence,
    confidence_text: confidenceTexts[confidence],
    sentence: `${domain} belongs to ${name}.`,
    evidence: evidence(confidence, name, data),
    breaks: index === 0
      ? [{ what: "Nothing reported", severity: "none", severity_text: "nothing noticed", disputed: false }]
      : [{ what: "The theme store may show no pictures", severity: "cosmetic", severity_text: "something looks wrong", disputed: true, source: "gh", where: "someone/lists#77" }],
    retired: null,
  })),
}));

const image = '<img\\032src=x\\032onerror=alert(1)>.example';
const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(53)}.example`;
export const hostile = [image, long, "xn--pypal-4ve.example", "\u202egnp.exe.example", "{stopped}.example", "javascript:alert(1).example"];

/** [name, maker, named_by, weight by hour, packs with weights, queries a day] */
const deviceTable = [
  ["Living-room TV", "LG Electronics", "config", "evening", { "lg-tv": 9, "google-android": 0.4, "amazon-echo": 0.2 }, 2600],
  ["Redmi Note 11", "Xiaomi", "reverse", "day", { xiaomi: 6, "google-android": 2 }, 2300],
  ["Study desktop", "Intel Corporate", "reverse", "work", { "microsoft-windows": 5, "google-android": 0.6 }, 1900],
  ["realme-c55", null, "reverse", "day", { "oppo-realme": 3, oneplus: 0.7, "google-android": 1 }, 1300],
  ["Kitchen speaker", "Amazon Technologies", "config", "day", { "amazon-echo": 5 }, 900],
  ["OnePlus 9R", "OnePlus", "maker", "day", { oneplus: 1.3, "google-android": 1 }, 700],
  ["Tablet", "Samsung Electronics", "reverse", "evening", { "samsung-tv": 1, "google-android": 0.8 }, 600],
  ["Robot vacuum", "Beijing Roborock", "maker", "night", { xiaomi: 1, roborock: 1 }, 400],
  ["192.0.2.23", null, "address", "evening", { "google-android": 0.3, "microsoft-windows": 0.05 }, 300],
  ["NAS", "Synology", "config", "night", {}, 250],
  ["<b>Kids'</b> {watch} tablet with a name that is longer than anybody would think", "Example", "config", "evening", { "samsung-tv": 0.2 }, 120],
];

export const devices = deviceTable.map(([name, maker, named_by, when, wants, daily], index) => ({
  id: `d${index + 1}`,
  name,
  maker,
  named_by,
  mac: index === 8 ? "02:00:5e:00:53:17" : `00:00:5e:00:53:${String(10 + index)}`,
  private_mac: index === 8,
  addresses: index % 3 === 0 ? [`192.0.2.${20 + index}`, `2001:db8::${20 + index}`] : [`192.0.2.${20 + index}`],
  when,
  wants,
  daily,
}));

const shape = {
  evening: (h) => (h >= 17 && h <= 23 ? 5 : h >= 7 ? 0.8 : 0.1),
  day: (h) => (h >= 7 && h <= 22 ? 2 : 0.3) + (h === 7 || h === 22 ? 3 : 0),
  work: (h) => (h >= 8 && h <= 18 ? 4 : 0.3),
  night: (h) => (h <= 5 ? 4 : 0.7),
};

function pick(weights, chance) {
  const all = Object.entries(weights);
  let left = chance * all.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [key, weight] of all) {
    left -= weight;
    if (left <= 0) return key;
  }
  return all.at(-1)?.[0];
}

let made = 0;

/** One question by a device; about a third of them go to telemetry names. */
export function ask(device, at, next, name) {
  const packId = name ? undefined : pick(device.wants, next());
  const pack = packId && next() < 0.38 ? packs.find((one) => one.id === packId) : undefined;
  const entry = pack?.entries[Math.floor(next() ** 1.6 * pack.entries.length)];
  const asked = name ?? (entry ? (next() < 0.3 && entry.match === "subtree" ? `eu.${entry.domain}` : entry.domain) : ordinaryName(next));
  return judged(device, at, asked, next, ["A", "AAAA", "HTTPS"][Math.floor(next() * 2.4)]);
}

function ordinaryName(next) {
  if (next() < 0.004) return hostile[Math.floor(next() * hostile.length)];
  return `www.site-${Math.floor(next() ** 2 * 400)}.example`;
}

/** The most specific entry that covers a name. */
export function entryOf(name) {
  let best;
  for (const pack of packs) {
    for (const entry of pack.entries) {
      const below = entry.match === "subtree" && name.endsWith(`.${entry.domain}`);
      const covers = name === entry.domain || below;
      if (covers && entry.domain.length > (best?.entry.domain.length ?? 0)) best = { pack, entry };
    }
  }
  return best;
}

export function judged(device, at, name, next, type = "A") {
  const found = entryOf(name);
  const effective = found && found.entry.effective !== "off" ? found.entry.effective : "allow";
  const failed = effective !== "block" && next() < 0.003;
  const source = effective === "block" ? "policy" : failed ? "failure" : next() < 0.5 ? "cache" : "upstream";
  made += 1;
  return {
    id: `r${made}`,
    at: new Date(at).toISOString(),
    device: { id: device.id, name: device.name },
    address: device.addresses[0],
    name,
    type,
    verdict: effective,
    pack: found && found.entry.effective !== "off" ? found.pack.id : undefined,
    entry: found?.entry.domain,
    answer: failed ? "SERVFAIL" : "NOERROR",
    source,
    upstream: source === "upstream" ? "https://dns.example/dns-query" : undefined,
    took_us: source === "upstream" ? Math.round(4000 + next() * 30_000) : Math.round(8 + next() * 60),
    transport: "udp",
  };
}

/** Thirty days of questions, oldest first: the last two days in full, the others thinned. */
export function history(now) {
  const next = random(20261120);
  const times = [];
  for (const device of devices) {
    for (let back = 30 * 24; back > 0; back -= 1) {
      const from = now - back * hour;
      const thin = back > 48 ? 0.12 : 1;
      const busy = shape[device.when](new Date(from).getHours()) / 30;
      const count = Math.floor(device.daily * busy * thin + next());
      for (let each = 0; each < count; each += 1) times.push([from + next() * hour, device]);
    }
  }
  times.sort(([one], [other]) => one - other);
  return times.filter(([at]) => at < now).map(([at, device]) => ask(device, Math.floor(at), next));
}
