//! Which names were asked, by how many devices, and what of it was let through.

use super::Journal;
use super::gather::Ordinary;
use super::ids::IdMap;
use super::tallies::FewIds;
use super::view::Range;
use crate::query::VerdictWord;

/// A name that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAsked {
    /// The name.
    pub name: String,
    /// Queries for it that were let through.
    pub let_through: u64,
    /// Devices that asked, whatever was done.
    pub devices: u64,
}

impl Journal {
    /// Every name that was asked in a range, in no order.
    pub async fn names(&self, range: Range) -> Vec<NameAsked> {
        let gathered = self.gather(range, None, Ordinary::Askers).await;
        let mut names = IdMap::<u32, (u64, FewIds)>::default();
        for (name, sum) in gathered.asked() {
            names.entry(name).or_default().0 += u64::from(sum.count);
        }
        for (device, asked) in &gathered.askers {
            for name in asked.iter() {
                names.entry(name).or_default().1.insert(*device);
            }
        }
        for sum in gathered.covered() {
            let (let_through, askers) = names.entry(sum.key.name).or_default();
            if sum.key.verdict != VerdictWord::Block {
                *let_through += sum.count;
            }
            askers.insert(sum.key.device.0);
        }
        let state = self.shared.state();
        let in_words = |(name, (let_through, devices)): (u32, (u64, FewIds))| NameAsked {
            name: state.names.text(name).to_owned(),
            let_through,
            devices: devices.len() as u64,
        };
        names.into_iter().map(in_words).collect()
    }
}
