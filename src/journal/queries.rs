//! The rows themselves, newest first, page by page.
//!
//! A cursor is a row's number: numbers do not change when rows move from memory to disk, when blocks
//! are merged, or when other rows of a block are deleted, so pages neither repeat nor leave out a row.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Journal;
use super::block::{Block, Seen};
use super::devices::Devices;
use super::filter::{Filter, NumberFilter};
use super::line::{DAY_MS, HOUR_MS, Line, day_of};
use super::plan::Plan;
use super::row::Row;
use super::state::State;
use super::view::View;
use crate::store::{BlockHead, DayParts};

/// How long a page is searched for; a rare row may need another page.
const PATIENCE: Duration = Duration::from_millis(35);

/// How many blocks are looked up at a time: few at first, for a page that is soon full.
const BLOCKS: (u32, u32) = (16, 1024);

/// Days whose sums are looked at at a time.
const DAYS: i64 = 16;

/// Some rows, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows that passed.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` when the range is searched to its end.
    pub next: Option<u64>,
    /// Rows back to this time were searched, in milliseconds since 1970-01-01 UTC.
    pub reached_ms: i64,
    /// Whether nothing of what was searched was unreadable.
    pub complete: bool,
    /// Whether what is on disk could not be read, or not to the end: there may be more.
    pub has_failed: bool,
}

/// A search on its way back in time.
struct Search<'a> {
    filter: NumberFilter<'a>,
    /// Only rows below this number are looked at.
    below: u64,
    limit: usize,
    found: Vec<(u64, Line)>,
    reached_ms: i64,
    hints: Hints,
}

/// The hours of days in which rows may pass, a bit each: days without any are left out.
#[derive(Default)]
struct Hints {
    known: BTreeMap<i64, u32>,
    /// Days of which a part is in memory: of those nothing is known.
    in_memory: BTreeSet<i64>,
}

const ALL_HOURS: u32 = (1 << 24) - 1;

impl Journal {
    /// The newest rows that pass a filter: at most `limit`, below `cursor` if one is given.
    pub async fn queries(&self, filter: &Filter, cursor: Option<u64>, limit: usize) -> Page {
        if cursor.is_none() {
            // What follows a row was taken before it.
            self.catch_up().await;
        }
        let look = |state: &State, _: &Plan| {
            let devices = Devices::new(&self.shared.words, filter.devices.as_deref());
            let mut search = Search {
                filter: NumberFilter::new(filter, devices, state),
                below: cursor.unwrap_or(u64::MAX),
                limit: limit.max(1),
                found: Vec::new(),
                reached_ms: filter.range.until_ms,
                hints: Hints {
                    known: BTreeMap::new(),
                    in_memory: state.days.keys().copied().collect(),
                },
            };
            search.in_memory(state);
            search
        };
        let (mut view, mut search) = View::take(&self.shared, filter.range, look).await;
        view.hurry(PATIENCE);
        let is_done = search.on_disk(&mut view, filter).await;
        let state = self.shared.state();
        let rows = search.found.iter();
        Page {
            rows: rows
                .map(|(id, line)| state.row(*id, line, &self.shared.words))
                .collect(),
            next: (!is_done).then_some(search.below),
            reached_ms: if is_done {
                filter.range.since_ms
            } else {
                search.reached_ms
            },
            complete: view.extent.complete,
            has_failed: view.has_failed || !view.sees_disk,
        }
    }
}

/// The hours of a day that a block spans, a bit each.
fn hours_between(day: i64, head: &BlockHead) -> u32 {
    let hour = |at_ms: i64| u32::try_from((at_ms - day * DAY_MS).clamp(0, DAY_MS - 1) / HOUR_MS);
    let (Ok(first), Ok(last)) = (hour(head.first_ms), hour(head.last_ms)) else {
        return ALL_HOURS;
    };
    (ALL_HOURS >> first << first) & (ALL_HOURS >> (23 - last))
}

