//! Lists from a server that is not to be trusted: what becomes of them, and of the rules in force.

mod encrypted;
mod faulty;
mod files;
pub mod server;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use squelch::config::{self, ListAction, ListSource as Source};
use squelch::lists::{
    AllLists, Compile, Fetcher, Groups, LeftOut, ListSource, ListStatus, Lookup, Refresher, Report,
    Rulebook, Shelf, Subscription, Subscriptions, Terms, Watch,
};
use squelch::matcher::Live;
use squelch::policy::{Asker, Policy};
use squelch::query::{DeviceId, GroupId, RecordType, Verdict};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use server::Server;

/// What the list has when all is well.
const GOOD: &str = "a.example\nb.example\nc.example\nd.example\n";

/// Lists that are kept, and a server that they come from. 127.0.0.1 counts as an address of the
/// internet, all else as private.
struct Home {
    server: Server,
    subscriptions: Subscriptions,
    in_force: Arc<InForce>,
    folder: TempDir,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The real rules in force, with a count of how often they were compiled.
struct InForce {
    book: Rulebook,
    policy: Policy,
    compiled: AtomicUsize,
}

impl Default for InForce {
    fn default() -> Self {
        let live = Arc::new(Live::default());
        let nothing_own = (Groups::of(&config::Config::default()), Vec::new());
        Self {
            book: Rulebook::new(Arc::clone(&live), Arc::default(), nothing_own, 7),
            policy: Policy::new(live),
            compiled: AtomicUsize::new(0),
        }
    }
}

impl InForce {
    fn is_blocked(&self, name: &str) -> bool {
        let asker = Asker {
            device: DeviceId(1),
            group: GroupId(0),
            address: [192, 0, 2, 1].into(),
        };
        let name = name.parse().unwrap();
        let verdict = self.policy.judge(asker, &name, RecordType::A);
        matches!(verdict, Verdict::Block(_))
    }
}

impl Compile for InForce {
    fn reopen(&self, file: &Path, tag: &str) -> bool {
        self.book.reopen(file, tag)
    }

    fn is_damaged(&self) -> bool {
        self.book.is_damaged()
    }

    fn rest(&self) {
        self.book.rest();
    }

    fn compile(
        &self,
        lists: &[ListSource],
        into: (&Path, &str),
        watch: &mut dyn Watch,
    ) -> Result<Vec<Result<Report, LeftOut>>, String> {
        let reports = self.book.compile(lists, into, watch)?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        Ok(reports)
    }
}

fn lookup() -> Lookup {
    Arc::new(|host| {
        let addresses: Result<Vec<IpAddr>, String> = match host.as_str() {
            "lists.example" | "elsewhere.example" => Ok(vec!["127.0.0.1".parse().unwrap()]),
            "private.example" => Ok(vec!["127.0.0.2".parse().unwrap()]),
            _ => Err("there is no such name".to_owned()),
        };
        async move { addresses }.boxed()
    })
}

fn is_public(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1])
}

/// Limits that a test can wait for.
fn terms() -> Terms {
    Terms {
        allow_private: true,
        is_public,
        max_size: 1_000_000,
        total: Duration::from_secs(20),
        patience: Duration::from_secs(10),
        least: 1,
        own_files: Vec::new(),
    }
}

impl Home {
    /// A home with the good list in force.
    async fn with_good_list() -> Self {
        Self::with(terms()).await
    }

    async fn with(terms: Terms) -> Self {
        let server = Server::start().await;
        server.serve("/list", GOOD);
        let url = server.url("lists.example", "/list");
        let home = Self::keep(server, terms, vec![list(Source::Url(url))]).await;
        home.settle().await;
        assert_eq!(
            home.names(),
            ["a.example", "b.example", "c.example", "d.example"]
        );
        home
    }

    async fn keep(server: Server, terms: Terms, lists: Vec<Subscription>) -> Self {
        Self::keep_in(tempfile::tempdir().unwrap(), server, terms, lists).await
    }

    async fn keep_in(
        folder: TempDir,
        server: Server,
        terms: Terms,
        lists: Vec<Subscription>,
    ) -> Self {
        let in_force = Arc::new(InForce::default());
        let shelf = Shelf::at(folder.path());
        let compile = Arc::clone(&in_force);
        let (mut refresher, subscriptions) =
            Refresher::new(shelf, Fetcher::new(lookup()), terms, compile);
        refresher.begin(lists).await;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(refresher.run(stop.clone()));
        Self {
            server,
            subscriptions,
            in_force,
            folder,
            stop,
            tasks,
        }
    }

    /// Waits until the list was looked at and all work on it is done.
    async fn settle(&self) -> ListStatus {
        self.until(|all| {
            let standing = &all.lists[0].standing;
            standing.checked_at.is_some() || standing.problem.is_some()
        })
        .await;
        let mut progress = self.subscriptions.watch_progress();
        progress
            .wait_for(|progress| progress.step.is_none())
            .await
            .unwrap();
        self.status()
    }

    async fn until(&self, is_so: impl Fn(&AllLists) -> bool) {
        let mut all = self.subscriptions.watch();
        all.wait_for(|all| is_so(all)).await.unwrap();
    }

    /// Has the list looked at, and waits until that is done.
    async fn refresh(&self) -> ListStatus {
        let mut progress = self.subscriptions.watch_progress();
        self.subscriptions.refresh(Some("list"));
        progress
            .wait_for(|progress| progress.step.is_some())
            .await
            .unwrap();
        progress
            .wait_for(|progress| progress.step.is_none())
            .await
            .unwrap();
        self.status()
    }

    fn status(&self) -> ListStatus {
        self.subscriptions.status("list").unwrap()
    }

    /// The names of one letter that are blocked; the lists of these tests have no others.
    fn names(&self) -> Vec<String> {
        let names = ('a'..='z').map(|letter| format!("{letter}.example"));
        names
            .filter(|name| self.in_force.is_blocked(name))
            .collect()
    }

    fn compiled(&self) -> usize {
        self.in_force.compiled.load(Ordering::Relaxed)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("lists").join(name)
    }

    /// Has the list looked at, and gives the message; the rules in force must not have changed.
    async fn failure(&self) -> String {
        let (before, compiled) = (self.names(), self.compiled());
        let status = self.refresh().await;
        assert_eq!(self.names(), before);
        assert_eq!(self.compiled(), compiled);
        assert_eq!(fs::read_to_string(self.file("list.txt")).unwrap(), GOOD);
        assert!(!self.file("list.part").exists(), "half a list is left");
        status
            .standing
            .problem
            .unwrap()
            .message
            .replace(&self.server.port(), "PORT")
    }

    /// Has the list looked at, and gives the reason for which it is held back.
    async fn held(&self) -> String {
        let before = self.names();
        let status = self.refresh().await;
        assert_eq!(self.names(), before);
        assert_eq!(status.standing.problem, None);
        status.standing.held.unwrap().reason
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn list(source: Source) -> Subscription {
    Subscription {
        id: "list".to_owned(),
        name: "list".to_owned(),
        source,
        action: ListAction::Block,
        format: None,
        refresh: Duration::from_hours(24),
        enabled: true,
        declared: true,
        groups: None,
    }
}
