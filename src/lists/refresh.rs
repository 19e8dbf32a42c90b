//! The task that keeps lists: fetches each when its time has come, looks at files, and has all
//! compiled when one has changed.
//!
//! One list is fetched at a time, and nothing of it happens where queries are answered. Whatever
//! becomes of a list's source, its last good copy stays in force.

mod compiling;
mod due;
mod files;
mod kept;
mod shelved;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::fetch::{FetchError, Fetched, Fetcher, Fresh, NamedBy, Terms, Transfer, copy};
use super::shelf::{Judged, Shelf};
use super::standing::Choice;
use super::subscription::Subscription;
use super::subscriptions::{AllLists, Desk, Order, Progress, Step, Subscriptions};
use super::work::aside;
use crate::config;
pub use compiling::Compile;
use kept::Kept;
use shelved::{keep, unkept};

/// Files are looked at so often; a change is taken when it is as old as that.
const LOOK: Duration = Duration::from_secs(2);

/// The task that keeps lists.
pub struct Refresher {
    shelf: Shelf,
    fetcher: Arc<Fetcher>,
    terms: Terms,
    compile: Arc<dyn Compile>,
    desk: Desk,
    lists: Vec<Kept>,
    compiled_at: Option<Timestamp>,
    problem: Option<String>,
    must_compile: bool,
    under_way: Option<UnderWay>,
    /// Lists that are done in this round.
    done: usize,
    /// Orders to look at lists that this round carries out.
    obeyed: usize,
}

/// A list that is being fetched, or copied.
struct UnderWay {
    list: Subscription,
    /// Nobody locks it: it only lets threads share the task that waits for it.
    result: Mutex<BoxFuture<'static, Result<Fetched, FetchError>>>,
}

impl Refresher {
    /// The task, which has to be run, and its handle.
    pub fn new(
        shelf: Shelf,
        fetcher: Fetcher,
        terms: Terms,
        compile: Arc<dyn Compile>,
    ) -> (Self, Subscriptions) {
        let (handle, desk) = Subscriptions::new();
        let refresher = Self {
            shelf,
            fetcher: Arc::new(fetcher),
            terms,
            compile,
            desk,
            lists: Vec::new(),
            compiled_at: None,
            problem: None,
            must_compile: false,
            under_way: None,
            done: 0,
            obeyed: 0,
        };
        (refresher, handle)
    }

    /// Takes the lists that people want, and puts in force what is on disk of them.
    pub async fn begin(&mut self, lists: Vec<Subscription>) {
        // Wishes from before are older than these lists; other orders are carried out after all. First
        // of all: wishes that come from now on are newer.
        let mut early = Vec::new();
        while let Ok(order) = self.desk.orders.try_recv() {
            early.extend(Some(order).filter(|order| !matches!(order, Order::Want(_))));
        }
        let copies = self.shelf.clone();
        let made = aside(move || copies.make()).await;
        if let Err(error) = made.flatten() {
            tracing::warn!(%error, "lists cannot be kept in data_dir");
        }
        self.want(lists).await;
        self.take_files().await;
        self.put_in_force().await;
        for order in early {
            self.obey(order).await;
        }
        self.publish();
    }

