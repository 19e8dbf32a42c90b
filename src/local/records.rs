//! What people set of records, wherever they set it: the config and the dashboard come together
//! here, and what the dashboard changes is kept in the store and in force at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::book::{Book, read};
use super::record::{Record, RecordError};
use super::table::below;
use crate::config;
use crate::query::{Name, RecordType};
use crate::store::{Item, RecordRow, Store, StoreError};

/// More than any home has, and few enough to make the table anew at every change.
const MOST: usize = 1000;
/// Together they still fit into one answer.
const MOST_OF_A_SET: usize = 32;

/// What people set of records.
pub struct Records {
    book: Arc<Book>,
    store: Store,
    wishes: Mutex<Wishes>,
    /// Whether those of earlier runs are known; held while they are read.
    recalled: tokio::sync::Mutex<bool>,
}

#[derive(Default)]
struct Wishes {
    declared: Vec<SetRecord>,
    /// The newest first.
    stored: Vec<SetRecord>,
}

/// A record as people set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRecord {
    /// Its number in the store; `None` for one of the config.
    pub id: Option<i64>,
    /// Which of the config's records it is, from 0; of no meaning for others.
    pub number: usize,
    /// The name, or `*.` and the name that all others stand below.
    pub name: String,
    /// Its type.
    pub kind: RecordType,
    /// What the name has.
    pub value: String,
    /// How long devices may keep it, in seconds.
    pub ttl: u32,
}

impl SetRecord {
    /// Whether it stands in the config file.
    pub fn is_declared(&self) -> bool {
        self.id.is_none()
    }

    /// Its id in the API.
    pub fn id_text(&self) -> String {
        match self.id {
            Some(id) => id.to_string(),
            None => format!("c{}", self.number),
        }
    }

    /// What is to be kept of it.
    pub fn to_item(&self) -> Item {
        Item::Record(RecordRow {
            id: self.id.unwrap_or_default(),
            name: self.name.clone(),
            kind: self.kind.to_string(),
            value: self.value.clone(),
            ttl_s: self.ttl,
            added_ms: Timestamp::now().as_millisecond(),
        })
    }

    fn understand(&self) -> Result<Record, RecordError> {
        let kind = self.kind.to_string();
        Record::parse(&self.name, Some(&kind), &self.value, self.ttl)
    }
}

impl Records {
    /// Records as the config has them; those of the dashboard come with [`Self::recall`].
    pub fn new(records: &[config::Record], book: Arc<Book>, store: Store) -> Self {
        let wishes = Wishes {
            declared: declared(records),
            stored: Vec::new(),
        };
        Self {
            book,
            store,
            wishes: Mutex::new(wishes),
            recalled: tokio::sync::Mutex::new(false),
        }
    }

    /// Reads what was added in earlier runs, and puts it in force.
    pub async fn recall(&self) -> Result<(), StoreError> {
        let mut recalled = self.recalled.lock().await;
        self.recall_once(&mut recalled).await
    }

    /// Reads what was added, and puts it in force: something was put back.
    pub async fn recall_again(&self) -> Result<(), StoreError> {
        let mut recalled = self.recalled.lock().await;
        *recalled = false;
        self.recall_once(&mut recalled).await
    }

    async fn recall_once(&self, recalled: &mut bool) -> Result<(), StoreError> {
        if *recalled {
            return Ok(());
        }
        self.store.connect().await?;
        let rows = self.store.read().await?.records().all().await?;
        self.put(rows.into_iter().filter_map(from_row).collect());
        *recalled = true;
        Ok(())
    }

    /// Takes the records of another config, and puts them in force.
    pub fn declare(&self, records: &[config::Record]) {
        self.wishes().declared = declared(records);
        self.book.declare(records);
    }

    /// All records: those of the dashboard, the newest first, then those of the config.
    pub fn all(&self) -> Vec<SetRecord> {
        let wishes = self.wishes();
        let all = wishes.stored.iter().chain(&wishes.declared);
        all.cloned().collect()
    }

    /// Whether devices get it: one of the config may have its way instead.
    pub fn is_in_force(&self, record: &SetRecord) -> bool {
        let understood = record.understand();
        understood.is_ok_and(|record| self.book.table().gives(&record))
    }

    /// Whether one more is kept.
    pub fn has_room(&self) -> bool {
        self.wishes().stored.len() < MOST
    }

    /// Whether `record` can stand beside those that there are, of which it replaces the one with
    /// its own number; else why not.
    pub fn check(&self, record: &Record, id: Option<i64>) -> Result<(), String> {
        let wishes = self.wishes();
        let owner = self.owner(record);
        let beside = |all: &[SetRecord]| -> Vec<Record> {
            let others = all.iter().filter(|one| id.is_none() || one.id != id);
            let others = others.filter_map(|one| one.understand().ok());
            others.filter(|one| self.owner(one) == owner).collect()
        };
        let is_alias = |record: &Record| record.kind == RecordType::CNAME;
        let clashes = |one: &Record| is_alias(one) != is_alias(record) || is_alias(one);
        let declared = beside(&wishes.declared);
        if declared
            .iter()
            .any(|one| clashes(one) || one.kind == record.kind)
        {
            return Err("the config file says what this name has, and comes first".to_owned());
        }
        let stored = beside(&wishes.stored);
        let same = stored.iter().filter(|one| one.kind == record.kind);
        if same.clone().any(|one| one.data == record.data) {
            return Err("there is such a record already".to_owned());
        }
        // RFC 1034 §3.6.2.
        if stored.iter().any(clashes) {
            return Err("an alias (CNAME) has no other records beside it".to_owned());
        }
        if same.count() >= MOST_OF_A_SET {
            return Err(format!(
                "there are {MOST_OF_A_SET} records of this name and type, and no more are kept"
            ));
        }
        Ok(())
    }

    /// A name without a dot is the same as that below the home's domain.
    fn owner(&self, record: &Record) -> (Name, bool) {
        let full = below(self.book.domain(), &record.name);
        (full.unwrap_or(record.name), record.is_wildcard)
    }

    fn put(&self, stored: Vec<SetRecord>) {
        let mut wishes = self.wishes();
        wishes.stored = stored;
        // Who came first has its way.
        let oldest_first = wishes.stored.iter().rev();
        let understood = oldest_first.filter_map(|record| record.understand().ok());
        self.book.keep(understood.collect());
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn declared(records: &[config::Record]) -> Vec<SetRecord> {
    let understood = records.iter().filter_map(|record| {
        let Record { kind, ttl, .. } = read(record).ok()?;
        Some(SetRecord {
            id: None,
            number: record.number,
            name: record.name.clone(),
            kind,
            value: record.value.clone(),
            ttl,
        })
    });
    understood.collect()
}

/// A row; `None`, with a warning, for one that this version does not understand.
fn from_row(row: RecordRow) -> Option<SetRecord> {
    let record = SetRecord {
        id: Some(row.id),
        number: 0,
        kind: row.kind.parse().ok()?,
        name: row.name,
        value: row.value,
        ttl: row.ttl_s,
    };
    if let Err(error) = record.understand() {
        tracing::warn!(id = row.id, "a record is not understood any more: {error}");
    }
    Some(record)
}
