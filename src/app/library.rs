//! Lists and rules: builds what keeps them, and starts it.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::start::{Parts, random_seed};
use crate::config::Config;
use crate::lists::{
    self, Fetcher, Groups, Library, Lookup, OwnRule, Refresher, Rulebook, Shelf, Subscriptions,
    Terms,
};
use crate::matcher::Live;
use crate::store::Store;
use crate::upstream::{Shared as UpstreamShared, Upstreams};

/// How often it is looked whether another process is done with the lists.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long to wait for a store that cannot be opened.
const RETRY: Duration = Duration::from_secs(10);
/// How long the first query waits for lists of which nothing is compiled yet.
const FIRST_LIMIT: Duration = Duration::from_secs(2);
/// How long it waits where the rules of the last run are in force, or there are no lists: for what
/// the dashboard set, and for files that have changed.
const LIMIT: Duration = Duration::from_millis(250);

/// Puts packs, people's own rules and the lists of the last run in force, and builds the task that
/// keeps lists. Tells, too, how long the first query should wait for that task to begin.
pub(super) fn build(
    parts: &Parts,
    live: Arc<Live>,
    store: Store,
    upstreams: &Arc<UpstreamShared>,
) -> ((Refresher, Library), Duration) {
    let config = &parts.config;
    let shelf = Shelf::at(&config.data_dir);
    let rulebook = Arc::new(rulebook(parts, live));
    // What exactly people want may have changed; until that is compiled, this is better than none.
    let is_reopened = rulebook.reopen_last(&shelf.compiled());
    let patience = patience(config, &shelf, is_reopened);
    let lookup = lookup(config, upstreams);
    let (refresher, subscriptions) = keeping(config, &shelf, (&rulebook, &lookup));
    let fetcher = Fetcher::new(lookup);
    let library = Library::new(config, (subscriptions, fetcher), (rulebook, shelf), store);
    ((refresher, library), patience)
}

/// No query should get past a list or a rule that is there; but DNS starts whatever the disk does.
fn patience(config: &Config, shelf: &Shelf, is_reopened: bool) -> Duration {
    let has_lists = !config.subscribed.is_empty() || shelf.exists();
    if has_lists && !is_reopened {
        FIRST_LIMIT
    } else {
        LIMIT
    }
}

/// The task that keeps lists, for a process that answers no queries.
pub fn refresher(parts: &Parts) -> (Refresher, Subscriptions) {
    let config = &parts.config;
    let rulebook = Arc::new(rulebook(parts, Arc::new(Live::default())));
    let lookup = lookup(config, &Arc::new(UpstreamShared::new(&config.upstream)));
    keeping(config, &Shelf::at(&config.data_dir), (&rulebook, &lookup))
}

/// The rules that would be in force if the server started now: packs, people's own of the config, and
/// the lists as they were compiled last. Nothing is written.
pub fn policy_at_rest(parts: &Parts) -> crate::policy::Policy {
    let live = Arc::new(Live::default());
    let rulebook = rulebook(parts, Arc::clone(&live));
    rulebook.reopen_last(&Shelf::at(&parts.config.data_dir).compiled());
    crate::policy::Policy::new(live)
}

/// Keeps lists until it is stopped; `begun` is dropped when what is on disk is in force. Those of
/// the dashboard have to be known before: else they would be taken out of force.
pub(super) async fn keep(
    mut refresher: Refresher,
    library: Arc<Library>,
    (config, begun): (Arc<Config>, oneshot::Sender<()>),
    stop: CancellationToken,
) {
    let mut begun = Some(begun);
    let recalled = async {
        while let Err(error) = library.recall(&config.lists).await {
            if begun.take().is_some() {
                tracing::warn!(%error, "lists are not refreshed until the database can be read");
            }
            time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => return,
        () = recalled => {}
    }
    library.put_rules();
    let ready = async {
        let claim = claim(&library.shelf).await;
        refresher.begin(library.wanted()).await;
        refresher.sweep().await;
        claim
    };
    let _claim = tokio::select! {
        () = stop.cancelled() => return,
        claim = ready => claim,
    };
    drop(begun);
    refresher.run(stop).await;
}

/// Waits until no other process fetches lists into the folder, such as `squelch lists update`. Where
/// it cannot be claimed, as on a disk that is read only, nothing can be written either.
async fn claim(shelf: &Shelf) -> Option<File> {
    let mut is_told = false;
    loop {
        match shelf.claim() {
            Ok(None) if is_told => {}
            Ok(None) => tracing::warn!("lists are not refreshed while another squelch does it"),
            Ok(claim) => return claim,
            Err(error) => {
                tracing::warn!(%error, "the folder of lists cannot be locked");
                return None;
            }
        }
        is_told = true;
        time::sleep(LOOK_AGAIN).await;
    }
}

/// The tags of devices, by their names.
pub(super) fn tags(config: &Config) -> HashMap<String, Vec<String>> {
    let devices = config.devices.iter();
    devices
        .map(|device| (device.name.clone(), device.tags.clone()))
        .collect()
}

fn keeping(
    config: &Config,
    shelf: &Shelf,
    (rulebook, lookup): (&Arc<Rulebook>, &Lookup),
) -> (Refresher, Subscriptions) {
    let fetcher = Fetcher::new(Arc::clone(lookup));
    let rulebook = Arc::clone(rulebook);
    Refresher::new(shelf.clone(), fetcher, Terms::new(config), rulebook)
}

fn rulebook(parts: &Parts, live: Arc<Live>) -> Rulebook {
    let config = &parts.config;
    // A text that is no rule was told before anything was started.
    let rules = lists::own_rules(config).unwrap_or_default();
    let own = rules.into_iter().zip(&config.rules);
    let own = own.map(|(rule, written)| OwnRule {
        rule,
        comment: written.comment.clone().unwrap_or_default(),
        groups: written.groups.clone(),
        schedule: written.schedule,
    });
    let packs = Arc::clone(&parts.packs);
    Rulebook::new(
        live,
        packs,
        (Groups::of(config), own.collect()),
        random_seed(),
    )
}

/// Asks the upstreams, because the system's resolver may be ourselves.
fn lookup(config: &Config, shared: &Arc<UpstreamShared>) -> Lookup {
    let upstreams = Arc::new(Upstreams::new(&config.upstream, Arc::clone(shared)));
    Arc::new(move |host| {
        let upstreams = Arc::clone(&upstreams);
        async move { upstreams.addresses(&host).await }.boxed()
    })
}
