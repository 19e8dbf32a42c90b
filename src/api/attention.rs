//! What deserves a look on the overview: facts, from which the dashboard makes sentences.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Api;
use super::range::{self, Range};
use super::summary::Vendor;
use super::who::{DeviceRef, Known};
use crate::config::PackAction;
use crate::device::Device;
use crate::journal::{Counts, JournalState, Summary};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Items of one kind at most; a new home has more new devices than anybody reads.
const MOST_OF_A_KIND: usize = 5;

/// Something that deserves a look.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Attention {
    /// The same as long as it is the same matter.
    pub id: String,
    /// What it is about.
    pub kind: AttentionKind,
    /// Whether something is wrong.
    pub severity: Weight,
    /// What is to be known, by kind: `queries` and `packs`; `device`; `device` and `names`;
    /// `problem`; `problem` and `since`; `server`, `asked` and `failed`; `last_seen`.
    #[schema(value_type = Object)]
    pub facts: Map<String, Value>,
    /// The page of the dashboard that shows it.
    pub href: String,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// Queries went through because their packs only watch.
    Passed,
    /// A device asked for the first time.
    NewDevice,
    /// A device asked for telemetry names that it had not asked before.
    NewNames,
    /// The journal is not complete.
    Journal,
    /// The database that several nodes share is away.
    Database,
    /// An upstream fails.
    Upstream,
    /// No pack blocks.
    AllWatching,
    /// Nobody asks any more.
    NoQueries,
}

/// Whether something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Info,
    /// Something may be wrong.
    Warn,
}

/// What the look is taken at.
pub(super) struct Look<'a> {
    pub api: &'a Api,
    pub known: &'a Known,
    pub now: Timestamp,
    pub range: Range,
    /// As the request gave it.
    pub since: Option<&'a str>,
}

