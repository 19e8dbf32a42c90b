//! `GET devices/{id}`: what one device tells whom, and when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::{Asked, Id};
use super::devices::{Device, Sums};
use super::entries::{self, DataKinds};
use super::problem::Problem;
use super::range::{self, RangeParams};
use super::who;
use crate::journal::{NameSpan, Week};
use crate::packs::{Confidence, Entry, Packs, Purpose};

/// Names that are looked at; a device that makes up more below one entry gets no better figures.
const MOST_NAMES: usize = 50_000;

/// Names that are listed.
const MOST_LISTED: usize = 1000;

/// A device, and what it tells whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceDetail {
    #[serde(flatten)]
    device: Device,
    /// Queries watched or blocked, by weekday (Monday first) and hour of the day, in UTC.
    pub hours: Vec<Vec<u64>>,
    /// What the names are for that it tried, the most asked first.
    pub purposes: Vec<DevicePurpose>,
    /// What such names were seen to be sent, the most private first; whether this device sent it
    /// is not known.
    pub data: Vec<DeviceData>,
    /// The names that entries cover, the most asked first; at most 1,000.
    pub names: Vec<DeviceName>,
    /// How many different names it asked that no entry covers.
    pub ordinary_names: u64,
}

/// What names are for, with the queries for them that were watched or blocked.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicePurpose {
    /// `usage-analytics`
    pub id: String,
    /// What people read.
    pub text: String,
    /// How many different names.
    pub names: u64,
    /// How many queries.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// How sure the best evidence for one of the names is.
    pub confidence: Confidence,
}

/// What was seen being sent to names, with the queries for them that were watched or blocked.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceData {
    /// `imei`
    pub id: String,
    /// What people read.
    pub text: String,
    /// Whether it says who somebody is, or what they do.
    pub sensitive: bool,
    /// How many different names.
    pub names: u64,
    /// How many queries.
    pub queries: u64,
    /// Those answered here.
    pub block: u64,
}

/// A name that an entry covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceName {
    /// The name.
    pub name: String,
    /// The pack of the entry that decided, or decided most often.
    pub pack: String,
    /// The entry: a name with all below it, or `=` and the name alone.
    pub entry: String,
    /// All queries for it.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// When it was first asked in the span.
    pub first_seen: String,
    /// When it was last asked in the span.
    pub last_seen: String,
    /// How sure the evidence is; the lowest where the packs have the entry no more.
    pub confidence: Confidence,
}

/// One device
///
/// What a device tried in a span of time: names, what they are for and collect, and when.
#[utoipa::path(
    get, path = "/devices/{id}", tag = "devices",
    params(("id" = String, Path, description = "`d12`"), RangeParams),
    responses(
        (status = 200, body = DeviceDetail),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn device(
    State(api): State<Arc<Api>>,
    Id(id): Id,
    Asked(range): Asked<RangeParams>,
) -> Result<Json<DeviceDetail>, Problem> {
    let now = Timestamp::now();
    let range = range.read(now)?;
    let device = who::by_id(&api.devices, &id)
        .ok_or_else(|| Problem::not_found(format!("there is no device `{id}`")))?;
    let week = api.journal.week(range.into(), Some(&[device.id])).await;
    let names = api
        .journal
        .device_names(range.into(), device.id, MOST_NAMES)
        .await;
    let sums = Sums::of_one(&api, now, device.id, &names).await;
    let mut tried = Tried::default();
    for name in &names.covered {
        tried.add(name, &api.packs);
    }
    let (data, purposes) = (tried.data(), tried.purposes());
    let listed = by_name(names.covered).into_iter().filter_map(|name| {
        let confidence = name
            .entry
            .as_ref()
            .and_then(|label| entries::find(&api.packs, label))
            .map_or(Confidence::E, |(_, entry)| entry.confidence);
        DeviceName::new(name, confidence)
    });
    Ok(Json(DeviceDetail {
        device: sums.device(&device, &api),
        hours: hours(&week),
        names: listed.take(MOST_LISTED).collect(),
        ordinary_names: names.ordinary_names,
        data,
        purposes,
    }))
}

/// Each name once, with the entry that decided most often: another one may have decided before.
fn by_name(covered: Vec<NameSpan>) -> Vec<NameSpan> {
    let mut places = HashMap::new();
    let mut names: Vec<NameSpan> = Vec::new();
    for one in covered {
        let at = *places.entry(one.name.clone()).or_insert(names.len());
        match names.get_mut(at) {
            Some(known) => known.span.join(&one.span),
            None => names.push(one),
        }
    }
    names.sort_by_key(|name| Reverse(name.span.counts.queries()));
    names
}

fn hours(week: &Week) -> Vec<Vec<u64>> {
    let day = |hours: &[_; 24]| {
        hours
            .iter()
            .map(|counts| entries::attempts(*counts))
            .collect()
    };
    week.hours.iter().map(day).collect()
}

impl DeviceName {
    fn new(name: NameSpan, confidence: Confidence) -> Option<Self> {
        let label = name.entry?;
        let counts = name.span.counts;
        Some(Self {
            name: name.name,
            pack: entries::pack_id(&label.origin)?.to_owned(),
            entry: label.entry,
            queries: counts.queries(),
            watch: counts.watch,
            block: counts.block,
            first_seen: range::text(name.span.first_ms),
            last_seen: range::text(name.span.last_ms),
            confidence,
        })
    }
}

/// What a device tried, by what the names are for and what they are sent.
#[derive(Default)]
struct Tried<'a> {
    purposes: BTreeMap<&'a str, (&'a Purpose, Tally<'a>, Confidence)>,
    data: DataKinds<'a, Tally<'a>>,
}

