//! `GET status`: how the server is, and what needs a person.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::nodes::{self, DatabaseStatus};
use super::pause::{self, PauseItem, StillBlocked};
use super::range;
use super::trouble::{self, Trouble};
use super::who::Known;
use crate::cache::CacheStats;
use crate::config::Privacy;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// When it started.
    pub started_at: String,
    /// Seconds since then.
    pub uptime_s: i64,
    /// The server's clock.
    pub now: String,
    /// Queries since the start.
    pub queries: SinceStart,
    /// Whether names are blocked at all.
    pub blocking: Blocking,
    /// The journal.
    pub journal: JournalStatus,
    /// Where the server is reached.
    pub listen: Listen,
    /// The upstreams, in the config's order.
    pub upstreams: Vec<UpstreamStatus>,
    /// The cache.
    pub cache: CacheStats,
    /// The packs.
    pub packs: PacksStatus,
    /// Devices that ever asked.
    pub devices: usize,
    /// The database that several nodes share, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// What needs a person.
    pub problems: Vec<Trouble>,
}

/// Queries since the start, recorded or not.
#[derive(Debug, Serialize, ToSchema)]
pub struct SinceStart {
    /// All.
    pub total: u64,
    /// Let through.
    pub allow: u64,
    /// Let through, and marked.
    pub watch: u64,
    /// Answered here.
    pub block: u64,
    /// Without a usable answer.
    pub failed: u64,
    /// Not recorded, though they should have been.
    pub lost: u64,
}

/// Whether names are blocked at all.
#[derive(Debug, Serialize, ToSchema)]
pub struct Blocking {
    /// Whether verdicts are followed, where no pause of a group or device says otherwise.
    pub on: bool,
    /// When they are followed again, in a pause for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The pauses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseItem>,
    /// In a pause for all: the groups that a schedule goes on to block, such as a bedtime.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub still_blocked: Vec<StillBlocked>,
}

impl Blocking {
    fn of(api: &Api, now: Timestamp) -> Self {
        let pauses = pause::list(api, now).pauses;
        let is_for_all = |one: &&PauseItem| one.group.is_none() && one.device.is_none();
        let until = pauses
            .iter()
            .find(is_for_all)
            .map(|pause| pause.until.clone());
        let still_blocked = match until {
            Some(_) => pause::still_blocked(api, &pauses),
            None => Vec::new(),
        };
        Self {
            on: until.is_none(),
            until,
            pauses,
            still_blocked,
        }
    }
}

/// The journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalStatus {
    /// `ok`, `stopped` (kept in memory only) or `off`.
    pub state: &'static str,
    /// Why it is not kept on disk, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is left out: `full` (nothing), `no_devices`, `no_names`, `off`.
    pub privacy: &'static str,
    /// Older queries are deleted.
    pub retention_s: u64,
    /// How long queries are gathered before they are written.
    pub flush_s: f64,
}

/// Where the server is reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listen {
    /// DNS.
    pub dns: Vec<String>,
    /// The dashboard and this API.
    pub web: Vec<String>,
}

/// One upstream since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UpstreamStatus {
    /// Its place in the config, from 0.
    pub id: usize,
    /// As written in the config.
    pub server: String,
    /// Queries sent to it.
    pub asked: u64,
    /// Queries that it did not answer, or not with an answer of use.
    pub failed: u64,
    /// Whether it is asked as usual; if not, it failed lately and is only tried now and then.
    pub usable: bool,
    /// The latest failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How long its latest answer took, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_latency_us: Option<u64>,
    /// What `GET upstreams` and `/metrics` tell besides.
    #[serde(skip)]
    pub more: UpstreamMore,
}

/// Further figures of an upstream since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamMore {
    /// The decaying average over its answers, in microseconds.
    pub average_latency_us: Option<u64>,
    /// When it failed last, in milliseconds since 1970-01-01 UTC.
    pub failed_at_ms: Option<i64>,
    /// How often it failed, by the kind of failure.
    pub failures: Vec<(&'static str, u64)>,
    /// How many of its answers took at most so many microseconds, and longer than the bound before.
    pub latency: Vec<(Option<u64>, u64)>,
    /// What all its answers took together, in microseconds.
    pub latency_sum_us: u64,
}

/// The packs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PacksStatus {
    /// The newest date on which somebody went through a pack.
    pub version: String,
    /// How many there are.
    pub packs: usize,
    /// How many names they have.
    pub names: usize,
}

/// Status
///
/// How the server is, what it counted since it started, and what needs a person.
#[utoipa::path(get, path = "/status", tag = "server", responses((status = 200, body = Status)))]
pub(super) async fn status(State(api): State<Arc<Api>>) -> Json<Status> {
    let now = Timestamp::now();
    let upstreams = (api.upstreams)();
    let counts = api.journal.totals();
    let database = nodes::status(&api).await;
    let mut problems = nodes::troubles(database.as_ref(), api.store.hub());
    problems.extend(trouble::all(
        &api.journal,
        &upstreams,
        (&api.lists.subscriptions.all(), &api.broken()),
    ));
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        started_at: range::text(api.started.as_millisecond()),
        uptime_s: now.duration_since(api.started).as_secs(),
        now: range::text(now.as_millisecond()),
        queries: SinceStart {
            total: counts.queries(),
            allow: counts.allow,
            watch: counts.watch,
            block: counts.block,
            failed: counts.failed,
            lost: api.journal.lost(),
        },
        blocking: Blocking::of(&api, now),
        journal: journal(&api),
        listen: Listen {
            dns: texts(&api.dns),
            web: texts(&api.web),
        },
        problems,
        database,
        upstreams,
        cache: api.cache.stats(),
        packs: PacksStatus {
            version: api.packs.version().to_string(),
            packs: api.packs.packs().len(),
            names: api.packs.names(),
        },
        devices: Known::of(&api.devices).iter().count(),
    })
}

fn journal(api: &Api) -> JournalStatus {
    let config = &api.config().journal;
    JournalStatus {
        state: api.journal.state().as_str(),
        problem: api.journal.problem(),
        privacy: match config.privacy {
            Privacy::Full => "full",
            Privacy::NoDevices => "no_devices",
            Privacy::NoNames => "no_names",
            Privacy::Off => "off",
        },
        retention_s: config.retention.as_secs(),
        flush_s: config.flush.as_secs_f64(),
    }
}

fn texts(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}