impl Look<'_> {
    /// All that deserves a look, what is wrong first.
    pub(super) async fn all(&self, found: &Summary, vendors: &[Vendor]) -> Vec<Attention> {
        let mut items = Vec::new();
        // How the server is now says nothing of a span that is over.
        if self.range.is_open(self.now) {
            items.extend(self.journal());
            items.extend(self.database());
            items.extend(self.upstreams());
            items.extend(self.no_queries());
        }
        items.extend(self.passed(vendors));
        items.extend(self.all_watching(found.totals));
        items.extend(self.new_devices());
        items.extend(self.new_names(found).await);
        items
    }

    fn journal(&self) -> Option<Attention> {
        let journal = &self.api.journal;
        let problem = match (journal.problem(), journal.lost()) {
            (Some(problem), _) => problem,
            (None, 0) => return None,
            (None, lost) => format!("{lost} queries were not recorded"),
        };
        Some(item(
            AttentionKind::Journal,
            Weight::Warn,
            json!({ "problem": problem }),
            self.page("/log", &[]),
        ))
    }

    fn database(&self) -> Option<Attention> {
        let away = self.api.store.hub()?.away()?;
        Some(item(
            AttentionKind::Database,
            Weight::Warn,
            json!({ "problem": away.problem, "since": range::text(away.since_ms) }),
            "/changes".to_owned(),
        ))
    }

    fn upstreams(&self) -> Vec<Attention> {
        let failing = (self.api.upstreams)()
            .into_iter()
            .filter(|upstream| !upstream.usable);
        let tell = |upstream: super::UpstreamStatus| Attention {
            id: format!("upstream-{}", upstream.id),
            ..item(
                AttentionKind::Upstream,
                Weight::Warn,
                json!({
                    "server": upstream.server,
                    "asked": upstream.asked,
                    "failed": upstream.failed,
                }),
                self.page("/log", &[("verdict", "failed")]),
            )
        };
        failing.map(tell).collect()
    }

    /// Somebody asked once, and for an hour nobody did.
    fn no_queries(&self) -> Option<Attention> {
        let now_ms = self.now.as_millisecond();
        let last_ms = self.known.iter().map(|device| device.last_seen_ms).max()?;
        let quiet_ms = now_ms - last_ms.max(self.api.started.as_millisecond());
        let is_off = self.api.journal.state() == JournalState::Off;
        (quiet_ms >= HOUR_MS && !is_off).then(|| {
            item(
                AttentionKind::NoQueries,
                Weight::Warn,
                json!({ "last_seen": range::text(last_ms) }),
                "/log?since=30d".to_owned(),
            )
        })
    }

    fn passed(&self, vendors: &[Vendor]) -> Option<Attention> {
        let watching = || {
            vendors
                .iter()
                .filter(|vendor| vendor.action == PackAction::Watch && vendor.watch > 0)
        };
        let queries: u64 = watching().map(|vendor| vendor.watch).sum();
        let packs: Vec<Value> = watching()
            .map(|vendor| json!({ "id": vendor.id, "name": vendor.name, "queries": vendor.watch }))
            .collect();
        let mut wanted = vec![("verdict", "watch")];
        if let (Some(only), 1) = (watching().next(), packs.len()) {
            wanted.push(("vendor", &only.id));
        }
        (queries > 0).then(|| {
            item(
                AttentionKind::Passed,
                Weight::Warn,
                json!({ "queries": queries, "packs": packs }),
                self.page("/log", &wanted),
            )
        })
    }

    fn all_watching(&self, totals: Counts) -> Option<Attention> {
        let config = self.api.config();
        let packs = self.api.packs.packs();
        let does = |action| {
            let mut actions = packs.iter().map(|pack| config.packs.choice(&pack.id).0);
            actions.any(|one| one == action)
        };
        let is_wanted = totals.queries() > 0 && does(PackAction::Watch) && !does(PackAction::Block);
        is_wanted.then(|| {
            item(
                AttentionKind::AllWatching,
                Weight::Info,
                json!({}),
                "/packs".to_owned(),
            )
        })
    }

    /// Devices that asked for the first time, a day or more after the first of all.
    fn new_devices(&self) -> Vec<Attention> {
        let first_ms = self.known.iter().map(|device| device.first_seen_ms).min();
        let is_new = |device: &&Device| {
            let since_ms = self
                .range
                .since_ms
                .max(first_ms.map_or(i64::MAX, |first| first.saturating_add(DAY_MS)));
            (since_ms..self.range.until_ms).contains(&device.first_seen_ms)
        };
        let mut devices: Vec<&Device> = self.known.iter().filter(is_new).collect();
        devices.sort_by_key(|device| std::cmp::Reverse((device.first_seen_ms, device.id)));
        let tell = |device: &Device| {
            let device = DeviceRef::of(device);
            self.of_device(
                AttentionKind::NewDevice,
                &device,
                json!({ "device": device }),
            )
        };
        devices.into_iter().take(MOST_OF_A_KIND).map(tell).collect()
    }

    /// Devices that were here a day before, and asked for telemetry names that are new for them.
    async fn new_names(&self, found: &Summary) -> Vec<Attention> {
        let journal = &self.api.journal;
        // The range's begin moves with the clock: a rounded one stays the same for a while.
        let grain = (self.range.length_ms() / 24).max(1);
        let until_ms = (self.range.since_ms.div_euclid(grain) + 1).saturating_mul(grain);
        let Some(habits) = self.api.habits.until(journal, until_ms).await else {
            return Vec::new();
        };
        let new = found.new_names(&habits);
        let is_resident = |id| {
            let device = self.known.get(id);
            let day_before = self.range.since_ms.saturating_sub(DAY_MS);
            habits.knows(id) && device.is_some_and(|device| device.first_seen_ms <= day_before)
        };
        let mut new: Vec<_> = new.into_iter().filter(|(id, _)| is_resident(*id)).collect();
        new.sort_by_key(|(device, names)| (std::cmp::Reverse(*names), *device));
        let tell = |(device, names)| {
            let device = self.known.refer(device);
            let facts = json!({ "device": device, "names": names });
            self.of_device(AttentionKind::NewNames, &device, facts)
        };
        new.into_iter().take(MOST_OF_A_KIND).map(tell).collect()
    }

    fn of_device(&self, kind: AttentionKind, device: &DeviceRef, facts: Value) -> Attention {
        let page = self.page(&format!("/devices/{}", device.id), &[]);
        let item = item(kind, Weight::Info, facts, page);
        Attention {
            id: format!("{}-{}", item.id, device.id),
            ..item
        }
    }

    /// A page of the dashboard for the same span of time.
    fn page(&self, path: &str, wanted: &[(&str, &str)]) -> String {
        let is_duration = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let since = self.since.map(|since| {
            Some(since)
                .filter(is_duration)
                .map_or_else(|| range::text(self.range.since_ms), str::to_owned)
        });
        let until = (!self.range.is_open(self.now)).then(|| range::text(self.range.until_ms));
        let parts: Vec<String> = wanted
            .iter()
            .copied()
            .chain(since.iter().map(|since| ("since", since.as_str())))
            .chain(until.iter().map(|until| ("until", until.as_str())))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if parts.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", parts.join("&"))
        }
    }
}

fn item(kind: AttentionKind, severity: Weight, facts: Value, href: String) -> Attention {
    let id = match kind {
        AttentionKind::Passed => "passed",
        AttentionKind::NewDevice => "new-device",
        AttentionKind::NewNames => "new-names",
        AttentionKind::Journal => "journal",
        AttentionKind::Database => "database",
        AttentionKind::Upstream => "upstream",
        AttentionKind::AllWatching => "all-watching",
        AttentionKind::NoQueries => "no-queries",
    };
    let facts = match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    };
    Attention {
        id: id.to_owned(),
        kind,
        severity,
        facts,
        href,
    }
}
