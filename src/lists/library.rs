//! What people set of lists and rules, wherever they set it: the config and the dashboard come
//! together here, and what the dashboard changes is kept in the store.

mod ends;
mod naming;
mod rows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::subscription::merged;
use super::{Fetcher, OwnRule, Rulebook, Shelf, Subscription, Subscriptions, own_rule};
use crate::config::{Config, ListAction, Lists};
use crate::matcher::rule::{Asker, Rule};
use crate::query::DeviceId;
use crate::store::{Author, Item, Kind, Store, StoreError};
use naming::Called;
use rows::{from_row, from_rule_row, to_row, to_rule_row};

/// How a rule may name a device: by what people call it, else by its addresses.
pub type Naming = Box<dyn Fn(DeviceId) -> Vec<Asker> + Send + Sync>;

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
    naming: Naming,
    /// What devices go by in the rules in force.
    called: Mutex<Called>,
    wishes: Mutex<Wishes>,
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
}

impl Library {
    /// Lists and rules as the config has them; those of the dashboard come with [`Self::recall`].
    pub fn new(
        config: &Config,
        (subscriptions, fetcher): (Subscriptions, Fetcher),
        (rulebook, shelf): (Arc<Rulebook>, Shelf),
        (store, naming): (Store, Naming),
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
            naming,
            called: Mutex::default(),
            wishes: Mutex::new(wishes),
            changed: Notify::new(),
        }
    }

    /// Reads what the dashboard set in earlier runs.
    pub async fn recall(&self, lists: &Lists) -> Result<(), StoreError> {
        self.store.connect().await?;
        let mut store = self.store.read().await?;
        let stored = store.lists().all().await?;
        let rules = store.rules().all().await?;
        let stored = stored.iter().filter_map(|row| from_row(row, lists));
        let stored: Vec<Subscription> = stored.collect();
        let mut wishes = self.wishes();
        for list in &stored {
            self.note_name(&wishes.stored_lists, list);
        }
        wishes.stored_lists = stored;
        wishes.stored_rules = rules.into_iter().filter_map(from_rule_row).collect();
        Ok(())
    }

    /// Has the task keep the lists that people want now. The groups that they name should be in
    /// force before.
    pub fn put_lists(&self) {
        self.subscriptions.want(self.wanted());
    }

    /// Takes the lists and rules of another config, and puts them in force.
    pub fn declare(&self, config: &Config) {
        let mut wishes = self.wishes();
        wishes.declared_lists = Subscription::declared(&config.subscribed);
        wishes.declared_rules = declared_rules(config);
        drop(wishes);
        self.put_lists();
        self.put_rules();
    }

    /// Takes the rules of another config, and puts them in force.
    pub fn declare_rules(&self, config: &Config) {
        self.wishes().declared_rules = declared_rules(config);
        self.put_rules();
    }

    /// All lists that people want.
    pub fn wanted(&self) -> Vec<Subscription> {
        let wishes = self.wishes();
        merged(wishes.declared_lists.clone(), wishes.stored_lists.clone())
    }

    /// Keeps a list that is new, or changed; [`Self::put_lists`] puts it in force.
    pub async fn keep_list(&self, author: &Author, list: &Subscription) -> Result<(), StoreError> {
        let mut store = self.store.write_shared().await?;
        let row = to_row(list, Timestamp::now());
        store.put(author, &Item::List(row)).await?;
        store.commit().await?;
        let mut wishes = self.wishes();
        self.note_name(&wishes.stored_lists, list);
        let mut known = wishes.stored_lists.iter_mut();
        match known.find(|known| known.id == list.id) {
            Some(known) => known.clone_from(list),
            None => wishes.stored_lists.push(list.clone()),
        }
        Ok(())
    }

    /// Where a list has another name now, the rules that are compiled know it by the one before.
    fn note_name(&self, before: &[Subscription], list: &Subscription) {
        let known = before.iter().find(|known| known.id == list.id);
        if let Some(known) = known.filter(|known| known.name != list.name) {
            self.rulebook.rename_list(&known.name, &list.name);
        }
    }

    /// Removes a list, with its copies.
    pub async fn remove(&self, author: &Author, id: &str) -> Result<(), StoreError> {
        let mut store = self.store.write_shared().await?;
        store.take_out(author, Kind::List, id).await?;
        store.commit().await?;
        self.wishes().stored_lists.retain(|list| list.id != id);
        self.put_lists();
        if let Err(error) = self.shelf.forget(id) {
            tracing::warn!(list = id, %error, "the copies of a removed list are still there");
        }
        Ok(())
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

    /// Adds a rule, which is in force at once.
    pub async fn add_rule(&self, author: &Author, rule: SetRule) -> Result<SetRule, StoreError> {
        let mut store = self.store.write_shared().await?;
        let id = store.rules().free_id().await?;
        let rule = SetRule {
            id: Some(id),
            ..rule
        };
        let row = to_rule_row(&rule, id, Timestamp::now());
        store.put(author, &Item::Rule(row)).await?;
        store.commit().await?;
        let mut wishes = self.wishes();
        // Another node's change may have had all of them read just now.
        wishes.stored_rules.retain(|known| known.id != rule.id);
        wishes.stored_rules.insert(0, rule.clone());
        drop(wishes);
        self.put_rules();
        Ok(rule)
    }

    /// Changes a rule, which is in force at once.
    pub async fn change_rule(&self, author: &Author, rule: &SetRule) -> Result<(), StoreError> {
        let Some(id) = rule.id else { return Ok(()) };
        let mut store = self.store.write_shared().await?;
        let row = to_rule_row(rule, id, Timestamp::now());
        store.put(author, &Item::Rule(row)).await?;
        store.commit().await?;
        for known in &mut self.wishes().stored_rules {
            if known.id == rule.id {
                known.clone_from(rule);
            }
        }
        self.put_rules();
        Ok(())
    }

    /// Removes a rule, which is out of force at once.
    pub async fn remove_rule(&self, author: &Author, rule: &SetRule) -> Result<(), StoreError> {
        let Some(id) = rule.id else { return Ok(()) };
        let mut store = self.store.write_shared().await?;
        store.take_out(author, Kind::Rule, &id.to_string()).await?;
        store.commit().await?;
        self.wishes()
            .stored_rules
            .retain(|known| known.id != rule.id);
        self.put_rules();
        Ok(())
    }

    /// Puts people's own rules in force, with devices as they are called now.
    pub fn put_rules(&self) {
        self.put_rules_of(Timestamp::now());
        self.changed.notify_one();
    }

    /// Puts those in force that count at a moment.
    fn put_rules_of(&self, now: Timestamp) {
        let rules = self.rules();
        let counts = |rule: &&SetRule| rule.until.is_none_or(|until| until > now);
        let understood = rules
            .iter()
            .filter(counts)
            .filter_map(|rule| self.understand(rule));
        let understood = understood.collect();
        self.note_called(&rules);
        self.rulebook.set_own(understood);
    }

    fn understand(&self, rule: &SetRule) -> Option<OwnRule> {
        let mut understood: Rule = match own_rule(&rule.text, rule.action, &rule.devices) {
            Ok(understood) => understood,
            Err(reason) => {
                // An earlier version understood it, or it would not have been kept.
                tracing::warn!(rule = %rule.text, "a rule is not understood any more: {reason}");
                return None;
            }
        };
        if let Some(device) = rule.device {
            let askers = (self.naming)(device);
            if askers.is_empty() {
                return None;
            }
            understood.limits.devices.only.extend(askers);
        }
        Some(OwnRule {
            rule: understood,
            comment: rule.comment.clone().unwrap_or_default(),
            groups: rule.groups.clone(),
            schedule: rule.schedule,
        })
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
