//! Starts the server: everything that can be refused is tried before the first query is taken.

use std::sync::Arc;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dns_thread::DnsThread;
use super::{App, keeper, ports};
use crate::cache::Cache;
use crate::config::Config;
use crate::device::{Devices, Neighbours, ReverseNames};
use crate::dns::{self, Sockets};
use crate::journal::{Journal, Words};
use crate::lists;
use crate::local::Local;
use crate::matcher::Live;
use crate::packs::Packs;
use crate::pipeline::{Pipeline, Steps};
use crate::policy::Policy;
use crate::store::Store;
use crate::upstream::{Shared as UpstreamShared, Upstreams};

/// What is read before anything is started.
#[derive(Debug)]
pub struct Parts {
    /// The config.
    pub config: Arc<Config>,
    /// The packs.
    pub packs: Arc<Packs>,
}

/// Reads what the server needs: so far the packs.
pub fn prepare(config: Config) -> anyhow::Result<Parts> {
    let (packs, set_aside) = Packs::load(config.packs.folder.as_deref())?;
    if let Some(error) = set_aside {
        tracing::warn!("{error}; the built-in packs are used");
    }
    Ok(Parts {
        config: Arc::new(config),
        packs: Arc::new(packs),
    })
}

/// Starts the server; when this returns, it answers.
pub async fn start(parts: Parts) -> anyhow::Result<App> {
    let Parts { config, packs } = parts;
    let workers = match config.dns.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    let (sockets, dns_addresses) = dns::bind(&config.dns.listen, workers)?;
    let _web = ports::bind(&config.web.listen)?;
    let store = Store::at(&config.data_dir);
    let (devices, may_keep) = keeper::load(&store, &config.devices).await;
    let upstreams = Arc::new(UpstreamShared::new(&config.upstream));
    let live = Arc::new(Live::default());
    live.swap(lists::compile(&packs, &config.packs, random_seed()));
    let policy = Policy::new(Arc::clone(&live));
    let words = words(&policy, &upstreams, &devices);
    let (journal, writer) = Journal::new(&config.journal, store.clone(), words);
    let steps = Arc::new(Steps {
        allow_from: config.dns.allow_from.clone(),
        blocking: config.blocking.clone(),
        devices: Arc::clone(&devices),
        policy: policy.clone(),
        local: Local::new(&config),
        cache: Arc::new(Cache::new(config.cache.clone())),
    });
    let (stop_dns, stop_rest) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    tasks.spawn(writer.run(stop_rest.clone()));
    if may_keep {
        tasks.spawn(keeper::run(store, Arc::clone(&devices), stop_rest.clone()));
    }
    watch_devices(&config, &devices, &upstreams, (&tasks, &stop_rest));
    let making = Making {
        config: &config,
        journal: &journal,
        upstreams: &upstreams,
        steps: &steps,
    };
    let threads = making.threads(sockets, &stop_dns)?;
    Ok(App {
        dns: dns_addresses,
        web: Vec::new(),
        stop_dns,
        stop_rest,
        threads,
        tasks,
        config,
        packs,
        live,
        devices,
    })
}

/// What a DNS thread is made of.
struct Making<'a> {
    config: &'a Config,
    journal: &'a Journal,
    upstreams: &'a Arc<UpstreamShared>,
    steps: &'a Arc<Steps>,
}

impl Making<'_> {
    fn threads(
        &self,
        sockets: Vec<Sockets>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Vec<DnsThread>> {
        let start = |(number, sockets)| {
            let recorder = self.journal.recorder();
            let (steps, shared) = (Arc::clone(self.steps), Arc::clone(self.upstreams));
            let (config, rate_limit) = (self.config.upstream.clone(), self.config.dns.rate_limit);
            let pipeline =
                move || Pipeline::new(steps, rate_limit, Upstreams::new(&config, shared), recorder);
            DnsThread::spawn(number, sockets, pipeline, stop.clone())
        };
        sockets
            .into_iter()
            .enumerate()
            .map(start)
            .collect::<Result<_, _>>()
            .context("starting a DNS thread")
    }
}

/// Starts what learns of devices: their hardware addresses, and their host names.
fn watch_devices(
    config: &Config,
    devices: &Arc<Devices>,
    upstreams: &Arc<UpstreamShared>,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) {
    tasks.spawn(Neighbours::new(Arc::clone(devices)).run(stop.clone()));
    let upstreams = Upstreams::new(&config.upstream, Arc::clone(upstreams));
    let names = ReverseNames::new(Arc::clone(devices), async move |address| {
        upstreams.reverse(address).await
    });
    tasks.spawn(names.run(stop.clone()));
}

fn words(policy: &Policy, upstreams: &Arc<UpstreamShared>, devices: &Arc<Devices>) -> Words {
    let (policy, upstreams, devices) = (policy.clone(), Arc::clone(upstreams), Arc::clone(devices));
    Words {
        entry: Box::new(move |matched| policy.describe(matched)),
        upstream: Box::new(move |upstream| upstreams.name(upstream).map(str::to_owned)),
        device: Box::new(move |device| devices.resolve(device)),
    }
}

/// A number that nobody can guess, from what the standard library seeds its hash maps with.
pub(super) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}