#[derive(Default)]
struct Tally<'a> {
    /// Two entries may have decided on the same, one after the other.
    names: HashSet<&'a str>,
    watch: u64,
    block: u64,
}

impl<'a> Tally<'a> {
    fn add(&mut self, name: &'a NameSpan) {
        self.names.insert(&name.name);
        self.watch += name.span.counts.watch;
        self.block += name.span.counts.block;
    }

    fn names(&self) -> u64 {
        u64::try_from(self.names.len()).unwrap_or(u64::MAX)
    }

    fn queries(&self) -> u64 {
        self.watch + self.block
    }
}

impl<'a> Tried<'a> {
    /// Counts a name, unless an exception let all queries for it through.
    fn add(&mut self, name: &'a NameSpan, packs: &'a Packs) {
        let label = name.entry.as_ref();
        let found = label.and_then(|label| entries::find(packs, label));
        let is_tried = entries::attempts(name.span.counts) > 0;
        let Some((_, entry)) = found.filter(|_| is_tried) else {
            return;
        };
        self.data.add(entry, |tally| tally.add(name));
        self.add_purposes(name, entry);
    }

    fn add_purposes(&mut self, name: &'a NameSpan, entry: &'a Entry) {
        for purpose in &entry.purposes {
            let (_, tally, confidence) = self
                .purposes
                .entry(&purpose.id)
                .or_insert_with(|| (purpose, Tally::default(), entry.confidence));
            tally.add(name);
            *confidence = (*confidence).min(entry.confidence);
        }
    }

    fn purposes(self) -> Vec<DevicePurpose> {
        let purposes = self.purposes.into_values();
        let purposes = purposes.map(|(purpose, tally, confidence)| DevicePurpose {
            id: purpose.id.to_string(),
            text: purpose.text.to_string(),
            names: tally.names(),
            queries: tally.queries(),
            watch: tally.watch,
            block: tally.block,
            confidence,
        });
        let mut purposes: Vec<_> = purposes.collect();
        purposes.sort_by_key(|purpose| Reverse(purpose.queries));
        purposes
    }

    fn data(&mut self) -> Vec<DeviceData> {
        let data = std::mem::take(&mut self.data).into_infos();
        let data = data.map(|(kind, tally)| DeviceData {
            id: kind.id,
            text: kind.text,
            sensitive: kind.sensitive,
            names: tally.names(),
            queries: tally.queries(),
            block: tally.block,
        });
        data.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Counts, Span};
    use crate::query::EntryLabel;

    fn decided(name: &str, entry: &str, (block, at_ms): (u64, i64)) -> NameSpan {
        NameSpan {
            name: name.to_owned(),
            entry: Some(EntryLabel {
                origin: "pack:acme".to_owned(),
                entry: entry.to_owned(),
            }),
            span: Span {
                counts: Counts {
                    block,
                    ..Counts::default()
                },
                first_ms: at_ms,
                last_ms: at_ms,
            },
        }
    }

    #[test]
    fn a_name_that_two_entries_decided_is_told_once() {
        let covered = vec![
            decided("a.example", "a.example", (5, 20)),
            decided("b.example", "b.example", (4, 30)),
            decided("b.example", "=b.example", (3, 10)),
        ];
        let mut tally = Tally::default();
        for name in &covered {
            tally.add(name);
        }
        assert_eq!((tally.names(), tally.queries()), (2, 12));
        let names = by_name(covered);
        let [first, second] = &names[..] else {
            panic!("{names:?}");
        };
        assert_eq!((&*first.name, first.span.counts.block), ("b.example", 7));
        assert_eq!((first.span.first_ms, first.span.last_ms), (10, 30));
        assert_eq!(first.entry.as_ref().unwrap().entry, "b.example");
        assert_eq!(&*second.name, "a.example");
    }
}
