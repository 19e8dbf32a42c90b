//! The groups and devices that people set, wherever they set them: the config and the dashboard
//! come together here, and what the dashboard changes is kept in the store.
//!
//! Start at [`Household::plan`]: the config that is in force.

mod member;
mod reference;
mod said;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

pub use member::{MemberError, device};
pub use said::is_said;

use crate::config::{Config, DEFAULT_GROUP, DeviceWish, GroupWish, MAX_GROUPS, WishProblem, slug};
use crate::device::{DeviceKey, Kept};
use crate::query::DeviceId;
use crate::store::{DeviceWishRow, GroupRow, Item, Store, StoreError};
use reference::KnownLists;

/// Puts groups and devices in force.
pub type Enforce = Box<dyn Fn(&Plan) + Send + Sync>;

/// The groups and devices that people set.
pub struct Household {
    store: Store,
    enforce: Enforce,
    wishes: Mutex<Wishes>,
    /// Whether those of earlier runs are known; held while they are read.
    recalled: tokio::sync::Mutex<bool>,
    /// Held while they are put in force.
    putting: Mutex<()>,
}

/// What is in force.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The config, with the groups and devices of the dashboard.
    pub config: Arc<Config>,
    /// Which devices keep their numbers under other names.
    pub kept: Kept,
}

/// A group as people set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetGroup {
    /// Its id.
    pub id: String,
    /// What they call it.
    pub name: String,
    /// Whether it stands in the config file.
    pub is_declared: bool,
}

struct Wishes {
    declared: Arc<Config>,
    groups: Vec<GroupRow>,
    devices: Vec<DeviceWishRow>,
    lists: KnownLists,
    /// What devices were before something was set of them that is not any more.
    released: HashMap<DeviceId, DeviceKey>,
    plan: Plan,
}

impl Household {
    /// Groups and devices as the config has them; those of the dashboard come with
    /// [`Self::recall`].
    pub fn new(config: Arc<Config>, store: Store, enforce: Enforce) -> Self {
        let plan = Plan {
            config: Arc::clone(&config),
            kept: Kept::default(),
        };
        let wishes = Wishes {
            declared: config,
            groups: Vec::new(),
            devices: Vec::new(),
            lists: KnownLists::default(),
            released: HashMap::new(),
            plan,
        };
        Self {
            store,
            enforce,
            wishes: Mutex::new(wishes),
            recalled: tokio::sync::Mutex::new(false),
            putting: Mutex::default(),
        }
    }

    /// What is in force.
    pub fn plan(&self) -> Plan {
        self.wishes().plan.clone()
    }

    /// Takes another config, and puts it in force with what the dashboard set.
    pub fn declare(&self, config: Arc<Config>) {
        self.wishes().declared = config;
        self.put();
    }

    /// Reads what the dashboard set in earlier runs, unless that was done already.
    pub async fn recall_first(&self) -> Result<(), StoreError> {
        let mut recalled = self.recalled.lock().await;
        self.recall_once(&mut recalled).await
    }

    /// Reads what the dashboard set, and puts it in force.
    pub async fn recall(&self) -> Result<(), StoreError> {
        let mut recalled = self.recalled.lock().await;
        *recalled = false;
        self.recall_once(&mut recalled).await
    }

    async fn recall_once(&self, recalled: &mut bool) -> Result<(), StoreError> {
        if *recalled {
            return Ok(());
        }
        self.store.connect().await?;
        let mut store = self.store.read().await?;
        let groups = store.groups().all().await?;
        let devices = store.device_wishes().all().await?;
        let lists = KnownLists::of(store.lists().all().await?);
        let is_other = {
            let mut wishes = self.wishes();
            let is_other = wishes.groups != groups || wishes.devices != devices;
            let is_other = is_other || wishes.lists != lists;
            wishes.take(groups, devices);
            wishes.lists = lists;
            is_other
        };
        if is_other {
            self.put();
        }
        *recalled = true;
        Ok(())
    }

    /// The groups: the default one, those of the config, then those of the dashboard.
    pub fn groups(&self) -> Vec<SetGroup> {
        let wishes = self.wishes();
        let all = wishes.plan.config.groups.iter();
        all.map(|group| SetGroup {
            id: wishes.group_id(&group.name),
            name: group.name.clone(),
            is_declared: group.is_declared,
        })
        .collect()
    }

    /// What the dashboard set of a group.
    pub fn wish(&self, id: &str) -> Option<GroupWish> {
        let wishes = self.wishes();
        let row = wishes.groups.iter().find(|row| row.id == id)?;
        Some(wishes.wish_of(row))
    }

    /// What a group of before said, in the words of today.
    pub fn said(&self, row: &GroupRow) -> GroupWish {
        self.wishes().wish_of(row)
    }

    /// What is wrong with a group that may name these lists.
    pub fn problems(&self, wish: &GroupWish, lists: &[String]) -> Vec<WishProblem> {
        let mut config = Config::clone(&self.wishes().declared);
        config.add_group(wish, Some(lists))
    }

    /// Whether a group has this id, or a device or a list is in a group of this id that is gone: a
    /// new one of that id would take them over.
    pub fn speaks_of(&self, id: &str) -> bool {
        let wishes = self.wishes();
        let mut groups = wishes.plan.config.groups.iter();
        let mut devices = wishes.devices.iter().filter_map(member::read);
        let mut lists = wishes.lists.with_groups();
        groups.any(|group| wishes.group_id(&group.name) == id)
            || devices.any(|wish| wish.group.as_deref() == Some(id))
            || lists.any(|(_, groups)| groups.iter().any(|group| group == id))
    }