    /// Keeps lists until it is stopped. What is half done then is done anew after the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_on() => {}
        }
    }

    async fn keep_on(&mut self) {
        let mut look = time::interval(LOOK);
        look.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            if self.under_way.is_none() {
                self.begin_next();
            }
            if self.under_way.is_none() {
                self.finish_round().await;
            }
            let (next, is_idle) = (self.next_due(), self.under_way.is_none());
            tokio::select! {
                order = self.desk.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                result = result_of(&mut self.under_way) => self.take(result).await,
                _ = look.tick() => {
                    self.look_for_damage();
                    self.compile.rest();
                    self.look_at_files().await;
                }
                () = time::sleep_until(next), if is_idle => {}
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Want(lists) => {
                let before = self.tag();
                self.want(lists).await;
                // What people want of lists is more than what is compiled.
                self.must_compile |= self.problem.is_some() || self.tag() != before;
                self.sweep().await;
            }
            Order::Refresh(id) => {
                self.obeyed += 1;
                let is_meant = |kept: &&mut Kept| id.as_ref().is_none_or(|id| kept.list.id == *id);
                for kept in self.lists.iter_mut().filter(is_meant) {
                    kept.due = Instant::now();
                }
            }
            Order::Decide(id, choice, done) => {
                let is_done = self.decide(&id, choice).await;
                // Whoever asked may have gone.
                let _ = done.send(is_done);
            }
        }
        self.publish();
    }

    /// Puts other lists in the place of those before; what is known of those that stay is kept.
    async fn want(&mut self, lists: Vec<Subscription>) {
        let mut before = std::mem::take(&mut self.lists);
        for list in lists {
            let known = before.iter().position(|kept| kept.list.id == list.id);
            let kept = match known.map(|at| before.swap_remove(at)) {
                Some(kept) => kept.with(list),
                None => self.take_from_shelf(list).await,
            };
            self.lists.push(kept);
        }
    }

    async fn take_from_shelf(&self, list: Subscription) -> Kept {
        let (copies, id, reading) = (self.shelf.clone(), list.id.clone(), list.reading());
        let standing = aside(move || copies.standing(&id, reading)).await;
        Kept::new(list, standing.unwrap_or_default())
    }

    /// Does with a copy that is held back what somebody decided; whether there is one.
    async fn decide(&mut self, id: &str, choice: Choice) -> bool {
        let Some(kept) = self.lists.iter_mut().find(|kept| kept.list.id == id) else {
            return false;
        };
        let (copies, list) = (self.shelf.clone(), kept.list.clone());
        let mut standing = kept.standing.clone();
        let deciding = move || {
            let decided = copies.decide(&list, &mut standing, choice);
            (decided, standing)
        };
        let decided = aside(deciding).await.and_then(|(decided, standing)| {
            kept.standing = standing;
            decided
        });
        let is_done = decided.as_ref().is_ok_and(|is_done| *is_done);
        if let Err(error) = decided {
            kept.failed(&unkept(&error));
        } else if is_done {
            let done = choice.done();
            tracing::info!(list = %kept.list.name, "the copy that was held back is {done}");
        }
        keep(&self.shelf, kept).await;
        self.must_compile |= is_done && choice == Choice::Confirm;
        is_done
    }

    /// Begins to fetch the list that has waited longest.
    fn begin_next(&mut self) {
        let now = Instant::now();
        let due = |kept: &&Kept| kept.list.enabled && kept.due <= now;
        let waiting = self.lists.iter().filter(due).count();
        let first = self.lists.iter().filter(due).min_by_key(|kept| kept.due);
        let Some(kept) = first else { return };
        let progress = Progress {
            step: Some(Step::Fetching),
            list: Some(kept.list.id.clone()),
            done: self.done,
            of: self.done + waiting,
            compiled: self.desk.progress.borrow().compiled,
            ..Progress::default()
        };
        self.desk.progress.send_replace(progress);
        let id = kept.list.id.clone();
        self.fetch(&id);
    }

    fn fetch(&mut self, id: &str) {
        let incoming = self.shelf.incoming(id);
        let Some(kept) = self.lists.iter_mut().find(|kept| kept.list.id == id) else {
            return;
        };
        let terms = self.terms.clone();
        let result: BoxFuture<'static, _> = match &kept.list.source {
            config::ListSource::Url(url) => {
                let (url, known) = (url.clone(), kept.validators());
                let (fetcher, progress) = (Arc::clone(&self.fetcher), self.desk.progress.clone());
                let fetching = async move {
                    let tell = |transfer| tell(&progress, transfer);
                    fetcher
                        .fetch(&url, &known, &terms, (&incoming, &tell))
                        .await
                };
                Box::pin(fetching)
            }
            config::ListSource::File(file) => {
                let file = file.clone();
                let named = if kept.list.declared {
                    NamedBy::Config
                } else {
                    NamedBy::Dashboard
                };
                kept.tried = kept.seen;
                let copying = async move {
                    let copied = copy(&file, &incoming, (named, &terms)).await;
                    copied.map(Fetched::New)
                };
                Box::pin(copying)
            }
        };
        self.under_way = Some(UnderWay {
            list: kept.list.clone(),
            result: Mutex::new(result),
        });
    }

    /// Takes what came of a fetch.
    async fn take(&mut self, result: Result<Fetched, FetchError>) {
        let Some(UnderWay { list, .. }) = self.under_way.take() else {
            return;
        };
        self.done += 1;
        let at = self.lists.iter().position(|kept| kept.list == list);
        // Somebody may have changed or removed it meanwhile; then this is of no use.
        let Some(mut kept) = at.map(|at| self.lists.remove(at)) else {
            let (copies, id) = (self.shelf.clone(), list.id);
            let dropped = aside(move || copies.drop_incoming(&id)).await;
            if let Err(error) = dropped.flatten() {
                tracing::warn!(list = %list.name, %error, "what came of a list is still there");
            }
            return;
        };
        match result {
            Ok(Fetched::Same) => kept.succeeded(),
            Ok(Fetched::New(fresh)) => {
                self.desk
                    .progress
                    .send_modify(|progress| progress.step = Some(Step::Reading));
                kept.tried = fresh.stamp.or(kept.tried);
                self.must_compile |= self.judge(&mut kept, fresh).await;
            }
            Err(error) => kept.failed(&error.to_string()),
        }
        keep(&self.shelf, &kept).await;
        self.lists.insert(at.unwrap_or_default(), kept);
        self.publish();
    }

    /// Has the text that came judged; whether the list is another one now.
    async fn judge(&self, kept: &mut Kept, fresh: Fresh) -> bool {
        let (copies, list) = (self.shelf.clone(), kept.list.clone());
        let mut standing = kept.standing.clone();
        let judging = move || {
            let judged = copies.take_in(&list, fresh, &mut standing);
            (judged, standing)
        };
        let name = kept.list.name.clone();
        match aside(judging).await {
            Ok((Ok(judged), standing)) => {
                kept.standing = standing;
                kept.succeeded();
                if let Judged::Held(reason) = &judged {
                    tracing::warn!(list = %name, "a new copy is held back: {reason}");
                }
                judged == Judged::Taken
            }
            Ok((Err(error), _)) | Err(error) => {
                kept.failed(&unkept(&error));
                false
            }
        }
    }

    /// When nothing is under way: compiles what has changed, and says that all is done.
    async fn finish_round(&mut self) {
        if self.must_compile {
            self.compile().await;
            self.publish();
        }
        if self.desk.progress.borrow().step.is_some() {
            self.desk.progress.send_modify(|progress| {
                *progress = Progress {
                    compiled: progress.compiled,
                    ..Progress::default()
                };
            });
        }
        self.done = 0;
        let obeyed = std::mem::take(&mut self.obeyed);
        self.desk.asked.fetch_sub(obeyed, Ordering::AcqRel);
    }

    fn next_due(&self) -> Instant {
        let due = self
            .lists
            .iter()
            .filter(|kept| kept.list.enabled)
            .map(|kept| kept.due);
        // Files are looked at before that, anyway.
        due.min()
            .unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    fn publish(&self) {
        self.desk.all.send_replace(Arc::new(AllLists {
            lists: self.lists.iter().map(Kept::status).collect(),
            compiled_at: self.compiled_at,
            problem: self.problem.clone(),
        }));
    }
}

/// Waits for what is under way, or for ever.
async fn result_of(under_way: &mut Option<UnderWay>) -> Result<Fetched, FetchError> {
    match under_way {
        Some(under_way) => {
            let result = under_way.result.get_mut();
            result.unwrap_or_else(PoisonError::into_inner).await
        }
        None => std::future::pending().await,
    }
}

fn tell(progress: &watch::Sender<Progress>, transfer: Transfer) {
    progress.send_modify(|progress| {
        progress.bytes = transfer.bytes;
        progress.of_bytes = transfer.of;
    });
}