impl Search<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn in_memory(&mut self, state: &State) {
        for (id, line) in state.tail.iter().rev() {
            if id < self.below && !self.is_full() {
                self.below = id;
                self.reached_ms = self.reached_ms.min(line.at_ms);
                if self.filter.wants(&Seen::of(line)) && self.filter.wants_kind(line.kind) {
                    self.found.push((id, *line));
                }
            }
        }
    }

    /// Whether the range was searched to its end.
    async fn on_disk(&mut self, view: &mut View, filter: &Filter) -> bool {
        if self.is_full() {
            return false;
        }
        if self.filter.is_hopeless() {
            return true;
        }
        let mut most = BLOCKS.0;
        loop {
            let below = self.below.min(view.plan.below);
            let heads = view.some_heads(below, filter.range, most).await;
            if heads.is_empty() {
                return !view.has_failed;
            }
            if !self.in_blocks(view, &heads).await {
                return false;
            }
            most = (most * 4).min(BLOCKS.1);
        }
    }

    /// Whether there is time, and room, to go on.
    async fn in_blocks(&mut self, view: &mut View, heads: &[BlockHead]) -> bool {
        for (place, head) in heads.iter().enumerate() {
            // Each page comes further, however slow the disk is.
            if place > 0 && !view.has_time() {
                return false;
            }
            let blob = if self.may_hold(view, head).await {
                view.block_data(head).await
            } else {
                None
            };
            if view.has_failed {
                return false;
            }
            if let Some(blob) = blob {
                let searched = Block::open(&blob, head.rows)
                    .and_then(|block| self.in_block(view, head, &block));
                view.checked(searched, "block", head.seq.cast_signed());
            }
            if self.is_full() {
                return false;
            }
            self.below = head.seq;
            self.reached_ms = self.reached_ms.min(head.first_ms);
        }
        true
    }

    /// Whether a row of a block may pass, as far as the sums of its days tell.
    async fn may_hold(&mut self, view: &mut View, head: &BlockHead) -> bool {
        let Some(parts) = self.filter.telling_parts() else {
            return true;
        };
        for day in (day_of(head.first_ms)..=day_of(head.last_ms)).rev() {
            if !self.hints.known.contains_key(&day) {
                self.learn(view, day, parts).await;
            }
            let wanted = self.hints.known.get(&day).copied().unwrap_or(ALL_HOURS);
            if wanted & hours_between(day, head) != 0 {
                return true;
            }
        }
        false
    }

    /// Looks at the sums of a day and of some before it.
    async fn learn(&mut self, view: &mut View, last: i64, parts: DayParts) {
        let days: Vec<i64> = (last - DAYS + 1..=last).collect();
        for stored in view.days(&days, parts).await {
            let is_known = !self.hints.in_memory.contains(&stored.day);
            if is_known && !stored.hours.is_empty() {
                let hours = self.filter.hours_of(&stored, &mut view.unpacker);
                let hours = view.intact(hours, "day", stored.day);
                self.hints
                    .known
                    .insert(stored.day, hours.unwrap_or(ALL_HOURS));
            }
        }
        for day in days {
            self.hints.known.entry(day).or_insert(ALL_HOURS);
        }
    }

    fn in_block(
        &mut self,
        view: &mut View,
        head: &BlockHead,
        block: &Block<'_>,
    ) -> Result<(), super::bytes::Damaged> {
        let names = block.name_list(&mut view.unpacker)?;
        if !self.filter.wants_any(&names) {
            return Ok(());
        }
        let seen = block.seen(&mut view.unpacker)?;
        let places = block.places(&mut view.unpacker)?;
        let numbered = places.iter().map(|place| head.seq.saturating_add(*place));
        let wanted: Vec<(usize, u64)> = numbered
            .enumerate()
            .filter(|(_, number)| *number < self.below)
            .filter(|(at, _)| seen.get(*at).is_some_and(|seen| self.filter.wants(seen)))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let lines = block.lines(&seen, &mut view.unpacker)?;
        for (at, number) in wanted.into_iter().rev() {
            let Some(line) = lines
                .get(at)
                .filter(|line| self.filter.wants_kind(line.kind))
            else {
                continue;
            };
            self.below = number;
            self.reached_ms = self.reached_ms.min(line.at_ms);
            self.found.push((self.below, *line));
            if self.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }
}
