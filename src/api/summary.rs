//! `GET summary`: the overview of a span of time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Asked;
use super::attention::{Attention, Look};
use super::counts::{self, Columns, Totals};
use super::entries;
use super::problem::Problem;
use super::range::{self, RangeParams};
use super::who::{DeviceParams, DeviceRef, Known};
use crate::config::PackAction;
use crate::journal::{Counts, DeviceCount, NameCount, OriginCount};
use crate::query::{DeviceId, VerdictWord};

const TOP: usize = 20;

/// The overview of a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    /// Where the span begins.
    pub since: String,
    /// Where it ends; not part of it.
    pub until: String,
    /// Queries up to this time are counted.
    pub as_of: String,
    /// Whether all of the span could be read.
    pub complete: bool,
    /// The queries.
    pub totals: Totals,
    /// The queries of the same length of time right before.
    pub before: Totals,
    /// How many devices asked.
    pub devices: DeviceNumbers,
    /// The queries over time.
    pub series: Columns,
    /// The names that entries cover, the most asked first; at most 20.
    pub names: Vec<CoveredName>,
    /// The other names, likewise.
    pub ordinary: Vec<OrdinaryName>,
    /// Each device that asked, the busiest first.
    pub device_totals: Vec<DeviceTotals>,
    /// Each pack that decided on a query, the most asked first.
    pub vendors: Vec<Vendor>,
    /// What deserves a look, by facts; only for all devices.
    pub attention: Vec<Attention>,
}

/// How many devices asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceNumbers {
    /// For anything.
    pub seen: usize,
    /// For at least one name that was watched or blocked.
    pub tried: usize,
}

/// A name that an entry covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoveredName {
    /// The name.
    pub name: String,
    /// How often it was asked.
    pub queries: u64,
    /// What was decided most often.
    pub verdict: VerdictWord,
    /// The pack of the entry that decided last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
}

/// A name that no entry covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrdinaryName {
    /// The name.
    pub name: String,
    /// How often it was asked.
    pub queries: u64,
}

/// The queries of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceTotals {
    /// The device.
    pub device: DeviceRef,
    /// All its queries.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
}

/// The queries on which a pack's entries decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Vendor {
    /// The pack's id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What the pack does now.
    pub action: PackAction,
    /// All the queries, those that an exception let through too.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// How many devices asked.
    pub devices: u64,
    /// How many different names were asked.
    pub names: u64,
}

/// Overview
///
/// Totals, the most asked names, devices and packs of a span of time, and what deserves a look.
#[utoipa::path(
    get, path = "/summary", tag = "overview",
    params(RangeParams, DeviceParams),
    responses(
        (status = 200, body = Summary),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn summary(
    State(api): State<Arc<Api>>,
    Asked(params): Asked<RangeParams>,
    Asked(device): Asked<DeviceParams>,
) -> Result<Json<Summary>, Problem> {
    let now = Timestamp::now();
    let range = params.read(now)?;
    let device = device.read(&api)?.map(|device| [device.id]);
    let devices = device.as_ref().map(<[DeviceId; 1]>::as_slice);
    let journal = &api.journal;
    // While the database fetches for one, another adds up.
    let (found, (before, _), series) = tokio::join!(
        journal.summary(range.into(), devices, TOP),
        journal.counts(range.before().into(), devices),
        journal.series(range.into(), counts::step_ms(range), devices),
    );
    let known = Known::of(&api.devices);
    let vendors = vendors(&api, &found.origins);
    let attention = if device.is_none() {
        let look = Look {
            api: &api,
            known: &known,
            now,
            range,
            since: params.since.as_deref(),
        };
        look.all(&found, &vendors).await
    } else {
        Vec::new()
    };
    Ok(Json(Summary {
        since: range::text(range.since_ms),
        until: range::text(range.until_ms),
        as_of: range::text(found.extent.as_of_ms),
        complete: found.extent.complete && series.extent.complete,
        totals: found.totals.into(),
        before: before.into(),
        devices: DeviceNumbers::of(&found.devices),
        series: Columns::from(&series),
        names: found.covered.into_iter().map(covered).collect(),
        ordinary: found.ordinary.into_iter().map(ordinary).collect(),
        device_totals: found
            .devices
            .iter()
            .map(|one| DeviceTotals::new(one, &known))
            .collect(),
        vendors,
        attention,
    }))
}

impl DeviceNumbers {
    fn of(devices: &[DeviceCount]) -> Self {
        let asked = || devices.iter().filter(|one| one.device != DeviceId(0));
        Self {
            seen: asked().count(),
            tried: asked()
                .filter(|one| entries::attempts(one.counts) > 0)
                .count(),
        }
    }
}

impl DeviceTotals {
    fn new(one: &DeviceCount, known: &Known) -> Self {
        Self {
            device: known.refer(one.device),
            queries: one.counts.queries(),
            watch: one.counts.watch,
            block: one.counts.block,
        }
    }
}

fn ordinary(name: NameCount) -> OrdinaryName {
    OrdinaryName {
        name: name.name,
        queries: name.counts.queries(),
    }
}

fn covered(name: NameCount) -> CoveredName {
    let label = name.entry.as_ref();
    CoveredName {
        queries: name.counts.queries(),
        verdict: usual_verdict(name.counts),
        pack: label
            .and_then(|label| entries::pack_id(&label.origin))
            .map(str::to_owned),
        name: name.name,
    }
}

/// What was decided most often; among equals the strictest.
fn usual_verdict(counts: Counts) -> VerdictWord {
    let verdicts = [
        (counts.allow, VerdictWord::Allow),
        (counts.watch, VerdictWord::Watch),
        (counts.block, VerdictWord::Block),
    ];
    verdicts
        .into_iter()
        .max_by_key(|(count, _)| *count)
        .map_or(VerdictWord::Allow, |(_, verdict)| verdict)
}

fn vendors(api: &Api, origins: &[OriginCount]) -> Vec<Vendor> {
    let config = api.config();
    let vendor = |origin: &OriginCount| {
        let id = entries::pack_id(&origin.origin)?;
        Some(Vendor {
            id: id.to_owned(),
            name: entries::pack_name(&api.packs, id),
            action: config.packs.choice(id).0,
            queries: origin.span.counts.queries(),
            watch: origin.span.counts.watch,
            block: origin.span.counts.block,
            devices: origin.devices,
            names: origin.names,
        })
    };
    origins.iter().filter_map(vendor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_verdict_is_the_most_frequent_and_the_strictest_among_equals() {
        let counts = |allow, watch, block| Counts {
            allow,
            watch,
            block,
            failed: 0,
        };
        assert_eq!(usual_verdict(counts(3, 2, 1)), VerdictWord::Allow);
        assert_eq!(usual_verdict(counts(1, 2, 2)), VerdictWord::Block);
        assert_eq!(usual_verdict(counts(1, 3, 2)), VerdictWord::Watch);
    }
}
