//! What people set, and what lets them in, here and in the copy of each node.
//!
//! A change takes the lock here, brings the copy up to date, and changes both: this database is
//! committed first, and a copy that could not be is brought up to date later. Changes of other
//! nodes come the same way, by comparison: what was missed while the connection was lost needs
//! nothing of its own.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, Row as _, Transaction as SqlxTransaction};
use tokio::sync::OwnedMutexGuard;

use super::listen::News;
use super::{CHANNEL, Hub, LOCK, Result, Stale};
use crate::store::change::MOST_KEPT;
use crate::store::credential::{Credential, CredentialKey, Credentials};
use crate::store::{Author, ChangeRow, Item, Kind, Store, Transaction};

/// The far side of a transaction that changes what people set.
pub(in crate::store) struct Remote {
    hub: Hub,
    store: SqlxTransaction<'static, Postgres>,
    /// The number of the next change.
    next: i64,
    writes: Vec<Write>,
    /// What other nodes had changed.
    stale: Stale,
    /// Nobody else brings anything to the file or back meanwhile.
    _turn: OwnedMutexGuard<()>,
}

/// Something that is to be done there before the commit.
#[derive(Debug)]
pub(in crate::store) enum Write {
    Put(Item),
    Remove(Kind, String),
    Change(Box<ChangeRow>),
    Grant(Credential),
    Revoke(CredentialKey),
    RevokeSessions,
}

/// What people set, as it is there, and the changes that the copy does not have.
struct Known {
    items: BTreeMap<(Kind, String), Item>,
    changes: Vec<ChangeRow>,
    /// The number of the newest change.
    last: i64,
    credentials: Credentials,
}

impl Store {
    /// Brings our copy of what people set up to date.
    pub async fn pull(&self) -> Result<()> {
        let Some(hub) = self.hub() else {
            return Ok(());
        };
        let remote = self.begin_shared(hub).await?;
        remote.commit().await
    }

    /// A transaction that changes what people set, here and there.
    pub(in crate::store) async fn begin_shared(&self, hub: &Hub) -> Result<Transaction> {
        let (mut remote, known) = hub.open(self).await?;
        let mut local = self.write_through().await?;
        let (writes, is_new) = local.share_credentials(&known.credentials).await?;
        remote.stale = Stale {
            kinds: local.adopt(known).await?,
            credentials: is_new,
        };
        remote.writes = writes;
        local.remote = Some(Box::new(remote));
        Ok(local)
    }
}

impl Hub {
    /// Takes the lock, and reads all that people set.
    async fn open(&self, copy: &Store) -> Result<(Remote, Known)> {
        let turn = tokio::time::timeout(super::PATIENCE, self.0.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| self.wrong("another change takes too long"))?;
        // First, as it may have to wait: the other nodes wait for whoever has the lock.
        let mut ours = copy.read().await?;
        let mut store = self.begin().await?;
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        self.within(lock.execute(&mut *store)).await?;
        if !self.is_founded(&mut store).await? {
            self.found(&mut store, &mut ours).await?;
        }
        let last = ours.changes().last().await?;
        drop(ours);
        let known = self.known(&mut store, last).await?;
        let remote = Remote {
            hub: self.clone(),
            store,
            next: known.last + 1,
            writes: Vec::new(),
            stale: Stale::default(),
            _turn: turn,
        };
        Ok((remote, known))
    }

    /// Brings what people set while this node was alone, if it was the first.
    async fn found(&self, store: &mut PgConnection, ours: &mut Transaction) -> Result<()> {
        let found = sqlx::query("UPDATE home SET founded = TRUE").execute(&mut *store);
        self.within(found).await?;
        if self.number() != Some(0) {
            return Ok(());
        }
        for kind in Kind::ALL {
            for item in ours.items(kind).await? {
                self.write(store, &Write::Put(item)).await?;
            }
        }
        let most = u32::try_from(MOST_KEPT).unwrap_or(u32::MAX);
        for change in ours.changes().before(i64::MAX, most).await? {
            self.write(store, &Write::Change(Box::new(change))).await?;
        }
        Ok(())
    }

    async fn known(&self, store: &mut PgConnection, after: i64) -> Result<Known> {
        let items = sqlx::query("SELECT kind, key, value FROM item").fetch_all(&mut *store);
        let items = self.within(items).await?;
        let items: std::result::Result<Vec<_>, sqlx::Error> = items.iter().map(read_item).collect();
        let items = items.map_err(|error| self.failed(&error))?;
        let changes = sqlx::query("SELECT * FROM change WHERE id > $1 ORDER BY id")
            .bind(after)
            .fetch_all(&mut *store);
        let changes = self.within(changes).await?;
        let changes: std::result::Result<Vec<_>, _> = changes.iter().map(read_change).collect();
        let changes = changes.map_err(|error| self.failed(&error))?;
        let last = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM change");
        let last = self.within(last.fetch_one(&mut *store)).await?;
        let credentials = self.credentials(store).await?;
        let keyed = |item: Item| ((item.kind(), item.key()), item);
        Ok(Known {
            items: items.into_iter().flatten().map(keyed).collect(),
            changes: changes.into_iter().flatten().collect(),
            last,
            credentials,
        })
    }

