//! `GET devices`: who ever asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::asked::Asked;
use super::entries;
use super::guess::{self, Guess};
use super::problem::Problem;
use super::range::{self, Range, RangeParams};
use super::who::{self, Known};
use crate::config::DEFAULT_GROUP;
use crate::device::{self, NamedBy, mac_text};
use crate::household;
use crate::journal::{self, Cell, Counts, DeviceNames, Series};
use crate::packs::Packs;
use crate::query::DeviceId;

const HOUR_MS: i64 = 3_600_000;
const SPARK_HOURS: i64 = 24;

/// Devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceList {
    /// All that ever asked, the busiest of the span first.
    pub items: Vec<Device>,
}

/// A device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Device {
    /// `d12`
    pub id: String,
    /// What people read.
    pub name: String,
    /// Where the name is from.
    pub named_by: NamedBy,
    /// Who made it, by its hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// Its hardware address, if it is known and the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Whether it made its hardware address up itself, as phones do: it may come back as another.
    pub private_mac: bool,
    /// The addresses that it asked from, IPv4 first.
    pub addresses: Vec<String>,
    /// Its group.
    pub group: GroupRef,
    /// What kind of device it is, as people set it: `tv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it probably is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
    /// What people noted of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it stands in the config file, and so is changed only there.
    pub declared: bool,
    /// What it is recognised by, as people set it: the first is its own, the others were made one
    /// with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<String>,
    /// The names that it says over encrypted DNS, as people set them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// When it first asked.
    pub first_seen: String,
    /// When it last asked.
    pub last_seen: String,
    /// Its queries in the span.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// The packs whose names it tried in the span, the most asked first.
    pub packs: Vec<TriedPack>,
    /// Queries watched or blocked in each of the last 24 hours by the clock, the current one last.
    pub spark: Vec<u64>,
}

/// A group by its id and name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupRef {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// A pack whose names a device tried.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TriedPack {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// Queries that were watched or blocked.
    pub queries: u64,
}

/// Devices
///
/// All devices that ever asked, with their queries in a span of time.
#[utoipa::path(
    get, path = "/devices", tag = "devices",
    params(RangeParams),
    responses(
        (status = 200, body = DeviceList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn devices(
    State(api): State<Arc<Api>>,
    Asked(range): Asked<RangeParams>,
) -> Result<Json<DeviceList>, Problem> {
    let now = Timestamp::now();
    let range = range.read(now)?;
    let sums = Sums::of(&api, range, now, None).await;
    let known = Known::of(&api.devices);
    let mut items: Vec<Device> = known
        .iter()
        .map(|device| sums.device(device, &api))
        .collect();
    items.sort_by(|one, other| {
        let key = |device: &Device| (Reverse(device.queries), Reverse(device.last_seen.clone()));
        key(one)
            .cmp(&key(other))
            .then_with(|| one.id.cmp(&other.id))
    });
    Ok(Json(DeviceList { items }))
}

fn group(api: &Api, device: DeviceId) -> GroupRef {
    let number = api.devices.group(device);
    let config = api.config();
    let group = config.groups.get(usize::from(number.0));
    let name = group.map_or(DEFAULT_GROUP, |group| group.name.as_str());
    GroupRef {
        id: api.household.group_id(name),
        name: name.to_owned(),
    }
}

/// What devices did in a span of time.
pub(super) struct Sums {
    counts: HashMap<DeviceId, Counts>,
    cells: Vec<Cell>,
    sparks: BTreeMap<DeviceId, Series>,
    asked: Arc<guess::Asked>,
}

impl Sums {
    /// Reads them, for all devices or some.
    pub(super) async fn of(
        api: &Api,
        range: Range,
        now: Timestamp,
        devices: Option<&[DeviceId]>,
    ) -> Self {
        let exposure = api.journal.exposure(range.into(), devices).await;
        let devices = exposure.devices.iter();
        let counts = devices.map(|one| (one.device, one.counts)).collect();
        Self::with(api, now, counts, exposure.cells).await
    }

    /// Those of one device, of which all else was read already.
    pub(super) async fn of_one(
        api: &Api,
        now: Timestamp,
        device: DeviceId,
        names: &DeviceNames,
    ) -> Self {
        let counts = HashMap::from([(device, names.counts)]);
        Self::with(api, now, counts, names.cells.clone()).await
    }

    async fn with(
        api: &Api,
        now: Timestamp,
        counts: HashMap<DeviceId, Counts>,
        cells: Vec<Cell>,
    ) -> Self {
        let now_ms = now.as_millisecond();
        let last_day = journal::Range {
            since_ms: (now_ms.div_euclid(HOUR_MS) - (SPARK_HOURS - 1)) * HOUR_MS,
            until_ms: now_ms + 1,
        };
        Self {
            counts,
            cells,
            sparks: api.journal.device_series(last_day, HOUR_MS).await,
            asked: api.asked.get(api, now).await,
        }
    }

    /// A device with its sums.
    pub(super) fn device(&self, device: &device::Device, api: &Api) -> Device {
        let counts = self.counts.get(&device.id).copied().unwrap_or_default();
        let spark = self.sparks.get(&device.id).map_or_else(
            || vec![0; usize::try_from(SPARK_HOURS).unwrap_or(0)],
            |series| {
                let points = series.points.iter();
                points.map(|counts| entries::attempts(*counts)).collect()
            },
        );
        let set = api.household.device_wish(device.id);
        let matches = set.iter().flat_map(|wish| &wish.matches).cloned();
        let (says, signs) = matches.partition(|sign| household::is_said(sign));
        Device {
            group: group(api, device.id),
            declared: api.household.is_declared(device),
            signs,
            says,
            comment: set.as_ref().and_then(|wish| wish.comment.clone()),
            kind: set.and_then(|wish| wish.kind),
            guess: guess::guess(device, &self.asked, api.packs.kinds()),
            id: who::id_text(device.id),
            name: device.title(),
            named_by: device.named_by,
            maker: device.maker.clone(),
            mac: device.mac.map(mac_text),
            private_mac: device.private_mac,
            addresses: device.addresses.iter().map(ToString::to_string).collect(),
            first_seen: range::text(device.first_seen_ms),
            last_seen: range::text(device.last_seen_ms),
            queries: counts.queries(),
            watch: counts.watch,
            block: counts.block,
            packs: self.tried(device.id, &api.packs),
            spark,
        }
    }

    fn tried(&self, device: DeviceId, packs: &Packs) -> Vec<TriedPack> {
        let cells = self.cells.iter().filter(|cell| cell.device == device);
        let tried = cells.filter_map(|cell| {
            let id = entries::pack_id(&cell.origin)?;
            Some(TriedPack {
                id: id.to_owned(),
                name: entries::pack_name(packs, id),
                queries: entries::attempts(cell.span.counts),
            })
        });
        let mut tried: Vec<TriedPack> = tried.filter(|pack| pack.queries > 0).collect();
        tried.sort_by_key(|pack| Reverse(pack.queries));
        tried
    }
}
