//! The HTTP API, over a journal that is fed with made-up queries.

mod access;
mod at_once;
mod attention;
mod cache;
mod changes;
mod devices;
mod explain;
mod exposure;
mod forget;
mod groups;
mod guard;
mod health;
mod history;
mod list_groups;
mod lists;
mod members;
mod openapi;
mod packs;
mod pause;
mod queries;
mod records;
mod renames;
mod rules;
mod serve;
mod status;
mod stream;
mod summary;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use futures_util::FutureExt as _;
use serde_json::Value;
use squelch::access::Access;
use squelch::api::{self, Api, Parts, UpstreamStatus};
use squelch::cache::Cache;
use squelch::config::Config;
use squelch::device::Devices;
use squelch::household::{Enforce, Household};
use squelch::journal::{Journal, Recorder, Words};
use squelch::lists::{Fetcher, Groups, Library, Lookup, Refresher, Rulebook, Shelf, Terms};
use squelch::local::{Local, Records};
use squelch::matcher::Live;
use squelch::packs::Packs;
use squelch::policy::{self, Policy};
use squelch::query::{DeviceId, Event, Rcode, RecordType, Source, Transport, UpstreamId, Verdict};
use squelch::store::Store;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// 2026-11-18T00:00:00Z
pub const START: i64 = 20_775 * DAY;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The parameters of that day.
pub const ON_THE_DAY: &str = "since=2026-11-18T00:00:00Z&until=2026-11-19T00:00:00Z";

pub const TABLET: &str = "192.0.2.7";
pub const PHONE: &str = "192.0.2.8";
pub const LAPTOP: &str = "192.0.2.9";

/// `acme` blocks at level `standard`, `globex` only watches.
const CONFIG: &str = "[packs]\nacme = \"block\"\n\
    [[device]]\nname = \"Kids' tablet\"\nmatch = [\"192.0.2.7\"]\n";

/// An API, and what it reads from.
pub struct Desk {
    pub router: Router,
    pub journal: Journal,
    pub devices: Arc<Devices>,
    pub upstreams: Arc<Mutex<Vec<UpstreamStatus>>>,
    pub stop: CancellationToken,
    policy: Policy,
    store: Store,
    household: Arc<Household>,
    lists: Arc<Library>,
    recorder: Recorder,
    _folder: TempDir,
    _tasks: TaskTracker,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(CONFIG, |_| {}).await
    }

    /// An API with this config; `change` changes its parts.
    pub async fn with(config: &str, change: impl FnOnce(&mut Parts)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = if config.contains("data_dir") {
            config.to_owned()
        } else {
            format!("data_dir = \"{}\"\n{config}", folder.path().display())
        };
        let config = Config::from_text(&text, &folder.path().join("config.toml"), &[]).unwrap();
        let packs = Packs::from_folder(&write_packs(folder.path())).unwrap();
        let live = Arc::new(Live::default());
        let packs = Arc::new(packs);
        let devices = Arc::new(Devices::new(&config.devices, Vec::new()));
        let policy = Policy::new(Arc::clone(&live)).with_devices(Arc::clone(&devices));
        policy.set_group_names(config.group_names());
        let store = Store::at(&config.data_dir);
        let words = words(&policy, &devices);
        let (journal, writer) = Journal::new(&config.journal, store.clone(), words);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(writer.run(stop.clone()));
        // Readers wait for a writer only once it runs.
        tokio::task::yield_now().await;
        let records = records(&config, &store);
        let library = library(
            &config,
            (live, Arc::clone(&packs)),
            store.clone(),
            (&stop, &tasks),
        )
        .await;
        let lists = Arc::clone(&library);
        let upstreams = Arc::new(Mutex::new(Vec::new()));
        let (figures, config) = (Arc::clone(&upstreams), Arc::new(config));
        let enforce = enforce(&policy, &devices, &library);
        let household = Arc::new(Household::new(Arc::clone(&config), store.clone(), enforce));
        let at_hand = Arc::clone(&household);
        let mut parts = Parts {
            access: access(&config, store.clone()).await,
            household,
            cache: Arc::new(Cache::new(config.cache.clone())),
            local: Local::new(&config),
            config,
            packs,
            lists: library,
            records: Arc::new(records),
            policy: policy.clone(),
            store: store.clone(),
            journal: journal.clone(),
            devices: Arc::clone(&devices),
            upstreams: Arc::new(move || figures.lock().unwrap().clone()),
            dns: vec!["192.0.2.1:53".parse().unwrap()],
            web: vec!["127.0.0.1:8053".parse().unwrap()],
            started: jiff::Timestamp::now(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        change(&mut parts);
        Self {
            router: api::router(Arc::new(Api::new(parts)), pages()),
            recorder: journal.recorder(),
            journal,
            devices,
            upstreams,
            stop,
            policy,
            store,
            household: at_hand,
            lists,
            _folder: folder,
            _tasks: tasks,
        }
    }

    /// A device asks, and is answered as the policy says.
    pub fn ask(&self, at_ms: i64, from: &str, name: &str) -> DeviceId {
        self.ask_for(at_ms, from, name, RecordType::A)
    }

    pub fn ask_for(&self, at_ms: i64, from: &str, name: &str, kind: RecordType) -> DeviceId {
        let event = self.event(at_ms, from, name);
        self.recorder.record(&Event { kind, ..event });
        event.device
    }

    /// A device asks, and no upstream answers.
    pub fn fail(&self, at_ms: i64, from: &str, name: &str) {
        let event = self.event(at_ms, from, name);
        self.recorder.record(&Event {
            source: Source::Failure,
            rcode: Rcode::SERVFAIL,
            ..event
        });
    }

    fn event(&self, at_ms: i64, from: &str, name: &str) -> Event {
        let address = from.parse().unwrap();
        let device = self.devices.identify_at(address, at_ms);
        let name = name.parse().unwrap();
        let group = self.devices.group(device);
        let asker = policy::Asker {
            device,
            group,
            address,
        };
        let verdict = self.policy.judge(asker, &name, RecordType::A);
        let source = match verdict {
            Verdict::Block(_) => Source::Policy,
            _ => Source::Upstream(UpstreamId(0)),
        };
        Event {
            at_ms,
            device,
            address,
            name,
            kind: RecordType::A,
            verdict,
            source,
            rcode: Rcode::NOERROR,
            transport: Transport::Udp,
            took_us: 1000,
        }
    }

    /// A request with a body, as the dashboard sends it.
    pub async fn change(&self, method: &str, resource: &str, body: Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{resource}"))
            .header("host", "127.0.0.1:8053")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        Answer::of(self.send(request).await).await
    }

    pub async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// GET of a path.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.send(request(path)).await).await
    }

    /// DELETE of a path.
    pub async fn delete(&self, path: &str) -> Answer {
        let request = Request::delete(path).header("host", "127.0.0.1:8053");
        Answer::of(self.send(request.body(Body::empty()).unwrap()).await).await
    }

    /// The JSON of a resource of the API.
    pub async fn json(&self, resource: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{resource}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    /// The problem document of a resource of the API.
    pub async fn problem(&self, resource: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{resource}")).await;
        let problem = answer.json();
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], answer.status.as_u16(), "{}", answer.text);
        problem
    }
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }
}

