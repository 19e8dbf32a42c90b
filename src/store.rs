//! What is kept on disk: one database file in the data folder, one small type a table; and what
//! several nodes share in a database of their own ([`hub`]).
//!
//! A [`Store`] is a handle that may be closed: a folder that cannot be written, a full disk or a
//! damaged file are states to live with, and [`Store::connect`] may be called again. A damaged
//! file is moved aside, never deleted. All reads and writes go through a [`Transaction`].

mod age;
mod block;
mod change;
mod connect;
mod credential;
mod day;
mod device;
mod entry;
mod erasure;
mod error;
mod forgotten;
mod group;
mod hub;
mod item;
mod list;
mod met;
mod name;
mod outbox;
mod password;
mod pause;
mod record;
mod rescue;
mod rule;
mod session;
mod token;
mod transaction;
mod upstream;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::SqlitePool;

pub use age::{Clock, Retention};
pub use block::{BlockHead, BlockTable, StoredBlock};
pub use change::{Author, ChangeRow, ChangeTable, Way};
use credential::Credentials;
pub use day::{DayParts, DayTable, StoredDay};
pub use device::{DeviceRow, DeviceTable};
pub use entry::EntryTable;
pub use erasure::{ErasureRow, ErasureTable};
pub use error::{Cause, StoreError};
pub use forgotten::{ForgottenRow, ForgottenTable};
pub use group::{DeviceWishRow, DeviceWishTable, GroupRow, GroupTable};
pub use hub::{Arrived, Away, Erasing, Hub, Listener, News, NodeRow, Stale, Waiting};
pub use item::{Item, Kind};
pub use list::{ListRow, ListTable};
pub use name::NameTable;
pub use outbox::{OutboxTable, Progress};
pub use password::{PasswordRow, PasswordSource, PasswordTable};
pub use pause::{PauseRow, PauseTable};
pub use record::{RecordRow, RecordTable};
pub use rule::{RuleRow, RuleTable};
pub use session::{SessionRow, SessionTable};
pub use token::{TokenRow, TokenTable};
use transaction::Table;
pub use transaction::Transaction;
pub use upstream::UpstreamTable;

const FILE: &str = "squelch.db";

/// Of which node something is, in a file: the one that has it. What several share is not in it.
const NODE: i64 = 0;

/// The database of a data folder; a cheap handle.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    file: PathBuf,
    pools: RwLock<Option<Pools>>,
    opening: tokio::sync::Mutex<()>,
    /// Held by who writes. The database's own lock lets nobody in who has to come back for it while
    /// others take it again and again.
    writing: Arc<tokio::sync::Mutex<()>>,
    generation: AtomicU64,
    hub: Option<Hub>,
    meeting: met::Meeting,
}

/// One connection writes, one writes what must not be lost, few others read beside them (WAL).
#[derive(Clone, Debug)]
struct Pools {
    write: SqlitePool,
    through: SqlitePool,
    read: SqlitePool,
}

impl Pools {
    async fn close(&self) {
        self.read.close().await;
        self.through.close().await;
        self.write.close().await;
    }
}

impl Store {
    /// The store of a data folder, not yet opened: nothing on disk is touched.
    pub fn at(data_dir: &Path) -> Self {
        Self::with(data_dir, None)
    }

    /// The same of a node that shares what it keeps with others, in the database of this URL.
    pub fn of_node(data_dir: &Path, url: &str) -> Result<Self, String> {
        let hub = Hub::new(url, data_dir)?;
        Ok(Self::with(data_dir, Some(hub)))
    }

    fn with(data_dir: &Path, hub: Option<Hub>) -> Self {
        Self {
            shared: Arc::new(Shared {
                folder: data_dir.to_owned(),
                file: data_dir.join(FILE),
                pools: RwLock::new(None),
                opening: tokio::sync::Mutex::new(()),
                writing: Arc::default(),
                generation: AtomicU64::new(0),
                hub,
                meeting: met::Meeting::default(),
            }),
        }
    }

