//! What is kept on disk: one database file in the data folder, one small type a table.
//!
//! A [`Store`] is a handle that may be closed: a folder that cannot be written, a full disk or a
//! damaged file are states to live with, and [`Store::connect`] may be called again. A damaged
//! file is moved aside, never deleted. All reads and writes go through a [`Transaction`].

mod block;
mod change;
mod connect;
mod day;
mod device;
mod entry;
mod erasure;
mod error;
mod group;
mod list;
mod name;
mod password;
mod pause;
mod record;
mod rule;
mod session;
mod token;
mod upstream;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::{Sqlite, SqliteConnection, SqlitePool};

pub use block::{BlockHead, BlockTable, StoredBlock};
pub use change::{Author, ChangeRow, ChangeTable, Item, Kind, Way};
pub use day::{DayParts, DayTable, StoredDay};
pub use device::{DeviceRow, DeviceTable};
pub use entry::EntryTable;
pub use erasure::ErasureTable;
pub use error::{Cause, StoreError};
pub use group::{DeviceWishRow, DeviceWishTable, GroupRow, GroupTable};
pub use list::{ListRow, ListTable};
pub use name::NameTable;
pub use password::{PasswordSource, PasswordTable};
pub use pause::{PauseRow, PauseTable};
pub use record::{RecordRow, RecordTable};
pub use rule::{RuleRow, RuleTable};
pub use session::{SessionRow, SessionTable};
pub use token::{TokenRow, TokenTable};
pub use upstream::UpstreamTable;

const FILE: &str = "squelch.db";

/// Tells the machines apart that may once share a database; there is one so far.
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
    generation: AtomicU64,
}

/// One connection writes, one writes what must not be lost, few others read beside them (WAL).
#[derive(Clone, Debug)]
struct Pools {
    write: SqlitePool,
    through: SqlitePool,
    read: SqlitePool,
}

impl Store {
    /// The store of a data folder, not yet opened: nothing on disk is touched.
    pub fn at(data_dir: &Path) -> Self {
        Self {
            shared: Arc::new(Shared {
                folder: data_dir.to_owned(),
                file: data_dir.join(FILE),
                pools: RwLock::new(None),
                opening: tokio::sync::Mutex::new(()),
                generation: AtomicU64::new(0),
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
    /// is begun.
    pub async fn connect(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.shared.opening.lock().await;
        if self.is_open() {
            return Ok(());
        }
        let pools = match connect::open(&self.shared.folder, &self.shared.file).await {
            Err(error) if error.cause() == Cause::Damaged => {
                self.set_aside(&error)?;
                connect::open(&self.shared.folder, &self.shared.file).await?
            }
            other => other?,
        };
        self.set_pools(Some(pools));
        Ok(())
    }

    /// Closes the store, moves its damaged file aside and begins a new one.
    pub async fn begin_anew(&self, reason: &StoreError) -> Result<(), StoreError> {
        self.close().await;
        self.set_aside(reason)?;
        self.connect().await
    }

    /// Closes the store; handles stay, and may open it again.
    pub async fn close(&self) {
        let pools = self.set_pools(None);
        if let Some(pools) = pools {
            pools.read.close().await;
            pools.through.close().await;
            pools.write.close().await;
        }
    }

    /// Begins to read: what it sees does not change until it is dropped.
    pub async fn read(&self) -> Result<Transaction, StoreError> {
        self.begin(|pools| &pools.read, "BEGIN").await
    }

    /// Begins to write: nothing is kept before [`Transaction::commit`].
    pub async fn write(&self) -> Result<Transaction, StoreError> {
        // At once: a transaction that has read does not wait for the lock when it comes to write, and
        // readers hold that for a moment while they connect.
        self.begin(|pools| &pools.write, "BEGIN IMMEDIATE").await
    }

    /// The same, and what is committed outlives a power cut: for what people set.
    pub async fn write_through(&self) -> Result<Transaction, StoreError> {
        self.begin(|pools| &pools.through, "BEGIN IMMEDIATE").await
    }

    async fn begin(
        &self,
        pick: fn(&Pools) -> &SqlitePool,
        statement: &'static str,
    ) -> Result<Transaction, StoreError> {
        let pools = self.pools().ok_or_else(|| StoreError::Closed {
            file: self.shared.file.clone(),
        })?;
        let begun = pick(&pools).begin_with(statement).await;
        Ok(Transaction {
            inner: begun.map_err(|source| StoreError::using(&self.shared.file, source))?,
            file: self.shared.file.clone(),
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
        let aside = connect::set_aside(&self.shared.file)?;
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        tracing::warn!(
            file = %self.shared.file.display(),
            aside = %aside.display(),
            %reason,
            "the database is damaged: it was moved aside, and a new one is begun"
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

/// Reads or writes that belong together; dropped without [`Self::commit`], it never happened.
pub struct Transaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    file: PathBuf,
}

impl Transaction {
    /// The names that were asked.
    pub fn names(&mut self) -> NameTable<'_> {
        NameTable(self.table())
    }

    /// The entries that decided.
    pub fn entries(&mut self) -> EntryTable<'_> {
        EntryTable(self.table())
    }

    /// The upstreams that answered.
    pub fn upstreams(&mut self) -> UpstreamTable<'_> {
        UpstreamTable(self.table())
    }

    /// The devices that asked.
    pub fn devices(&mut self) -> DeviceTable<'_> {
        DeviceTable(self.table())
    }

    /// The journal's rows, in blocks.
    pub fn blocks(&mut self) -> BlockTable<'_> {
        BlockTable(self.table())
    }

    /// The journal's sums, by day.
    pub fn days(&mut self) -> DayTable<'_> {
        DayTable(self.table())
    }

    /// Devices of which all that is recorded is being deleted.
    pub fn erasures(&mut self) -> ErasureTable<'_> {
        ErasureTable(self.table())
    }

    /// The lists that people subscribed to.
    pub fn lists(&mut self) -> ListTable<'_> {
        ListTable(self.table())
    }

