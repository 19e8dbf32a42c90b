//! The table `change`: who changed what people set, when, and what it was before.
//!
//! What people set is written by [`Transaction::put`] and [`Transaction::take_out`] only, which
//! leave a line here in the same transaction: nothing changes without one. [`Transaction::undo`]
//! puts back what was before.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Item, Kind, NODE, StoreError, Table, Transaction};
use crate::query::DeviceId;

/// So many changes are kept; older ones are forgotten.
pub(super) const MOST_KEPT: i64 = 5000;

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// By which way.
    pub way: Way,
    /// The name of the session or the token, where there is one.
    pub session: Option<String>,
}

/// The way by which something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A page of ours.
    Dashboard,
    /// A script or another program.
    Api,
    /// Our own command.
    Command,
    /// Nobody: its time was over.
    Time,
}

/// What is kept of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its number; later changes have higher ones.
    pub id: i64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Who made it.
    pub author: Author,
    /// What kind of thing was changed.
    pub kind: Kind,
    /// Which of them.
    pub item: String,
    /// It as it was before; `None` = it was not there.
    pub before: Option<Item>,
    /// It as it was afterwards; `None` = it was gone.
    pub after: Option<Item>,
    /// The change that this one took back.
    pub undoes: Option<i64>,
    /// The change that took this one back.
    pub undone_by: Option<i64>,
}

/// The changes.
pub struct ChangeTable<'a>(pub(super) Table<'a>);

impl Author {
    /// Nobody: a time that was set is over.
    pub const TIME: Self = Self {
        way: Way::Time,
        session: None,
    };

    pub(super) fn to_text(&self) -> String {
        match &self.session {
            Some(session) => format!("{}:{session}", self.way.as_str()),
            None => self.way.as_str().to_owned(),
        }
    }

    pub(super) fn from_text(text: &str) -> Self {
        let (way, session) = match text.split_once(':') {
            Some((way, session)) => (way, Some(session.to_owned())),
            None => (text, None),
        };
        let all = [Way::Dashboard, Way::Command, Way::Time];
        let found = all.into_iter().find(|one| one.as_str() == way);
        Self {
            way: found.unwrap_or(Way::Api),
            session,
        }
    }
}

impl Way {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Api => "api",
            Self::Command => "command",
            Self::Time => "time",
        }
    }
}

impl Transaction {
    /// Adds something that people set, or puts it in the place of what is kept of it.
    pub async fn put(&mut self, author: &Author, item: &Item) -> Result<(), StoreError> {
        let which = (item.kind(), item.key());
        self.exchange(author, (&which.0, &which.1), (Some(item), None))
            .await
    }

    /// Takes something out that people set.
    pub async fn take_out(
        &mut self,
        author: &Author,
        kind: Kind,
        key: &str,
    ) -> Result<(), StoreError> {
        self.exchange(author, (&kind, key), (None, None)).await
    }

    /// Puts back what was before a change. The caller has seen that it is still as that left it.
    pub async fn undo(&mut self, author: &Author, change: &ChangeRow) -> Result<(), StoreError> {
        let which = (&change.kind, change.item.as_str());
        let what = (change.before.as_ref(), Some(change.id));
        self.exchange(author, which, what).await
    }

    /// Something that people set, as it is kept now.
    pub async fn item(&mut self, kind: Kind, key: &str) -> Result<Option<Item>, StoreError> {
        let all = self.items(kind).await?;
        Ok(all.into_iter().find(|item| item.key() == key))
    }

    /// All that people set of a kind, as it is kept now.
    pub async fn items(&mut self, kind: Kind) -> Result<Vec<Item>, StoreError> {
        Ok(match kind {
            Kind::List => items(self.lists().all().await?, Item::List),
            Kind::Rule => items(self.rules().all().await?, Item::Rule),
            Kind::Record => items(self.records().all().await?, Item::Record),
            Kind::Group => items(self.groups().all().await?, Item::Group),
            Kind::Device => items(self.device_wishes().all().await?, Item::Device),
            Kind::Pause => items(self.pauses().all().await?, Item::Pause),
            Kind::Forgotten => items(self.forgotten().all().await?, Item::Forgotten),
        })
    }

    /// Takes something out that ended by itself: that is no change.
    pub async fn let_end(&mut self, kind: Kind, key: &str) -> Result<(), StoreError> {
        self.remove(kind, key).await?;
        if let Some(remote) = &mut self.remote {
            remote.remove(kind, key);
        }
        Ok(())
    }

    async fn exchange(
        &mut self,
        author: &Author,
        (kind, key): (&Kind, &str),
        (item, undoes): (Option<&Item>, Option<i64>),
    ) -> Result<(), StoreError> {
        let before = self.item(*kind, key).await?;
        match item {
            Some(item) => self.save(item).await?,
            None => self.remove(*kind, key).await?,
        }
        let after = self.item(*kind, key).await?;
        if before == after && undoes.is_none() {
            return Ok(());
        }
        let mut change = ChangeRow {
            id: 0,
            at_ms: jiff::Timestamp::now().as_millisecond(),
            author: author.clone(),
            kind: *kind,
            item: key.to_owned(),
            before,
            after,
            undoes,
            undone_by: None,
        };
        if let Some(remote) = &mut self.remote {
            change.id = remote.draw();
            match &change.after {
                Some(item) => remote.put(item.clone()),
                None => remote.remove(*kind, key),
            }
            remote.change(change.clone());
        }
        self.changes().add(&change).await
    }

