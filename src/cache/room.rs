//! How much memory the held answers take, everything counted.
//!
//! The table's slots are reserved at the start, so that they never grow by doubling; what an answer
//! takes beside its slot is counted as the allocator gives it. That is why the bounds are true.

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::held::Held;
use super::key::Under;
use crate::config;

/// The table of the held answers.
pub(super) type Table = Cache<Under, Held, Room>;

/// A slot of the table with its part of the index, and of the slots that remember what was pushed
/// out; a test compares it with what the table reports.
pub(super) const SLOT: u64 = 64;
/// Slots that remember what was pushed out, for each that holds an answer.
const REMEMBERED: f64 = 0.25;
/// No answer takes less. Where the bytes are few for the answers, the slots are fewer.
const LEAST: u64 = 160;

/// What an answer counts: its bytes, but at least its part of all of them. So neither bound, that
/// of the bytes and that of the answers, is ever passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    least: u64,
}

impl Room {
    /// An empty table within the bounds of the config; `None` where nothing is to be held.
    pub fn table(config: &config::Cache) -> Option<Table> {
        let entries = (config.entries as u64).min(config.max_size / LEAST);
        if entries == 0 {
            return None;
        }
        let room = Self {
            least: config.max_size.div_ceil(entries),
        };
        let entries = usize::try_from(entries).ok()?;
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .ghost_allocation(REMEMBERED)
            .weight_capacity(config.max_size)
            .build()
            .ok()?;
        let table = Cache::with_options(
            options,
            room,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        table.reserve(entries);
        Some(table)
    }
}

impl Weighter<Under, Held> for Room {
    fn weight(&self, _: &Under, held: &Held) -> u64 {
        size(held).max(self.least)
    }
}

/// The bytes that an answer takes.
pub(super) fn size(held: &Held) -> u64 {
    SLOT + allocated(held.size())
}

/// What the usual allocators take for so many bytes: a header, and whole pairs of words.
fn allocated(bytes: usize) -> u64 {
    (bytes as u64 + 8).next_multiple_of(16).max(32)
}
