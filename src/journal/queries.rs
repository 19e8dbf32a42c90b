//! The rows themselves, newest first, page by page.
//!
//! A cursor is a row's number: numbers do not change when rows move from memory to disk, so pages
//! neither repeat nor leave out a row.

use std::time::Duration;

use super::Journal;
use super::block::{Block, Seen};
use super::devices::Devices;
use super::filter::{Filter, NumberFilter};
use super::line::Line;
use super::row::Row;
use super::state::State;
use super::view::{Plan, View};
use crate::store::BlockHead;

/// How long a page is searched for; a rare row may need another page.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How many blocks are looked up at a time.
const BLOCKS: u32 = 64;

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
}

/// A search on its way back in time.
struct Search<'a> {
    filter: NumberFilter<'a>,
    /// Only rows below this number are looked at.
    below: u64,
    limit: usize,
    found: Vec<(u64, Line)>,
    reached_ms: i64,
}

impl Journal {
    /// The newest rows that pass a filter: at most `limit`, below `cursor` if one is given.
    pub async fn queries(&self, filter: &Filter, cursor: Option<u64>, limit: usize) -> Page {
        self.catch_up().await;
        let look = |state: &State, _: &Plan| {
            let devices = Devices::new(&self.shared.words, filter.devices.as_deref());
            let mut search = Search {
                filter: NumberFilter::new(filter, devices, state),
                below: cursor.unwrap_or(u64::MAX),
                limit: limit.max(1),
                found: Vec::new(),
                reached_ms: filter.range.until_ms,
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
        }
    }
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
        loop {
            let below = self.below.min(view.plan.below);
            let heads = view.some_heads(below, filter.range, BLOCKS).await;
            if heads.is_empty() {
                return true;
            }
            if !self.in_blocks(view, &heads).await {
                return false;
            }
        }
    }

    /// Whether there is time, and room, to go on.
    async fn in_blocks(&mut self, view: &mut View, heads: &[BlockHead]) -> bool {
        for head in heads {
            if !view.has_time() {
                return false;
            }
            if let Some(blob) = view.block_data(head).await {
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
        let wanted: Vec<usize> = (0..seen.len())
            .filter(|place| head.seq + (*place as u64) < self.below)
            .filter(|place| seen.get(*place).is_some_and(|seen| self.filter.wants(seen)))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let lines = block.lines(&seen, &mut view.unpacker)?;
        for place in wanted.into_iter().rev() {
            let Some(line) = lines
                .get(place)
                .filter(|line| self.filter.wants_kind(line.kind))
            else {
                continue;
            };
            self.below = head.seq + place as u64;
            self.reached_ms = self.reached_ms.min(line.at_ms);
            self.found.push((self.below, *line));
            if self.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }
}
