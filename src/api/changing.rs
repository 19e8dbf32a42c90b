//! Changes of what people set, one at a time: who has one in hand, [`Changing`], is the only one
//! from the first look at what is set until the change is in force, on all nodes.
//!
//! What is set is looked up in memory. It is only ever put there from the store, all of a kind at
//! once ([`Api::enforce`]), and before a change begins it is as the store has it; so a change is
//! written, kept, and then read like one of another node.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use tokio::sync::MutexGuard;

use super::Api;
use super::problem::{Problem, unkept};
use crate::store::{Author, ChangeRow, Hub, Item, Kind, Stale, StoreError, Transaction};

/// The kinds of which something is kept that is not in force yet.
pub(super) type Due = BTreeSet<Kind>;

/// A change in hand; dropped without [`Self::commit`], it never happened. Until then nothing else
/// may be asked of the store.
pub(super) struct Changing<'a> {
    api: &'a Api,
    author: Author,
    store: Transaction,
    changed: Due,
    due: MutexGuard<'a, Due>,
}

impl Deref for Changing<'_> {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.store
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut Transaction {
        &mut self.store
    }
}

impl Changing<'_> {
    /// Adds a thing, or puts it in the place of what is kept of it.
    pub async fn put(&mut self, item: &Item) -> Result<(), Problem> {
        self.changed.insert(item.kind());
        let put = self.store.put(&self.author, item).await;
        put.map_err(|error| unkept(&error))
    }

    /// Takes a thing out.
    pub async fn take_out(&mut self, kind: Kind, key: &str) -> Result<(), Problem> {
        self.changed.insert(kind);
        let taken = self.store.take_out(&self.author, kind, key).await;
        taken.map_err(|error| unkept(&error))
    }

    /// Takes a thing out that ended by itself.
    pub async fn let_end(&mut self, kind: Kind, key: &str) -> Result<(), Problem> {
        self.changed.insert(kind);
        let ended = self.store.let_end(kind, key).await;
        ended.map_err(|error| unkept(&error))
    }

    /// Puts back what was before a change.
    pub async fn undo(&mut self, change: &ChangeRow) -> Result<(), Problem> {
        self.changed.insert(change.kind);
        let undone = self.store.undo(&self.author, change).await;
        undone.map_err(|error| unkept(&error))
    }

    /// Keeps what was changed, and puts it in force.
    pub async fn commit(self) -> Result<(), Problem> {
        let Self {
            api,
            store,
            changed,
            mut due,
            ..
        } = self;
        // Before it is kept: whoever asked may go away in between, and this with them.
        due.extend(changed);
        store.commit().await.map_err(|error| unkept(&error))?;
        let put = api.enforce_due(&mut due).await;
        put.map_err(|error| unkept(&error))
    }
}

impl Api {
    /// Begins a change, once all before it are in force.
    pub(super) async fn change(&self, author: Author) -> Result<Changing<'_>, Problem> {
        self.begin(author).await.map_err(|error| unkept(&error))
    }

    async fn begin(&self, author: Author) -> Result<Changing<'_>, StoreError> {
        let mut due = self.due.lock().await;
        self.recall_first().await?;
        loop {
            self.enforce_due(&mut due).await?;
            let store = self.store.write_shared().await?;
            if !store.brings_news() {
                return Ok(Changing {
                    api: self,
                    author,
                    store,
                    changed: Due::new(),
                    due,
                });
            }
            // Other nodes changed something: it comes first.
            store.commit().await?;
        }
    }

    /// Puts in force what other nodes changed, as far as it is kept here.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut due = self.due.lock().await;
        self.enforce_due(&mut due).await
    }

    /// Puts the pauses of earlier runs in force.
    pub async fn recall_pauses(&self) -> Result<(), StoreError> {
        let _nothing_changes = self.due.lock().await;
        self.enforce_pauses().await
    }

    async fn recall_first(&self) -> Result<(), StoreError> {
        self.lists.recall_first(&self.config().lists).await?;
        self.records.recall().await?;
        self.household.recall_first().await
    }

    async fn enforce_due(&self, due: &mut Due) -> Result<(), StoreError> {
        let stale = self.store.hub().map(Hub::take_stale);
        let Stale { kinds, credentials } = stale.unwrap_or_default();
        due.extend(kinds);
        if credentials && let Err(error) = self.access.recall().await {
            tracing::warn!(%error, "who was let in on another node is not known here");
            let left = Stale {
                credentials,
                ..Stale::default()
            };
            self.store.hub().inspect(|hub| hub.leave_stale(left));
        }
        while let Some(kind) = due.first().copied() {
            self.enforce(kind).await?;
            due.remove(&kind);
        }
        Ok(())
    }

    /// Puts in force what is kept of a kind of things.
    async fn enforce(&self, kind: Kind) -> Result<(), StoreError> {
        match kind {
            Kind::List => {
                self.lists.recall_lists(&self.config().lists).await?;
                // One may have another name, and groups name it; and lists name groups.
                self.household.recall().await?;
                self.lists.put_lists();
                Ok(())
            }
            Kind::Rule => {
                self.lists.recall_rules().await?;
                self.lists.put_rules();
                Ok(())
            }
            Kind::Record => self.records.recall_again().await,
            Kind::Device => self.household.recall().await,
            Kind::Group => {
                self.household.recall().await?;
                // It may have another name, and be paused.
                self.enforce_pauses().await
            }
            Kind::Pause => self.enforce_pauses().await,
            Kind::Forgotten => self.enforce_forgotten().await,
        }
    }

    async fn enforce_pauses(&self) -> Result<(), StoreError> {
        let pauses = super::pause::recall(&self.store, &self.household).await?;
        self.policy.set_pauses(pauses);
        Ok(())
    }
}
