//! What people set of lists and rules, wherever they set it: the config and the dashboard come
//! together here, and what the dashboard changes is kept in the store.

mod ends;
mod rows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::subscription::merged;
use super::{Fetcher, OwnRule, Rulebook, Shelf, Subscription, Subscriptions, own_rule};
use crate::config::{Config, ListAction, Lists};
use crate::matcher::rule::{Asker, Rule};
use crate::query::DeviceId;
use crate::store::{Store, StoreError};
use rows::{from_row, from_rule_row};

/// What people set of lists and rules.
pub struct Library {
    /// How lists stand, and orders to the task that keeps them.
    pub subscriptions: Subscriptions,
    /// All rules in force.
    pub rulebook: Arc<Rulebook>,
    /// The copies of lists.
    pub shelf: Shelf,
    /// Fetches lists that somebody only thinks of.
    pub fetcher: Fetcher,
    store: Store,
    wishes: Mutex<Wishes>,
    /// Whether those of earlier runs are known; held while they are read.
    recalled: tokio::sync::Mutex<bool>,
    /// Held while rules are put in force.
    putting: Mutex<()>,
    /// Told when rules change.
    changed: Notify,
}

/// A rule of people's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRule {
    /// Its number in the store; `None` for one of the config.
    pub id: Option<i64>,
    /// Which of the config's rules it is, from 0; of no meaning for others.
    pub number: usize,
    /// Adblock syntax, or a regex between slashes.
    pub text: String,
    /// What it does with the names that it covers.
    pub action: ListAction,
    /// Why it is there.
    pub comment: Option<String>,
    /// The device that it counts for; `None` = all.
    pub device: Option<DeviceId>,
    /// The names of devices that the config names.
    pub devices: Vec<String>,
    /// The names of the groups that it counts for; none = all.
    pub groups: Vec<String>,
    /// The place of the only schedule of its group in which it counts.
    pub schedule: Option<usize>,
    /// Whether it is one of a group of the dashboard, and is changed with that.
    pub is_of_group: bool,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

#[derive(Default)]
struct Wishes {
    declared_lists: Vec<Subscription>,
    stored_lists: Vec<Subscription>,
    declared_rules: Vec<SetRule>,
    stored_rules: Vec<SetRule>,
}

impl Wishes {
    fn wanted(&self) -> Vec<Subscription> {
        merged(self.declared_lists.clone(), self.stored_lists.clone())
    }
}

impl SetRule {
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

    /// It as it is compiled; `None`, with a warning, where it is not understood.
    fn understand(&self) -> Option<OwnRule> {
        let mut understood: Rule = match own_rule(&self.text, self.action, &self.devices) {
            Ok(understood) => understood,
            Err(reason) => {
                // An earlier version understood it, or it would not have been kept.
                tracing::warn!(rule = %self.text, "a rule is not understood any more: {reason}");
                return None;
            }
        };
        if let Some(device) = self.device {
            understood.limits.devices.only.push(Asker::Device(device));
        }
        Some(OwnRule {
            rule: understood,
            comment: self.comment.clone().unwrap_or_default(),
            groups: self.groups.clone(),
            schedule: self.schedule,
        })
    }
}

