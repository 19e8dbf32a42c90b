//! Which devices asked for names of some kind.

use std::collections::BTreeMap;

use super::Journal;
use super::gather::Ordinary;
use super::ids::{IdMap, IdSet};
use super::view::{Extent, Range};
use crate::query::DeviceId;

impl Journal {
    /// The names that each device asked for, of those that `is_wanted` picks; it looks at each name
    /// once.
    pub async fn names_by_device(
        &self,
        range: Range,
        is_wanted: impl Fn(&str) -> bool,
    ) -> (BTreeMap<DeviceId, Vec<String>>, Extent) {
        let mut gathered = self.gather(range, None, Ordinary::Askers).await;
        let mut askers = std::mem::take(&mut gathered.askers);
        for sum in gathered.covered() {
            let names = askers.entry(sum.key.device.0).or_default();
            names.insert(sum.key.name);
        }
        let state = self.shared.state();
        let mut looked_at = IdMap::<u32, bool>::default();
        let mut wanted_of = |names: &IdSet| {
            let wanted = names.iter().filter(|name| {
                let looked_at = looked_at.entry(*name);
                *looked_at.or_insert_with(|| is_wanted(state.names.text(*name)))
            });
            let texts = wanted.map(|name| state.names.text(name).to_owned());
            texts.collect::<Vec<_>>()
        };
        let named = askers.iter().filter_map(|(device, names)| {
            let names = wanted_of(names);
            (!names.is_empty()).then_some((DeviceId(*device), names))
        });
        (named.collect(), gathered.extent)
    }
}