    /// Whether there is room for one more group.
    pub fn has_room(&self) -> bool {
        self.wishes().plan.config.groups.len() < MAX_GROUPS
    }

    /// What is to be kept of a group.
    pub fn group(&self, id: &str, wish: &GroupWish) -> Item {
        let says = self.wishes().lists.refer(wish.says.clone());
        Item::Group(GroupRow {
            id: id.to_owned(),
            name: wish.name.clone(),
            wish: Value::Object(says).to_string(),
            added_ms: jiff::Timestamp::now().as_millisecond(),
        })
    }

    /// Puts all in force.
    fn put(&self) {
        // Else what was planned first might be in force last.
        let _one_at_a_time = self.putting.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = {
            let mut wishes = self.wishes();
            wishes.plan = wishes.planned();
            wishes.plan.clone()
        };
        (self.enforce)(&plan);
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wishes {
    /// What the config and the dashboard come to. Where both say something, the config does.
    fn planned(&self) -> Plan {
        let mut config = Config::clone(&self.declared);
        for row in &self.groups {
            if row.name != DEFAULT_GROUP && self.declared.group_number(&row.name).is_some() {
                tracing::warn!(group = %row.name, "the config has a group of this name, too, and comes first");
                continue;
            }
            if row.name == DEFAULT_GROUP && self.declared.declares_group(DEFAULT_GROUP) {
                continue;
            }
            for problem in config.add_group(&self.wish_of(row), None) {
                let WishProblem { pointer, detail } = problem;
                tracing::warn!(group = %row.name, "{pointer} is left out: {detail}");
            }
        }
        for (list, ids) in self.lists.with_groups() {
            // A group that is gone leaves the list to the others that it names, or to nobody.
            let names = ids.iter().filter_map(|id| self.group_name(id));
            config.set_list_groups(list, names.collect());
        }
        let mut kept = Kept {
            before: self.released.clone(),
            ..Kept::default()
        };
        self.place_devices(&mut config, &mut kept);
        Plan {
            config: Arc::new(config),
            kept,
        }
    }

    /// Takes what is kept now. Devices of which nothing is set any more are what they were before.
    fn take(&mut self, groups: Vec<GroupRow>, devices: Vec<DeviceWishRow>) {
        let is_set = |id: DeviceId| devices.iter().any(|row| row.device == id);
        for row in self.devices.iter().filter(|row| !is_set(row.device)) {
            let key = member::read(row).and_then(|wish| member::key(&wish));
            self.released.extend(key.map(|key| (row.device, key)));
        }
        self.released.retain(|id, _| !is_set(*id));
        (self.groups, self.devices) = (groups, devices);
    }

    fn wish_of(&self, row: &GroupRow) -> GroupWish {
        let says: Option<Map<String, Value>> = serde_json::from_str(&row.wish).ok();
        GroupWish {
            name: row.name.clone(),
            says: self.lists.spell(says.unwrap_or_default()),
        }
    }

    /// The id of a group: that of the store, else its name in small letters, with a number where
    /// the store has another group of this id.
    fn group_id(&self, name: &str) -> String {
        let stored = self.groups.iter().find(|row| row.name == name);
        let is_free = |id: &String| self.groups.iter().all(|row| row.id != *id);
        stored.map_or_else(|| free_id(name, is_free), |row| row.id.clone())
    }

    fn group_name(&self, id: &str) -> Option<String> {
        let stored = self.groups.iter().find(|row| row.id == id);
        stored.map(|row| row.name.clone()).or_else(|| {
            let mut groups = self.declared.groups.iter();
            let found = groups.find(|group| self.group_id(&group.name) == id)?;
            Some(found.name.clone())
        })
    }

    fn device(&self, id: DeviceId) -> Option<DeviceWish> {
        let row = self.devices.iter().find(|row| row.device == id)?;
        member::read(row)
    }
}

/// The first id for a group of this name that is free.
pub fn free_id(name: &str, is_free: impl FnMut(&String) -> bool) -> String {
    let slug = slug(name);
    let more = (2..).map(|number| format!("{slug}-{number}"));
    let mut ids = std::iter::once(slug.clone()).chain(more);
    ids.find(is_free).unwrap_or(slug)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn declare_often(household: &Household, thread: u32) {
        for number in 0..50 {
            let mut config = Config::default();
            config.local.domain = format!("{number}.{thread}.example");
            household.declare(Arc::new(config));
        }
    }

    #[test]
    fn plans_come_in_force_one_at_a_time_and_the_last_one_last() {
        let store = Store::at(Path::new(""));
        let (enforced, is_busy) = (Arc::new(Mutex::default()), AtomicBool::new(false));
        let last: Arc<Mutex<Vec<Arc<Config>>>> = Arc::clone(&enforced);
        let enforce = move |plan: &Plan| {
            assert!(!is_busy.swap(true, Ordering::SeqCst), "one at a time");
            // Others have time to come between.
            thread::yield_now();
            last.lock().unwrap().push(Arc::clone(&plan.config));
            is_busy.store(false, Ordering::SeqCst);
        };
        let household = Household::new(Arc::default(), store, Box::new(enforce));
        thread::scope(|scope| {
            for thread in 0..4 {
                let household = &household;
                scope.spawn(move || declare_often(household, thread));
            }
        });
        let enforced = enforced.lock().unwrap();
        let last = enforced.last().unwrap();
        assert_eq!(last.local.domain, household.plan().config.local.domain);
    }
}
