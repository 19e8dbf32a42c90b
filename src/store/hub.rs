//! The database that several nodes share: PostgreSQL, by a URL.
//!
//! It is where nodes meet, not where they live: each has a copy of everything in its own file, so
//! that it goes on while this database is away. What people set is changed here first, under a
//! lock, and then in the copies ([`policy`]); rows of the journal come from the nodes' outboxes,
//! each once ([`parcel`]).

mod credential;
mod device;
mod erasure;
mod forgotten;
mod join;
mod listen;
mod parcel;
mod policy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction as SqlxTransaction};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{Kind, StoreError};
pub use erasure::Erasing;
use join::Member;
pub use join::NodeRow;
pub use listen::{Listener, News};
pub use parcel::{Arrived, Waiting};
pub(super) use policy::{Remote, Write};

/// The longest that anything takes there; a busy file of ours waits a little longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The channel on which nodes tell one another that something is new.
const CHANNEL: &str = "squelch";

/// The number of the lock under which what people set is changed.
const LOCK: i64 = 0x0053_7175_656c_6368;

/// The database that several nodes share; a cheap handle.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: PgConnectOptions,
    /// Made when it is first needed: it belongs to the runtime.
    pool: OnceLock<PgPool>,
    /// As it may be shown: without a password.
    place: String,
    /// Where it is kept who we are.
    member_file: PathBuf,
    member: RwLock<Option<Member>>,
    /// Held by whoever brings what people set from here to the file, or back.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// What came from other nodes and is not in force yet.
    stale: Mutex<Stale>,
    /// Whether something in our file is for the others.
    has_news: AtomicBool,
    away: Mutex<Option<Away>>,
    /// The nodes when they were last read.
    nodes: Mutex<Vec<NodeRow>>,
    wake: Notify,
    /// Transactions that begin.
    beginning: TaskTracker,
}

/// What came from other nodes and is not in force yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// The kinds of what people set.
    pub kinds: BTreeSet<Kind>,
    /// What lets people in.
    pub credentials: bool,
}

/// That the database is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// Since when, in milliseconds since 1970-01-01 UTC.
    pub since_ms: i64,
    /// Why, and what to do about it.
    pub problem: String,
}

type Result<T> = std::result::Result<T, StoreError>;

impl Hub {
    /// The database of a URL, not yet connected; the data folder is where it is kept who we are.
    pub(super) fn new(url: &str, data_dir: &Path) -> std::result::Result<Self, String> {
        let options = PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
        let place = place(&options);
        let options = options.application_name("squelch").options([
            ("statement_timeout", "4s"),
            ("lock_timeout", "3s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ]);
        let member_file = data_dir.join("node.json");
        Ok(Self(Arc::new(Inner {
            options,
            pool: OnceLock::new(),
            place,
            member: RwLock::new(Member::read(&member_file)),
            member_file,
            turn: Arc::default(),
            stale: Mutex::default(),
            has_news: AtomicBool::new(false),
            away: Mutex::default(),
            nodes: Mutex::default(),
            wake: Notify::new(),
            beginning: TaskTracker::new(),
        })))
    }

    fn pool(&self) -> &PgPool {
        self.0.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(4)
                .acquire_timeout(PATIENCE)
                .connect_lazy_with(self.0.options.clone())
        })
    }

    /// Which database it is, without a password.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// Since when it is away, and why; `None` while it is there.
    pub fn away(&self) -> Option<Away> {
        let away = self.0.away.lock();
        away.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers whether it is there.
    pub fn note(&self, error: Option<&StoreError>, now_ms: i64) {
        let mut away = self.0.away.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, &mut *away) {
            (None, away) => {
                if away.take().is_some() {
                    tracing::info!(database = %self.0.place, "the shared database is there again");
                }
            }
            (Some(error), Some(away)) => away.problem = error.to_string(),
            (Some(error), away) => {
                tracing::warn!(%error, "queries are answered all the same; what people set cannot be changed meanwhile");
                *away = Some(Away {
                    since_ms: now_ms,
                    problem: error.to_string(),
                });
            }
        }
    }

    /// Waits until there is something to send or to put in force.
    pub async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// There is something to send, or to put in force.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// What came from other nodes since the last call and is not in force.
    pub fn take_stale(&self) -> Stale {
        let mut stale = self.0.stale.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *stale)
    }

    fn is_stale(&self) -> bool {
        let stale = self.0.stale.lock().unwrap_or_else(PoisonError::into_inner);
        *stale != Stale::default()
    }

    fn add_stale(&self, more: Stale) {
        if more != Stale::default() {
            self.leave_stale(more);
            self.wake();
        }
    }

    /// What could not be put in force now: it is among what the next call takes.
    pub fn leave_stale(&self, left: Stale) {
        let mut stale = self.0.stale.lock().unwrap_or_else(PoisonError::into_inner);
        stale.kinds.extend(left.kinds);
        stale.credentials |= left.credentials;
    }

    /// Has the others told soon of who signed in or out here.
    pub fn share_soon(&self) {
        self.0.has_news.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether somebody signed in or out here since the last call.
    pub fn take_news(&self) -> bool {
        self.0.has_news.swap(false, Ordering::AcqRel)
    }

    /// Whether it is there, asked with as little as possible.
    pub async fn ping(&self) -> Result<()> {
        let ask = sqlx::query("SELECT 1").execute(self.pool());
        self.within(ask).await.map(|_| ())
    }

    async fn begin(&self) -> Result<SqlxTransaction<'static, Postgres>> {
        let pool = self.pool().clone();
        // Cut off half-way, it would leave a connection in a transaction that nobody knows of.
        let begun = self.0.beginning.spawn(async move { pool.begin().await });
        let begun = async { begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)) };
        self.within(begun).await
    }

    async fn commit(&self, transaction: SqlxTransaction<'static, Postgres>) -> Result<()> {
        self.within(transaction.commit()).await
    }

    /// Does something there, unless that takes too long: a database that does not answer is away.
    async fn within<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, sqlx::Error>>,
    ) -> Result<T> {
        match timeout(PATIENCE, work).await {
            Ok(done) => done.map_err(|error| self.failed(&error)),
            Err(_) => Err(self.failed(&sqlx::Error::PoolTimedOut)),
        }
    }

    fn failed(&self, error: &sqlx::Error) -> StoreError {
        self.wrong(&problem(error))
    }

    fn wrong(&self, problem: &str) -> StoreError {
        StoreError::Shared {
            place: self.0.place.clone(),
            problem: problem.to_owned(),
        }
    }
}

/// `squelch@db.example:5432/squelch`
fn place(options: &PgConnectOptions) -> String {
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let database = options.get_database().unwrap_or_default();
    format!("{}@{host}/{database}", options.get_username())
}

/// What went wrong there, and what to do about it; the codes are those of its manual, appendix A.
fn problem(error: &sqlx::Error) -> String {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let said = match error {
        sqlx::Error::Io(error) => format!("it cannot be reached: {error}"),
        sqlx::Error::PoolTimedOut => "it does not answer".to_owned(),
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    let advice = match code.as_deref() {
        Some("28P01" | "28000") => "; see to the user and the password in `journal.store`",
        Some("3D000") => "; make it with `createdb`, or correct `journal.store`",
        Some("42501") => "; make the user the owner of the database",
        Some("55P03") => "; another node was changing something for too long",
        _ => "",
    };
    format!("{said}{advice}")
}
