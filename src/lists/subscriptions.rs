//! The lists that people subscribed to: how they stand, and orders to the task that keeps them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::standing::{Choice, Standing};
use super::subscription::Subscription;

/// How a list stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStatus {
    /// What people want of it.
    pub list: Subscription,
    /// What is known of its copies.
    pub standing: Standing,
    /// When it is looked at again.
    pub next_at: Option<Timestamp>,
}

/// How far the work on lists is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done; `None` = nothing.
    pub step: Option<Step>,
    /// The list that it is done to; none where it is all of them.
    pub list: Option<String>,
    /// Bytes that came.
    pub bytes: u64,
    /// How many there will be, if the server says so.
    pub of_bytes: Option<u64>,
    /// Lists that are done.
    pub done: usize,
    /// Lists that are done or are to be done.
    pub of: usize,
    /// How often all lists have been put in force since the start.
    pub compiled: u64,
}

/// What is being done to a list.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[schema(as = UpdateStep)]
pub enum Step {
    /// It is on its way.
    Fetching,
    /// What came is looked into.
    Reading,
    /// All lists are compiled.
    Compiling,
}

/// All lists together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllLists {
    /// Each of them: those of the config in its order, then those of the dashboard.
    pub lists: Vec<ListStatus>,
    /// When they were last put in force.
    pub compiled_at: Option<Timestamp>,
    /// Why they could not be; those before stay in force.
    pub problem: Option<String>,
}

/// An order to the task that keeps lists.
#[derive(Debug)]
pub(super) enum Order {
    /// People want other lists.
    Want(Vec<Subscription>),
    /// Look at this list now, or at all of them.
    Refresh(Option<String>),
    /// Do this with the copy that is held back.
    Decide(String, Choice, oneshot::Sender<bool>),
}

/// The near ends that the task holds.
pub(super) struct Desk {
    pub orders: mpsc::UnboundedReceiver<Order>,
    pub all: watch::Sender<Arc<AllLists>>,
    pub progress: watch::Sender<Progress>,
    pub asked: Arc<AtomicUsize>,
}

/// The handle for lists; cheap to clone.
#[derive(Clone, Debug)]
pub struct Subscriptions {
    orders: mpsc::UnboundedSender<Order>,
    all: watch::Receiver<Arc<AllLists>>,
    progress: watch::Receiver<Progress>,
    /// Orders to look at lists that are not carried out yet.
    asked: Arc<AtomicUsize>,
}

impl Subscriptions {
    pub(super) fn new() -> (Self, Desk) {
        let (orders, incoming) = mpsc::unbounded_channel();
        let (all, all_seen) = watch::channel(Arc::default());
        let (progress, progress_seen) = watch::channel(Progress::default());
        let asked = Arc::new(AtomicUsize::new(0));
        let handle = Self {
            orders,
            all: all_seen,
            progress: progress_seen,
            asked: Arc::clone(&asked),
        };
        let desk = Desk {
            orders: incoming,
            all,
            progress,
            asked,
        };
        (handle, desk)
    }

    /// How all lists stand.
    pub fn all(&self) -> Arc<AllLists> {
        self.all.borrow().clone()
    }

    /// How one list stands.
    pub fn status(&self, id: &str) -> Option<ListStatus> {
        let all = self.all();
        all.lists
            .iter()
            .find(|status| status.list.id == id)
            .cloned()
    }

    /// How far the work is.
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Whether anything is being done, or was ordered and is not done yet.
    pub fn is_busy(&self) -> bool {
        self.asked.load(Ordering::Acquire) > 0 || self.progress.borrow().step.is_some()
    }

    /// How all lists stand, as it changes.
    pub fn watch(&self) -> watch::Receiver<Arc<AllLists>> {
        self.all.clone()
    }

    /// How far the work is, as it changes.
    pub fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Puts other lists in the place of those before.
    pub fn want(&self, lists: Vec<Subscription>) {
        self.order(Order::Want(lists));
    }

    /// Has a list looked at now, or all of them.
    pub fn refresh(&self, id: Option<&str>) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.order(Order::Refresh(id.map(str::to_owned)));
    }

    /// Takes the copy of a list that is held back; `false` when there is none.
    pub async fn confirm(&self, id: &str) -> bool {
        self.decide(id, Choice::Confirm).await
    }

    /// Forgets the copy of a list that is held back; `false` when there is none.
    pub async fn discard(&self, id: &str) -> bool {
        self.decide(id, Choice::Discard).await
    }

    async fn decide(&self, id: &str, choice: Choice) -> bool {
        let (done, wait) = oneshot::channel();
        self.order(Order::Decide(id.to_owned(), choice, done));
        wait.await.unwrap_or(false)
    }

    fn order(&self, order: Order) {
        // The task is gone only when the server stops.
        let _ = self.orders.send(order);
    }
}
