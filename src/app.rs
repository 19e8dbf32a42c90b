//! Puts the parts together, starts their tasks and threads, and stops them.

mod access;
mod dns_thread;
mod household;
mod keeper;
mod library;
mod limits;
mod names;
mod nodes;
mod ports;
mod schedules;
mod shared;
mod start;
mod time_slice;
mod trial;
mod upstream_figures;
mod wall_clock;
mod warm;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use library::{policy_at_rest, refresher};
pub use limits::come_second;
pub use start::{Parts, choose_crypto, prepare, prepare_with, start, start_here, store};
pub use time_slice::shorten_time_slice;
pub use trial::{Trial, Tried, made_up_upstream};

use crate::access::Access;
use crate::config::{Config, Upstream};
use crate::dns::{Certificates, Encrypted};
use crate::household::Household;
use crate::lists::Library;
use crate::local::Records;
use crate::packs::Packs;
use crate::store::Store;
use dns_thread::DnsThread;

/// A stop waits so long for queries in hand, and for devices that are slow to read their answers.
const IN_HAND_LIMIT: Duration = Duration::from_millis(2500);
/// After this long a stop gives up on what still runs.
const STOP_LIMIT: Duration = Duration::from_millis(4500);

/// A running server.
pub struct App {
    dns: Vec<SocketAddr>,
    encrypted: Encrypted,
    certificates: Option<Arc<Certificates>>,
    web: Vec<SocketAddr>,
    stop_dns: CancellationToken,
    stop_rest: CancellationToken,
    threads: Vec<DnsThread>,
    tasks: TaskTracker,
    parts: Parts,
    library: Arc<Library>,
    household: Arc<Household>,
    records: Arc<Records>,
    access: Arc<Access>,
    store: Store,
}

impl App {
    /// The addresses where DNS is answered; ports are those that port 0 became.
    pub fn dns(&self) -> &[SocketAddr] {
        &self.dns
    }

    /// The addresses where DNS is answered encrypted, likewise.
    pub fn encrypted(&self) -> &Encrypted {
        &self.encrypted
    }

    /// The packs that it was started with.
    pub fn packs(&self) -> &Packs {
        &self.parts.packs
    }

    /// The addresses of the dashboard.
    pub fn web(&self) -> &[SocketAddr] {
        &self.web
    }

    /// Who may see the dashboard.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Puts the choices under `[packs]`, the lists, rules, records, groups and devices in force, the
    /// dashboard's names and password, and a new certificate; all else that differs from the config
    /// before needs a restart, and is named.
    pub async fn reload(&self, config: &Config) {
        // Upstreams stay as they are until a restart, but for those that groups have of their own.
        let with_sets = |upstream: &Upstream| Upstream {
            sets: config.upstream.sets.clone(),
            ..upstream.clone()
        };
        let upstream = with_sets(&self.parts.config.upstream);
        let is_upstream_other = upstream != config.upstream;
        let declared = Config {
            upstream,
            ..config.clone()
        };
        self.household.declare(Arc::new(declared));
        self.records.declare(&config.records);
        self.library.declare_lists(config);
        if let Some(certificates) = &self.certificates {
            certificates.reload();
        }
        if let Err(error) = self.access.declare(&config.web).await {
            tracing::warn!(%error, "the dashboard's password may be as before");
        }
        self.tell_of_the_rest(config, is_upstream_other);
    }

    /// Names what has changed and takes effect only after a restart.
    fn tell_of_the_rest(&self, config: &Config, is_upstream_other: bool) {
        let (old, new) = (&self.parts.config, config);
        let sections = [
            ("data_dir", old.data_dir != new.data_dir),
            ("[dns]", old.dns != new.dns),
            ("[upstream]", is_upstream_other),
            ("[cache]", old.cache != new.cache),
            ("[blocking]", old.blocking != new.blocking),
            ("[local]", old.local != new.local),
            ("[dns64]", old.dns64 != new.dns64),
            ("[lists]", old.lists != new.lists),
            ("packs.folder", old.packs.folder != new.packs.folder),
            ("[journal]", old.journal != new.journal),
            ("web.listen", old.web.listen != new.web.listen),
        ];
        tracing::info!(
            "the config was read again: packs, lists, rules, records, groups, devices, and the \
             dashboard's names and password are in force"
        );
        for (section, _) in sections.iter().filter(|(_, differs)| *differs) {
            tracing::warn!("{section} has changed; it takes effect after a restart");
        }
    }

    /// Stops: no new queries, those in hand are answered, the journal is written, the store closed.
    pub async fn stop(self) {
        let finish = async {
            self.stop_dns.cancel();
            let threads = async {
                for thread in self.threads {
                    thread.join().await;
                }
            };
            if tokio::time::timeout(IN_HAND_LIMIT, threads).await.is_err() {
                tracing::warn!("stopped while answers were still on their way");
            }
            // The journal is written after the last query has been recorded.
            self.stop_rest.cancel();
            self.tasks.close();
            self.tasks.wait().await;
            self.store.close().await;
        };
        if tokio::time::timeout(STOP_LIMIT, finish).await.is_err() {
            tracing::warn!("stopped without waiting for what still ran after {STOP_LIMIT:?}");
        }
    }
}