    pub(super) async fn save(&mut self, item: &Item) -> Result<(), StoreError> {
        match item {
            Item::List(row) => self.lists().save(row).await,
            Item::Rule(row) => self.rules().save(row).await,
            Item::Record(row) => self.records().save(row).await,
            Item::Group(row) => self.groups().save(row).await,
            Item::Device(row) => self.device_wishes().save(row).await,
            Item::Pause(row) => self.pauses().save(row).await,
            Item::Forgotten(row) => self.forgotten().save(row).await,
        }
    }

    pub(super) async fn remove(&mut self, kind: Kind, key: &str) -> Result<(), StoreError> {
        let number = key.parse::<i64>().unwrap_or(-1);
        let device = || DeviceId(key.parse().unwrap_or_default());
        match kind {
            Kind::List => self.lists().remove(key).await,
            Kind::Rule => self.rules().remove(number).await,
            Kind::Record => self.records().remove(number).await,
            Kind::Group => self.groups().remove(key).await,
            Kind::Device => self.device_wishes().remove(device()).await,
            Kind::Pause => self.pauses().remove(key).await,
            Kind::Forgotten => self.forgotten().remove(device()).await,
        }
    }
}

fn items<T>(rows: Vec<T>, item: impl Fn(T) -> Item) -> Vec<Item> {
    rows.into_iter().map(item).collect()
}

impl ChangeTable<'_> {
    /// Adds a change; one without a number gets the next.
    pub(super) async fn add(&mut self, change: &ChangeRow) -> Result<(), StoreError> {
        let text = |item: &Option<Item>| item.as_ref().map(Item::to_text);
        let done = sqlx::query(
            "INSERT INTO change (node, at_ms, who, kind, item, before, after, undoes, id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(NODE)
        .bind(change.at_ms)
        .bind(change.author.to_text())
        .bind(change.kind.as_str())
        .bind(&change.item)
        .bind(text(&change.before))
        .bind(text(&change.after))
        .bind(change.undoes)
        .bind((change.id != 0).then_some(change.id))
        .execute(self.0.connection())
        .await;
        let id = self.0.checked(done)?.last_insert_rowid();
        let done = sqlx::query("DELETE FROM change WHERE node = $1 AND id <= $2")
            .bind(NODE)
            .bind(id - MOST_KEPT)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// The newest changes before this one, the newest first; those of a kind that this version does
    /// not know are passed over.
    pub async fn before(&mut self, id: i64, most: u32) -> Result<Vec<ChangeRow>, StoreError> {
        let kinds = Kind::ALL.map(|kind| format!("'{}'", kind.as_str()));
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT *, (SELECT MAX(later.id) FROM change AS later WHERE later.undoes = change.id) \
             AS undone_by FROM change WHERE node = $1 AND id < $2 AND kind IN ({}) \
             ORDER BY id DESC LIMIT $3",
            kinds.join(", ")
        )))
        .bind(NODE)
        .bind(id)
        .bind(i64::from(most))
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let changes = rows.iter().map(read).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(changes)?.into_iter().flatten().collect())
    }

    /// The keys of all things of a kind that changes speak of.
    pub async fn spoken_of(&mut self, kind: Kind) -> Result<Vec<String>, StoreError> {
        let keys =
            sqlx::query_scalar("SELECT DISTINCT item FROM change WHERE node = $1 AND kind = $2")
                .bind(NODE)
                .bind(kind.as_str())
                .fetch_all(self.0.connection())
                .await;
        self.0.checked(keys)
    }

    /// The number of the newest change; 0 = there is none.
    pub(super) async fn last(&mut self) -> Result<i64, StoreError> {
        let last = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM change WHERE node = $1")
            .bind(NODE)
            .fetch_one(self.0.connection())
            .await;
        self.0.checked(last)
    }

    /// Forgets the changes after this one: the others do not know of them.
    pub(super) async fn forget_after(&mut self, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM change WHERE node = $1 AND id > $2")
            .bind(NODE)
            .bind(id)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// One change, if it is still kept.
    pub async fn find(&mut self, id: i64) -> Result<Option<ChangeRow>, StoreError> {
        let newest = self.before(id.saturating_add(1), 1).await?;
        Ok(newest.into_iter().find(|change| change.id == id))
    }
}

fn read(row: &SqliteRow) -> Result<Option<ChangeRow>, sqlx::Error> {
    let Some(kind) = Kind::from_text(row.try_get("kind")?) else {
        return Ok(None);
    };
    let item = |column| -> Result<Option<Item>, sqlx::Error> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.and_then(|text| Item::from_text(kind, text)))
    };
    Ok(Some(ChangeRow {
        id: row.try_get("id")?,
        at_ms: row.try_get("at_ms")?,
        author: Author::from_text(row.try_get("who")?),
        kind,
        item: row.try_get("item")?,
        before: item("before")?,
        after: item("after")?,
        undoes: row.try_get("undoes")?,
        undone_by: row.try_get("undone_by")?,
    }))
}