/// GET of a path, as a browser on this machine sends it.
pub fn request(path: &str) -> Request<Body> {
    let request = Request::get(path).header("host", "127.0.0.1:8053");
    request.body(Body::empty()).unwrap()
}

/// The text form of a device's number.
pub fn id(device: DeviceId) -> String {
    format!("d{}", device.0)
}

/// A snapshot's text, without what differs from run to run.
pub fn pretty(mut value: Value, without: &[&str]) -> String {
    for member in without {
        value.as_object_mut().unwrap().remove(*member);
    }
    serde_json::to_string_pretty(&value).unwrap()
}

/// Two made-up vendors, in the words of the real packs.
fn write_packs(folder: &Path) -> std::path::PathBuf {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    let made_up = folder.join("blocklists");
    fs::create_dir_all(made_up.join("packs")).unwrap();
    for file in ["vocab.toml", "sources.toml"] {
        fs::copy(real.join(file), made_up.join(file)).unwrap();
    }
    fs::write(
        made_up.join("packs/acme.toml"),
        include_str!("api/acme.toml"),
    )
    .unwrap();
    fs::write(
        made_up.join("packs/globex.toml"),
        include_str!("api/globex.toml"),
    )
    .unwrap();
    fs::write(made_up.join("devices.toml"), include_str!("api/kinds.toml")).unwrap();
    made_up
}

fn pages() -> Router {
    Router::new().fallback(async || "the dashboard")
}

fn records(config: &Config, store: &Store) -> Records {
    let book = Arc::clone(Local::new(config).book());
    Records::new(&config.records, book, store.clone())
}

async fn access(config: &Config, store: Store) -> Arc<Access> {
    let access = Access::new(config, store).unwrap();
    // Some tests have a data folder that cannot be written.
    let _ = access.recall().await;
    Arc::new(access)
}

/// Lists and rules as the config has them, in force.
async fn library(
    config: &Config,
    (live, packs): (Arc<Live>, Arc<Packs>),
    store: Store,
    (stop, tasks): (&CancellationToken, &TaskTracker),
) -> Arc<Library> {
    let choices = (Groups::of(config), Vec::new());
    let rulebook = Arc::new(Rulebook::new(live, packs, choices, 1));
    let shelf = Shelf::at(&config.data_dir);
    let lookup: Lookup = Arc::new(|_| async { Err("there are no names here".to_owned()) }.boxed());
    let (mut refresher, subscriptions) = Refresher::new(
        shelf.clone(),
        Fetcher::new(Arc::clone(&lookup)),
        Terms::new(config),
        Arc::clone(&rulebook) as _,
    );
    let fetching = (subscriptions, Fetcher::new(lookup));
    let library = Library::new(config, fetching, (rulebook, shelf), store);
    // Some tests have a data folder that cannot be written.
    let _ = library.recall(&config.lists).await;
    library.put_rules();
    refresher.begin(library.wanted()).await;
    tasks.spawn(refresher.run(stop.clone()));
    Arc::new(library)
}

fn enforce(policy: &Policy, devices: &Arc<Devices>, library: &Arc<Library>) -> Enforce {
    let (policy, devices, library) = (policy.clone(), Arc::clone(devices), Arc::clone(library));
    Box::new(move |plan| {
        policy.set_group_names(plan.config.group_names());
        library.rulebook.set_groups(Groups::of(&plan.config));
        devices.rearrange(&plan.config, &plan.kept);
        library.declare_rules(&plan.config);
    })
}

fn words(policy: &Policy, devices: &Arc<Devices>) -> Words {
    let (policy, devices) = (policy.clone(), Arc::clone(devices));
    Words {
        entry: Box::new(move |matched, name| policy.describe(matched, name)),
        upstream: Box::new(|id| Some(format!("udp://192.0.2.{}", 250 + id.0))),
        device: Box::new(move |device| devices.resolve(device)),
    }
}
