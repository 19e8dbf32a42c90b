//! Starts the server: everything that can be refused is tried before the first query is taken.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dns_thread::{DnsThread, Place};
use super::keeper::{Keeper, keep};
use super::limits::Limits;
use super::nodes::Nodes;
use super::ports::Ports;
use super::warm::Warm;
use super::{App, access, household, library, names, schedules, shared, upstream_figures};
use crate::access::Access;
use crate::api::{self, Api};
use crate::cache::Cache;
use crate::config::{Config, StoreKind};
use crate::device::{self, Devices, Neighbours};
use crate::dns::Sockets;
use crate::household::Household;
use crate::journal::{Journal, Words, Writer};
use crate::lists::{Library, Refresher};
use crate::local::{Local, Records};
use crate::matcher::Live;
use crate::packs::Packs;
use crate::pipeline::{Pipeline, RateLimiter, Steps};
use crate::policy::Policy;
use crate::store::Store;
use crate::upstream::{Anchors, Shared as UpstreamShared, Upstreams};
use crate::web;

/// What is read before anything is started.
#[derive(Debug)]
pub struct Parts {
    /// The config.
    pub config: Arc<Config>,
    /// The packs.
    pub packs: Arc<Packs>,
    /// The keys that are trusted without proof.
    pub anchors: Anchors,
    /// Where everything is kept; not opened yet.
    pub store: Store,
}

/// Reads what the server needs: the packs, and the keys that are trusted.
pub fn prepare(config: Config) -> anyhow::Result<Parts> {
    let (packs, set_aside) = Packs::load(config.packs.folder.as_deref())?;
    if let Some(error) = set_aside {
        tracing::warn!("{error}; the built-in packs are used");
    }
    prepare_with(config, Arc::new(packs))
}

/// As [`prepare`], with packs that were read before: a process with many servers reads them once.
pub fn prepare_with(config: Config, packs: Arc<Packs>) -> anyhow::Result<Parts> {
    let anchors = Anchors::of(&config.upstream);
    let anchors = anchors.map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let store = store(&config)?;
    Ok(Parts {
        config: Arc::new(config),
        packs,
        anchors,
        store,
    })
}

/// The store of a config, not yet opened.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    match &config.journal.store {
        StoreKind::Sqlite => Ok(Store::at(&config.data_dir)),
        StoreKind::Postgres(url) => Store::of_node(&config.data_dir, url.reveal())
            .map_err(|error| anyhow::anyhow!("reading journal.store: {error}")),
    }
}

