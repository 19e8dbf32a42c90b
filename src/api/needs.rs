//! Names that must work, where rules block them all the same.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use crate::packs::Packs;
use crate::policy::{Asker, Policy};
use crate::query::{DeviceId, GroupId, Name, RecordType, VerdictWord};

/// A name that must work, and that a list blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrokenName {
    /// The name.
    pub name: String,
    /// The line of the list.
    pub line: u32,
    /// What breaks.
    pub what: String,
    /// Where the entry stands: `list:ads`.
    #[serde(skip)]
    pub origin: String,
}

/// What was found under the rules in force, until there are others.
#[derive(Debug, Default)]
pub(super) struct KeptNeeds(Mutex<Option<(u32, Arc<Vec<BrokenName>>)>>);

/// The names that must work and that lists block for everybody.
pub fn broken(packs: &Packs, policy: &Policy) -> Vec<BrokenName> {
    let anybody = Asker {
        device: DeviceId(0),
        group: GroupId(0),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let needed = packs.needed();
    let broken = needed.iter().filter_map(|needed| {
        let name: Name = needed.name.parse().ok()?;
        let judged = policy.explain(anybody, &name, RecordType::A);
        let is_block = judged.verdict == VerdictWord::Block || judged.is_paused;
        let entry = judged.covering.into_iter().next().filter(|_| is_block)?;
        entry.label.origin.starts_with("list:").then(|| BrokenName {
            name: needed.name.to_string(),
            line: entry.entry,
            what: needed.breaks.to_string(),
            origin: entry.label.origin,
        })
    });
    broken.collect()
}

impl Api {
    /// The names that must work and that lists in force block.
    pub(super) fn broken(&self) -> Arc<Vec<BrokenName>> {
        let swap = self.policy.swap();
        let mut kept = self.needs.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, broken)) = &*kept
            && *known == swap
        {
            return Arc::clone(broken);
        }
        let found = Arc::new(broken(&self.packs, &self.policy));
        *kept = Some((swap, Arc::clone(&found)));
        found
    }
}

/// Those that a list breaks.
pub(super) fn of_list(broken: &[BrokenName], name: &str) -> Vec<BrokenName> {
    let is_of_list = |one: &&BrokenName| {
        one.origin
            .strip_prefix("list:")
            .is_some_and(|list| list == name)
    };
    broken.iter().filter(is_of_list).cloned().collect()
}
