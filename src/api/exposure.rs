//! `GET exposure`: which device tried which vendor's names.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Asked;
use super::entries::{self, DataKinds};
use super::problem::Problem;
use super::range::{self, RangeParams};
use super::who::Known;
use crate::config::PackAction;
use crate::journal;
use crate::packs::{DataInfo, Packs};
use crate::query::DeviceId;

/// The matrix of devices and packs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exposure {
    /// Where the span begins.
    pub since: String,
    /// Where it ends; not part of it.
    pub until: String,
    /// Queries up to this time are counted.
    pub as_of: String,
    /// Whether all of the span could be read.
    pub complete: bool,
    /// The packs that decided on a query, the most asked first.
    pub packs: Vec<PackColumn>,
    /// The devices that asked for anything, the busiest first.
    pub rows: Vec<ExposureRow>,
}

/// A pack as a column.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackColumn {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does now.
    pub action: PackAction,
}

/// A device as a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExposureRow {
    /// The device.
    pub device: AskingDevice,
    /// All its queries, those too that no entry covers.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// What it asked for, by pack.
    pub cells: BTreeMap<String, ExposureCell>,
}

/// A device in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskingDevice {
    /// `d12`; empty where privacy leaves out who asked.
    pub id: String,
    /// What people read.
    pub name: String,
    /// Who made it, by its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// Whether it made its hardware address up itself, as phones do: it may come back as another.
    pub private_mac: bool,
}

/// The queries of one device on which the entries of one pack decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExposureCell {
    /// All of them.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// Those that an exception let through.
    pub allow: u64,
    /// How many different names were asked.
    pub names: u64,
    /// When the first was.
    pub first_seen: String,
    /// When the last was.
    pub last_seen: String,
    /// What such names were seen to be sent, by the evidence of the entries that the device tried;
    /// whether this device sent it is not known.
    pub data: Vec<DataInfo>,
}

/// Exposure
///
/// Which device tried which vendor's names, how often, and what such names collect.
#[utoipa::path(
    get, path = "/exposure", tag = "overview",
    params(RangeParams),
    responses(
        (status = 200, body = Exposure),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn exposure(
    State(api): State<Arc<Api>>,
    Asked(range): Asked<RangeParams>,
) -> Result<Json<Exposure>, Problem> {
    let range = range.read(Timestamp::now())?;
    let found = api.journal.exposure(range.into(), None).await;
    let known = Known::of(&api.devices);
    let mut cells = BTreeMap::<DeviceId, BTreeMap<String, ExposureCell>>::new();
    for cell in &found.cells {
        if let Some(pack) = entries::pack_id(&cell.origin) {
            let of_device = cells.entry(cell.device).or_default();
            of_device.insert(pack.to_owned(), ExposureCell::new(cell, &api.packs));
        }
    }
    let packs = columns(&api, &cells);
    let rows = found.devices.iter().map(|one| ExposureRow {
        device: AskingDevice::new(one.device, &known),
        queries: one.counts.queries(),
        watch: one.counts.watch,
        block: one.counts.block,
        cells: cells.remove(&one.device).unwrap_or_default(),
    });
    Ok(Json(Exposure {
        since: range::text(range.since_ms),
        until: range::text(range.until_ms),
        as_of: range::text(found.extent.as_of_ms),
        complete: found.extent.complete,
        packs,
        rows: rows.collect(),
    }))
}

fn columns(
    api: &Api,
    cells: &BTreeMap<DeviceId, BTreeMap<String, ExposureCell>>,
) -> Vec<PackColumn> {
    let mut sums = BTreeMap::<&str, u64>::new();
    for (pack, cell) in cells.values().flatten() {
        *sums.entry(pack).or_default() += cell.queries;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(id, queries)| (std::cmp::Reverse(*queries), *id));
    let config = api.config();
    let column = |(id, _): (&str, u64)| PackColumn {
        id: id.to_owned(),
        name: entries::pack_name(&api.packs, id),
        action: config.packs.choice(id).0,
    };
    sums.into_iter().map(column).collect()
}

impl AskingDevice {
    fn new(id: DeviceId, known: &Known) -> Self {
        let device = known.get(id);
        let short = known.refer(id);
        Self {
            id: short.id,
            name: short.name,
            maker: device.and_then(|device| device.maker.clone()),
            private_mac: device.is_some_and(|device| device.private_mac),
        }
    }
}

impl ExposureCell {
    fn new(cell: &journal::Cell, packs: &Packs) -> Self {
        let mut data = DataKinds::<()>::default();
        for (label, counts) in &cell.entries {
            let tried = entries::attempts(*counts) > 0;
            if let Some((_, entry)) = entries::find(packs, label).filter(|_| tried) {
                data.add(entry, |()| {});
            }
        }
        let counts = cell.span.counts;
        Self {
            queries: counts.queries(),
            watch: counts.watch,
            block: counts.block,
            allow: counts.allow,
            names: cell.names,
            first_seen: range::text(cell.span.first_ms),
            last_seen: range::text(cell.span.last_ms),
            data: data.into_infos().map(|(info, ())| info).collect(),
        }
    }
}