impl Library {
    /// Lists and rules as the config has them; those of the dashboard come with [`Self::recall`].
    pub fn new(
        config: &Config,
        (subscriptions, fetcher): (Subscriptions, Fetcher),
        (rulebook, shelf): (Arc<Rulebook>, Shelf),
        store: Store,
    ) -> Self {
        let wishes = Wishes {
            declared_lists: Subscription::declared(&config.subscribed),
            declared_rules: declared_rules(config),
            ..Wishes::default()
        };
        Self {
            subscriptions,
            rulebook,
            shelf,
            fetcher,
            store,
            wishes: Mutex::new(wishes),
            recalled: tokio::sync::Mutex::default(),
            putting: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Reads what the dashboard set in earlier runs.
    pub async fn recall(&self, lists: &Lists) -> Result<(), StoreError> {
        let mut recalled = self.recalled.lock().await;
        self.read_lists(lists).await?;
        self.read_rules().await?;
        *recalled = true;
        Ok(())
    }

    /// The same, unless that was done already.
    pub async fn recall_first(&self, lists: &Lists) -> Result<(), StoreError> {
        if *self.recalled.lock().await {
            return Ok(());
        }
        self.recall(lists).await
    }

    /// Reads the lists of the dashboard; [`Self::put_lists`] puts them in force. The copies of those
    /// that were removed are removed, too.
    pub async fn recall_lists(&self, lists: &Lists) -> Result<(), StoreError> {
        let _one_at_a_time = self.recalled.lock().await;
        let before = self.wishes().stored_lists.clone();
        self.read_lists(lists).await?;
        let now = self.wishes().stored_lists.clone();
        let is_gone = |list: &&Subscription| now.iter().all(|one| one.id != list.id);
        for list in before.iter().filter(is_gone) {
            self.forget(&list.id);
        }
        Ok(())
    }

    /// Reads the rules of the dashboard; [`Self::put_rules`] puts them in force.
    pub async fn recall_rules(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.recalled.lock().await;
        self.read_rules().await
    }

    async fn read_lists(&self, lists: &Lists) -> Result<(), StoreError> {
        self.store.connect().await?;
        let stored = self.store.read().await?.lists().all().await?;
        let stored = stored.iter().filter_map(|row| from_row(row, lists));
        let stored: Vec<Subscription> = stored.collect();
        let mut wishes = self.wishes();
        for list in &stored {
            self.note_name(&wishes.stored_lists, list);
        }
        wishes.stored_lists = stored;
        Ok(())
    }

    async fn read_rules(&self) -> Result<(), StoreError> {
        self.store.connect().await?;
        let rules = self.store.read().await?.rules().all().await?;
        self.wishes().stored_rules = rules.into_iter().filter_map(from_rule_row).collect();
        Ok(())
    }

    /// Takes the lists of another config, and puts them in force.
    pub fn declare_lists(&self, config: &Config) {
        self.wishes().declared_lists = Subscription::declared(&config.subscribed);
        self.put_lists();
    }

    /// Takes the rules of another config, and puts them in force.
    pub fn declare_rules(&self, config: &Config) {
        self.wishes().declared_rules = declared_rules(config);
        self.put_rules();
    }

    /// All lists that people want.
    pub fn wanted(&self) -> Vec<Subscription> {
        self.wishes().wanted()
    }

    /// Has the task keep the lists that people want now. The groups that they name should be in force
    /// before.
    pub fn put_lists(&self) {
        // Held meanwhile: else what was wanted first might be told last.
        let wishes = self.wishes();
        self.subscriptions.want(wishes.wanted());
    }

    /// Where a list has another name now, the rules that are compiled know it by the one before.
    fn note_name(&self, before: &[Subscription], list: &Subscription) {
        let known = before.iter().find(|known| known.id == list.id);
        if let Some(known) = known.filter(|known| known.name != list.name) {
            self.rulebook.rename_list(&known.name, &list.name);
        }
    }

    fn forget(&self, id: &str) {
        if let Err(error) = self.shelf.forget(id) {
            tracing::warn!(list = id, %error, "the copies of a removed list are still there");
        }
    }

    /// All rules: those of the dashboard, the newest first, then those of the config.
    pub fn rules(&self) -> Vec<SetRule> {
        let wishes = self.wishes();
        let declared = wishes.declared_rules.iter();
        wishes
            .stored_rules
            .iter()
            .chain(declared)
            .cloned()
            .collect()
    }

    /// Puts people's own rules in force.
    pub fn put_rules(&self) {
        self.put_rules_of(Timestamp::now());
        self.changed.notify_one();
    }

    /// Puts those in force that count at a moment.
    fn put_rules_of(&self, now: Timestamp) {
        // Else those that were looked up first might be in force last.
        let _one_at_a_time = self.putting.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.rules();
        let counts = |rule: &&SetRule| rule.until.is_none_or(|until| until > now);
        let understood = rules.iter().filter(counts).filter_map(SetRule::understand);
        let understood = understood.collect();
        self.rulebook.set_own(understood);
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn declared_rules(config: &Config) -> Vec<SetRule> {
    let rules = config.rules.iter().map(|rule| SetRule {
        id: None,
        number: rule.number,
        text: rule.text.clone(),
        action: rule.action,
        comment: rule.comment.clone(),
        device: None,
        devices: rule.devices.clone().unwrap_or_default(),
        groups: rule.groups.clone(),
        schedule: rule.schedule,
        is_of_group: !rule.is_of_file(),
        until: None,
    });
    rules.collect()
}