    /// Groups of devices that people set.
    pub fn groups(&mut self) -> GroupTable<'_> {
        GroupTable(self.table())
    }

    /// What people set of devices.
    pub fn device_wishes(&mut self) -> DeviceWishTable<'_> {
        DeviceWishTable(self.table())
    }

    /// Who changed what people set.
    pub fn changes(&mut self) -> ChangeTable<'_> {
        ChangeTable(self.table())
    }

    /// For whom nothing is blocked.
    pub fn pauses(&mut self) -> PauseTable<'_> {
        PauseTable(self.table())
    }

    /// The rules that people set.
    pub fn rules(&mut self) -> RuleTable<'_> {
        RuleTable(self.table())
    }

    /// The records that people added.
    pub fn records(&mut self) -> RecordTable<'_> {
        RecordTable(self.table())
    }

    /// The hashes of the dashboard's password.
    pub fn passwords(&mut self) -> PasswordTable<'_> {
        PasswordTable(self.table())
    }

    /// Who is signed in.
    pub fn sessions(&mut self) -> SessionTable<'_> {
        SessionTable(self.table())
    }

    /// By which programs may use the API.
    pub fn tokens(&mut self) -> TokenTable<'_> {
        TokenTable(self.table())
    }

    /// Keeps what was written.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, file } = self;
        let done = inner.commit().await;
        done.map_err(|source| StoreError::using(&file, source))
    }

    /// Gives freed pages back to the file system, at most `pages` of them.
    pub async fn shrink(&mut self, pages: u32) -> Result<(), StoreError> {
        let mut table = self.table();
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA incremental_vacuum({pages})"));
        let done = sqlx::raw_sql(pragma).execute(table.connection()).await;
        table.checked(done).map(|_| ())
    }

    fn table(&mut self) -> Table<'_> {
        Table {
            connection: &mut self.inner,
            file: &self.file,
        }
    }
}

/// What every table's type holds.
struct Table<'a> {
    connection: &'a mut SqliteConnection,
    file: &'a Path,
}

impl Table<'_> {
    fn connection(&mut self) -> &mut SqliteConnection {
        self.connection
    }

    fn checked<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|source| StoreError::using(self.file, source))
    }
}

/// A number from the database, where every number is a BIGINT; out of range it is `None`.
fn narrow<T: TryFrom<i64>>(number: i64) -> Option<T> {
    T::try_from(number).ok()
}

#[cfg(test)]
mod tests;