    async fn write(&self, store: &mut PgConnection, write: &Write) -> Result<()> {
        let query = match write {
            Write::Put(item) => sqlx::query(
                "INSERT INTO item (kind, key, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            )
            .bind(item.kind().as_str())
            .bind(item.key())
            .bind(item.to_text()),
            Write::Remove(kind, key) => {
                sqlx::query("DELETE FROM item WHERE kind = $1 AND key = $2")
                    .bind(kind.as_str())
                    .bind(key)
            }
            Write::Change(change) => {
                let text = |item: &Option<Item>| item.as_ref().map(Item::to_text);
                sqlx::query(
                    "INSERT INTO change \
                     (id, node, at_ms, who, kind, item, before, after, undoes) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                )
                .bind(change.id)
                .bind(self.number().map_or(-1, i64::from))
                .bind(change.at_ms)
                .bind(change.author.to_text())
                .bind(change.kind.as_str())
                .bind(&change.item)
                .bind(text(&change.before))
                .bind(text(&change.after))
                .bind(change.undoes)
            }
            Write::Grant(one) => return self.grant(store, one).await,
            Write::Revoke(key) => return self.revoke(store, key).await,
            Write::RevokeSessions => return self.revoke_sessions(store).await,
        };
        self.within(query.execute(&mut *store)).await?;
        match write {
            Write::Put(Item::Forgotten(row)) => self.forget(store, row).await,
            _ => Ok(()),
        }
    }
}

impl Remote {
    /// The number of the next change, the same here and there.
    pub(in crate::store) fn draw(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// Whether other nodes had changed something that is not in force here yet: it comes with this, or
    /// came while this waited for its turn.
    pub(in crate::store) fn is_news(&self) -> bool {
        self.stale != Stale::default() || self.hub.is_stale()
    }

    pub(in crate::store) fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    pub(in crate::store) fn put(&mut self, item: Item) {
        self.writes.push(Write::Put(item));
    }

    pub(in crate::store) fn remove(&mut self, kind: Kind, key: &str) {
        self.writes.push(Write::Remove(kind, key.to_owned()));
    }

    pub(in crate::store) fn change(&mut self, change: ChangeRow) {
        self.writes.push(Write::Change(Box::new(change)));
    }

    /// Keeps it there, and tells the others; then `here` keeps it in our copy.
    pub(in crate::store) async fn commit(
        self: Box<Self>,
        here: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let Self {
            hub,
            mut store,
            next,
            writes,
            stale,
            _turn,
        } = *self;
        for write in &writes {
            hub.write(&mut store, write).await?;
        }
        if !writes.is_empty() {
            let old = sqlx::query("DELETE FROM change WHERE id < $1").bind(next - MOST_KEPT);
            hub.within(old.execute(&mut *store)).await?;
            let tell = sqlx::query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(News::Policy.as_str());
            hub.within(tell.execute(&mut *store)).await?;
        }
        // What the first node brought is kept, too.
        hub.commit(store).await?;
        here.await?;
        hub.add_stale(stale);
        Ok(())
    }
}

impl Transaction {
    /// Makes our copy what is known there; says which kinds of things changed by that.
    async fn adopt(&mut self, known: Known) -> Result<BTreeSet<Kind>> {
        let mut stale = BTreeSet::new();
        let mut ours = BTreeMap::new();
        for kind in Kind::ALL {
            let items = self.items(kind).await?;
            ours.extend(items.into_iter().map(|item| ((kind, item.key()), item)));
        }
        for ((kind, key), _) in ours
            .iter()
            .filter(|(which, _)| !known.items.contains_key(which))
        {
            self.remove(*kind, key).await?;
            stale.insert(*kind);
        }
        for (which, item) in &known.items {
            if ours.get(which) != Some(item) {
                // What a copy keeps of a thing when it is changed, its age, is that of the other.
                self.remove(which.0, &which.1).await?;
                self.save(item).await?;
                stale.insert(which.0);
            }
        }
        for change in &known.changes {
            self.changes().add(change).await?;
        }
        self.changes().forget_after(known.last).await?;
        Ok(stale)
    }
}

/// A thing that people set; `None` for one that this version does not know.
fn read_item(row: &PgRow) -> std::result::Result<Option<Item>, sqlx::Error> {
    let kind = Kind::from_text(row.try_get("kind")?);
    let text: &str = row.try_get("value")?;
    Ok(kind.and_then(|kind| Item::from_text(kind, text)))
}

fn read_change(row: &PgRow) -> std::result::Result<Option<ChangeRow>, sqlx::Error> {
    let Some(kind) = Kind::from_text(row.try_get("kind")?) else {
        return Ok(None);
    };
    let item = |column| -> std::result::Result<Option<Item>, sqlx::Error> {
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
        undone_by: None,
    }))
}