    /// Opens the store of a data folder; makes the folder, the file and the tables where needed.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let store = Self::at(data_dir);
        store.connect().await?;
        Ok(store)
    }

    /// The database's file.
    pub fn file(&self) -> &Path {
        &self.shared.file
    }

    /// The database that several nodes share, if this is one of them.
    pub fn hub(&self) -> Option<&Hub> {
        self.shared.hub.as_ref()
    }

    /// Changes when a file is moved aside and a new one begun: what was saved is not in it.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Whether the store is open.
    pub fn is_open(&self) -> bool {
        self.pools().is_some()
    }

    /// Opens the store if it is not open, and brings its tables up to date.
    ///
    /// A file that is no database, or a damaged one, is moved aside with a warning, and a new one
    /// is begun, with what people set as far as it can be read.
    pub async fn connect(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.shared.opening.lock().await;
        if self.is_open() {
            return Ok(());
        }
        let mut brought = Credentials::default();
        if let Some(hub) = self.hub() {
            let may_stay = hub.join().await?;
            if !may_stay && self.shared.file.exists() {
                brought = self.credentials_of_alone().await;
                self.set_alone_aside()?;
            }
        }
        let pools = match connect::open(&self.shared.folder, &self.shared.file).await {
            Err(error) if error.cause() == Cause::Damaged => self.replace(&error).await?,
            other => other?,
        };
        self.set_pools(Some(pools));
        if !brought.0.is_empty() {
            let mut writing = self.write_through().await?;
            writing.grant(&brought).await?;
            writing.commit().await?;
        }
        Ok(())
    }

    /// What lets people in on a node that was alone: where the others have no password yet, it stays.
    async fn credentials_of_alone(&self) -> Credentials {
        let read = async {
            let pools = connect::open(&self.shared.folder, &self.shared.file).await?;
            let mut reading = self.begin_on(&pools.read, "BEGIN").await?;
            let all = reading.credentials().await;
            drop(reading);
            pools.close().await;
            all
        };
        read.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the password of this node is not known any more");
            Credentials::default()
        })
    }

    /// Closes the store, moves its damaged file aside and begins a new one, with what people set as
    /// far as it can be read.
    pub async fn begin_anew(&self, reason: &StoreError) -> Result<(), StoreError> {
        // Nobody opens the file again before it is moved.
        let _one_at_a_time = self.shared.opening.lock().await;
        self.close().await;
        let pools = self.replace(reason).await?;
        self.set_pools(Some(pools));
        Ok(())
    }

    /// Puts a new file in the place of the damaged one. It is whole before that is moved: whatever
    /// fails meanwhile can be tried again.
    async fn replace(&self, reason: &StoreError) -> Result<Pools, StoreError> {
        let Shared { folder, file, .. } = &*self.shared;
        let new = connect::begin_new(file);
        let pools = connect::open(folder, &new).await?;
        let mut writing = self.begin_on(&pools.write, "BEGIN IMMEDIATE").await?;
        let is_shared = self.hub().is_some();
        match rescue::rescue(file, &mut writing.inner, is_shared).await {
            Ok(()) => writing.commit().await?,
            Err(error) => {
                drop(writing);
                tracing::warn!(%error, "what people set cannot be read any more");
            }
        }
        pools.close().await;
        self.set_aside(reason)?;
        connect::put_in_place(&new, file)?;
        connect::open(folder, file).await
    }

    /// Closes the store; handles stay, and may open it again.
    pub async fn close(&self) {
        let pools = self.set_pools(None);
        if let Some(pools) = pools {
            pools.close().await;
        }
    }

    /// Begins to read: what it sees does not change until it is dropped.
    pub async fn read(&self) -> Result<Transaction, StoreError> {
        self.begin_on(&self.opened()?.read, "BEGIN").await
    }

    /// Begins to write: nothing is kept before [`Transaction::commit`]. Writers come in turn.
    pub async fn write(&self) -> Result<Transaction, StoreError> {
        self.begin_writing(|pools| &pools.write).await
    }

    /// The same, and what is committed outlives a power cut.
    pub async fn write_through(&self) -> Result<Transaction, StoreError> {
        self.begin_writing(|pools| &pools.through).await
    }

    /// The same, for what people set: where several nodes share it, it is changed for all of them or
    /// not at all.
    pub async fn write_shared(&self) -> Result<Transaction, StoreError> {
        match self.hub() {
            Some(hub) => self.begin_shared(hub).await,
            None => self.write_through().await,
        }
    }

    async fn begin_writing(
        &self,
        pick: fn(&Pools) -> &SqlitePool,
    ) -> Result<Transaction, StoreError> {
        let turn = Arc::clone(&self.shared.writing).lock_owned().await;
        // At once: a transaction that has read does not wait for the lock when it comes to write, and
        // readers hold that for a moment while they connect.
        let met = self.met();
        let pools = self.opened()?;
        let begun = self.begin_on(pick(&pools), "BEGIN IMMEDIATE").await?;
        Ok(Transaction {
            turn: Some(turn),
            met,
            ..begun
        })
    }

    fn opened(&self) -> Result<Pools, StoreError> {
        self.pools().ok_or_else(|| StoreError::Closed {
            file: self.shared.file.clone(),
        })
    }

    async fn begin_on(
        &self,
        pool: &SqlitePool,
        statement: &'static str,
    ) -> Result<Transaction, StoreError> {
        let begun = pool.begin_with(statement).await;
        Ok(Transaction {
            inner: begun.map_err(|source| StoreError::using(&self.shared.file, source))?,
            file: self.shared.file.clone(),
            remote: None,
            turn: None,
            met: None,
        })
    }

    /// Lets the file grow to so many pages, as a full disk would; 0 lifts the limit.
    #[cfg(test)]
    pub(crate) async fn limit_pages(&self, pages: u32) {
        let pages = if pages == 0 { u32::MAX - 1 } else { pages };
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        let write = self.pools().unwrap().write;
        sqlx::raw_sql(pragma).execute(&write).await.unwrap();
    }

    /// Changes the file behind our back.
    #[cfg(test)]
    pub(crate) async fn meddle(&self, sql: &'static str) {
        let write = self.pools().unwrap().write;
        sqlx::raw_sql(sql).execute(&write).await.unwrap();
    }

    fn set_aside(&self, reason: &StoreError) -> Result<(), StoreError> {
        let aside = connect::set_aside(&self.shared.file, "broken")?;
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        tracing::warn!(
            file = %self.shared.file.display(),
            aside = %aside.display(),
            %reason,
            "the database is damaged: it was moved aside, and a new one is begun"
        );
        Ok(())
    }

    /// What a node kept while it was alone has numbers that mean other things to the others.
    fn set_alone_aside(&self) -> Result<(), StoreError> {
        let aside = connect::set_aside(&self.shared.file, "alone")?;
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        tracing::warn!(
            file = %self.shared.file.display(),
            aside = %aside.display(),
            "other nodes were there first: what this one kept while it was alone is moved aside"
        );
        Ok(())
    }

    fn pools(&self) -> Option<Pools> {
        let pools = self.shared.pools.read();
        pools.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_pools(&self, pools: Option<Pools>) -> Option<Pools> {
        let held = self.shared.pools.write();
        std::mem::replace(&mut *held.unwrap_or_else(PoisonError::into_inner), pools)
    }
}

/// A number from the database, where every number is a BIGINT; out of range it is `None`.
fn narrow<T: TryFrom<i64>>(number: i64) -> Option<T> {
    T::try_from(number).ok()
}

/// A row's number as the database keeps it; rows will not be that many.
fn wide(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