/// Chooses the code that encrypts, for all clients of the process that ask nobody.
pub fn choose_crypto() {
    // It fails where it was chosen before, and then it is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Starts the server; when this returns, it answers. What is on disk is in force then, unless that
/// takes long: DNS starts whatever the disk does.
pub async fn start(parts: Parts) -> anyhow::Result<App> {
    start_in(Place::Threads, parts).await
}

/// As [`start`], with DNS answered on the caller's thread, inside its `LocalSet`: a test that moves
/// the clock of its runtime moves the server's.
pub async fn start_here(parts: Parts) -> anyhow::Result<App> {
    start_in(Place::Here, parts).await
}

async fn start_in(place: Place, parts: Parts) -> anyhow::Result<App> {
    choose_crypto();
    let workers = match parts.config.dns.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    let limits = Limits::raise(workers, parts.config.web.listen.len());
    let doors = Ports::open(&parts.config, workers, limits)?;
    let web = doors.web_addresses()?;
    let Ports {
        mut sockets, dns, ..
    } = doors;
    let (core, refresher) = Core::build(&parts, limits)?;
    let (stop_dns, stop_rest) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    core.watch_devices(&parts.config, &tasks, &stop_rest);
    core.make_ready(refresher, &parts.config, (&tasks, &stop_rest))
        .await;
    let rest = (&stop_dns, &tasks);
    let api = Arc::new(Api::new(core.api_parts(&parts, (&dns, &web), rest)));
    let site = shared::site(api::router(Arc::clone(&api), web::router()), &tasks);
    for sockets in &mut sockets {
        sockets.share(&doors.shared, &site);
    }
    let threads = core.start_dns(place, &parts.config, sockets, &stop_dns)?;
    if let Some(certificates) = &doors.certificates {
        tasks.spawn(Arc::clone(certificates).watch(stop_rest.clone()));
    }
    for listener in doors.web {
        tasks.spawn(serve_web(
            (listener, limits.web),
            Arc::clone(&api),
            stop_rest.clone(),
        ));
    }
    core.watch_ends(Arc::clone(&api), (&tasks, &stop_rest));
    let nodes = core.nodes(api, &parts.config);
    let Core {
        access,
        devices,
        store,
        writer,
        library,
        household,
        records,
        ..
    } = core;
    writer.announce();
    tasks.spawn(keep(
        Keeper::new(store.clone(), devices, parts.config.journal.retention),
        (writer, nodes),
        stop_rest.clone(),
    ));
    Ok(App {
        dns,
        encrypted: doors.encrypted,
        certificates: doors.certificates,
        web,
        stop_dns,
        stop_rest,
        threads,
        tasks,
        parts,
        library,
        household,
        records,
        access,
        store,
    })
}

/// The parts that threads and tasks share.
struct Core {
    store: Store,
    access: Arc<Access>,
    devices: Arc<Devices>,
    upstreams: Arc<UpstreamShared>,
    library: Arc<Library>,
    household: Arc<Household>,
    /// How long the first query waits for lists.
    patience: Duration,
    policy: Policy,
    records: Arc<Records>,
    journal: Journal,
    writer: Writer,
    steps: Arc<Steps>,
}

impl Core {
    fn build(parts: &Parts, limits: Limits) -> anyhow::Result<(Self, Refresher)> {
        let config = &parts.config;
        let store = parts.store.clone();
        let devices = Arc::new(Devices::new(&config.devices, Vec::new()));
        devices.set_groups(device::Groups::of(config));
        devices.trust(&config.trust_mac_from);
        devices.number_in_passing();
        store.keep_new(Arc::clone(&devices));
        let upstreams = Arc::new(
            UpstreamShared::new(&config.upstream)
                .with_queries_at_once(limits.upstream_queries)
                .with_anchors(parts.anchors.clone()),
        );
        let live = Arc::new(Live::default());
        let ((refresher, library), patience) =
            library::build(parts, Arc::clone(&live), store.clone(), &upstreams);
        let policy = Policy::new(live).with_devices(Arc::clone(&devices));
        policy.set_tags(library::tags(config));
        policy.set_group_names(config.group_names());
        let words = words(&policy, &upstreams, &devices);
        let (journal, writer) = Journal::new(&config.journal, store.clone(), words);
        let steps = Arc::new(Steps {
            allow_from: config.dns.allow_from.clone(),
            limiter: RateLimiter::new(config.dns.rate_limit),
            blocking: config.blocking.clone(),
            devices: Arc::clone(&devices),
            policy: policy.clone(),
            local: Local::new(config),
            cache: Arc::new(Cache::new(config.cache.clone()).with_upstream(&config.upstream)),
        });
        let book = Arc::clone(steps.local.book());
        let records = Arc::new(Records::new(&config.records, book, store.clone()));
        let library = Arc::new(library);
        let enforce = household::enforce(
            (Arc::clone(&library), policy.clone()),
            (Arc::clone(&devices), steps.local.clone()),
            (Arc::clone(&upstreams), Arc::clone(&steps.cache)),
        );
        let household = Household::new(Arc::clone(config), store.clone(), enforce);
        let access = Access::new(config, store.clone())?;
        let core = Self {
            store,
            access: Arc::new(access),
            devices,
            upstreams,
            library,
            household: Arc::new(household),
            patience,
            policy,
            records,
            journal,
            writer,
            steps,
        };
        Ok((core, refresher))
    }

    /// Starts what keeps lists, records and held answers, and waits for those that are on disk.
    async fn make_ready(
        &self,
        refresher: Refresher,
        config: &Arc<Config>,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) {
        // What is done, or cannot be, drops its end.
        let (warmed, is_warm) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let (known, is_known) = oneshot::channel();
        let warm = Warm::new(Arc::clone(&self.steps.cache), config);
        let warm_limit = warm.patience();
        tasks.spawn(warm.run(warmed, stop.clone()));
        let library = Arc::clone(&self.library);
        let keeping = library::keep(
            refresher,
            library,
            (Arc::clone(config), begun),
            stop.clone(),
        );
        tasks.spawn(keeping);
        let records = Arc::clone(&self.records);
        tasks.spawn(names::recall(records, known, stop.clone()));
        tasks.spawn(access::keep(Arc::clone(&self.access), stop.clone()));
        let (grouped, is_grouped) = oneshot::channel();
        let household = Arc::clone(&self.household);
        tasks.spawn(household::recall(household, grouped, stop.clone()));
        let _ = tokio::join!(
            timeout(warm_limit, is_warm),
            timeout(self.patience, is_known),
            timeout(self.patience, is_grouped),
            timeout(self.patience, has_begun)
        );
    }

    /// Starts what learns of devices: their hardware addresses, their host names, and the names in
    /// files.
    fn watch_devices(&self, config: &Config, tasks: &TaskTracker, stop: &CancellationToken) {
        let devices = || Arc::clone(&self.devices);
        tasks.spawn(Neighbours::new(devices()).run(stop.clone()));
        let upstreams = Upstreams::new(&config.upstream, Arc::clone(&self.upstreams));
        let household = Arc::clone(&self.household);
        names::look_up(devices(), (upstreams, household), (tasks, stop));
        let book = Arc::clone(self.steps.local.book());
        let leases = book.leases();
        tasks.spawn(names::tell_leases(leases, devices(), stop.clone()));
        tasks.spawn(book.watch(stop.clone()));
    }

    /// Lets rules and pauses end, and schedules begin and end, when it is time.
    fn watch_ends(&self, api: Arc<Api>, (tasks, stop): (&TaskTracker, &CancellationToken)) {
        let (library, until) = (Arc::clone(&self.library), stop.clone());
        tasks.spawn(async move { library.end_rules(until).await });
        let rulebook = Arc::clone(&self.library.rulebook);
        tasks.spawn(schedules::run(rulebook, stop.clone()));
        tasks.spawn(household::recall_pauses(api, stop.clone()));
    }

    /// What keeps this node in step with others, where there are others.
    fn nodes(&self, api: Arc<Api>, config: &Config) -> Nodes {
        Nodes {
            store: self.store.clone(),
            journal: self.journal.clone(),
            devices: Arc::clone(&self.devices),
            api,
            retention: config.journal.retention,
        }
    }

    fn start_dns(
        &self,
        place: Place,
        config: &Config,
        sockets: Vec<Sockets>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<DnsThread>> {
        let start = |(number, sockets)| {
            let recorder = self.journal.recorder();
            let (steps, shared) = (Arc::clone(&self.steps), Arc::clone(&self.upstreams));
            let upstream = config.upstream.clone();
            let pipeline =
                move || Pipeline::new(steps, Upstreams::new(&upstream, shared), recorder);
            DnsThread::start(place, number, sockets, pipeline, stop.clone())
        };
        let threads = sockets.into_iter().enumerate().map(start);
        threads
            .collect::<Result<_, _>>()
            .context("starting a DNS thread")
    }

    fn api_parts(
        &self,
        parts: &Parts,
        (dns, web): (&[SocketAddr], &[SocketAddr]),
        (stop, tasks): (&CancellationToken, &TaskTracker),
    ) -> api::Parts {
        api::Parts {
            access: Arc::clone(&self.access),
            config: Arc::clone(&parts.config),
            packs: Arc::clone(&parts.packs),
            policy: self.policy.clone(),
            local: self.steps.local.clone(),
            store: self.store.clone(),
            cache: Arc::clone(&self.steps.cache),
            lists: Arc::clone(&self.library),
            household: Arc::clone(&self.household),
            records: Arc::clone(&self.records),
            journal: self.journal.clone(),
            devices: Arc::clone(&self.devices),
            upstreams: upstream_figures::told(Arc::clone(&self.upstreams)),
            dns: dns.to_vec(),
            web: web.to_vec(),
            started: Timestamp::now(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        }
    }
}

async fn serve_web(
    (listener, connections): (TcpListener, usize),
    api: Arc<Api>,
    stop: CancellationToken,
) {
    let router = api::router(api, web::router());
    if let Err(error) = api::serve(listener, connections, router, stop).await {
        tracing::error!(%error, "the dashboard is not served");
    }
}

fn words(policy: &Policy, upstreams: &Arc<UpstreamShared>, devices: &Arc<Devices>) -> Words {
    let (policy, upstreams, devices) = (policy.clone(), Arc::clone(upstreams), Arc::clone(devices));
    Words {
        entry: Box::new(move |matched, name| policy.describe(matched, name)),
        upstream: Box::new(move |upstream| upstreams.name(upstream)),
        device: Box::new(move |device| devices.resolve(device)),
    }
}

/// A number that nobody can guess, from what the standard library seeds its hash maps with.
pub(super) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
