//! A transaction: the tables that it gives, and what it does at its end.

use std::path::{Path, PathBuf};

use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::OwnedMutexGuard;

use super::hub::Remote;
use super::met::Met;
use super::{
    BlockTable, ChangeTable, DayTable, DeviceTable, DeviceWishTable, EntryTable, ErasureTable,
    ForgottenTable, GroupTable, ListTable, NameTable, OutboxTable, PasswordTable, PauseTable,
    RecordTable, RuleTable, SessionTable, StoreError, TokenTable, UpstreamTable,
};

/// Reads or writes that belong together; dropped without [`Self::commit`], it never happened.
pub struct Transaction {
    pub(super) inner: sqlx::Transaction<'static, Sqlite>,
    pub(super) file: PathBuf,
    /// What is to be changed for the other nodes as well.
    pub(super) remote: Option<Box<Remote>>,
    /// Nobody else writes meanwhile; who waits comes in turn.
    pub(super) turn: Option<OwnedMutexGuard<()>>,
    /// The devices that what is written may speak of.
    pub(super) met: Option<Met>,
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

    /// Devices that people had forgotten.
    pub fn forgotten(&mut self) -> ForgottenTable<'_> {
        ForgottenTable(self.table())
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

    /// Rows on their way to the other nodes.
    pub fn outbox(&mut self) -> OutboxTable<'_> {
        OutboxTable(self.table())
    }

    /// Whether other nodes changed something that is not in force here yet.
    pub fn brings_news(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.is_news())
    }

    /// Keeps what was written.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let saved = self.save_met().await?;
        let Self {
            inner,
            file,
            remote,
            turn,
            ..
        } = self;
        let here = async {
            let done = inner.commit().await;
            if let (Ok(()), Some((met, unsaved))) = (&done, &saved) {
                met.note_saved(unsaved);
            }
            drop(turn);
            done.map_err(|source| StoreError::using(&file, source))
        };
        match remote {
            Some(remote) => remote.commit(here).await,
            None => here.await,
        }
    }

    /// Gives freed pages back to the file system, at most `pages` of them; says how many are left.
    pub async fn shrink(&mut self, pages: u32) -> Result<i64, StoreError> {
        let mut table = self.table();
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA incremental_vacuum({pages})"));
        let done = sqlx::raw_sql(pragma).execute(table.connection()).await;
        table.checked(done)?;
        let left = sqlx::query_scalar("PRAGMA freelist_count")
            .fetch_one(table.connection())
            .await;
        table.checked(left)
    }

    fn table(&mut self) -> Table<'_> {
        Table {
            connection: &mut self.inner,
            file: &self.file,
        }
    }
}

/// What every table's type holds.
pub(super) struct Table<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) file: &'a Path,
}

impl Table<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection
    }

    pub(super) fn checked<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        result.map_err(|source| StoreError::using(self.file, source))
    }
}
