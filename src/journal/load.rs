//! How what is on disk gets into memory at the start: dictionaries, the rows of blocks that are
//! still to be merged, and the sums of days that were not closed.

use super::blob::Unpacker;
use super::block::Block;
use super::bytes::Damaged;
use super::disk::Disk;
use super::line::{Line, day_of};
use super::state::State;
use crate::store::{BlockHead, StoreError, Transaction};

impl Disk {
    /// Opens the store, and reads what the writer needs of it; what was recorded meanwhile is
    /// put behind it.
    pub(super) async fn load(&mut self) -> Result<(), StoreError> {
        self.shared.store.connect().await?;
        (self.erasing, self.retaining, self.is_shrinking) = (None, None, false);
        let mut store = self.shared.store.write().await?;
        let mut fresh = State::default();
        self.load_words(&mut store, &mut fresh).await?;
        self.load_tail(&mut store, &mut fresh).await?;
        self.load_days(&mut store, &mut fresh).await?;
        if self.shared.store.hub().is_some() {
            let progress = store.outbox().progress().await?;
            let now_ms = jiff::Timestamp::now().as_millisecond();
            fresh.exchange.begin(progress, now_ms);
        }
        store.commit().await?;
        let _gate = self.shared.gate.write().await;
        let mut state = self.shared.state_mut();
        fresh.adopt(&state);
        fresh.is_loaded = true;
        *state = fresh;
        Ok(())
    }

    /// Reads the dictionaries.
    async fn load_words(
        &self,
        store: &mut Transaction,
        fresh: &mut State,
    ) -> Result<(), StoreError> {
        let State {
            names,
            entries,
            upstreams,
            ..
        } = fresh;
        let check = |table, id: u32, put: u32| {
            if put == 0 {
                self.shared.note_damage(table, i64::from(id));
            }
        };
        let mut name = |id, text: &str| check("name", id, names.put(id, text));
        store.names().each(&mut name).await?;
        names.rest(|_| false);
        for (id, label) in store.entries().all().await? {
            check("entry", id, entries.put(id, label));
        }
        entries.rest(|_| false);
        for (id, text) in store.upstreams().all().await? {
            check("upstream", id, upstreams.put(id, text));
        }
        Ok(())
    }

    /// Takes the blocks that are not sealed into memory, as far as they follow one another.
    async fn load_tail(
        &self,
        store: &mut Transaction,
        fresh: &mut State,
    ) -> Result<(), StoreError> {
        fresh.tail.base = end(store).await?;
        for head in store.blocks().unsealed().await?.iter().rev() {
            let follows = head.seq + u64::from(head.rows) == fresh.tail.base;
            let lines = if follows {
                self.lines(store, head).await?
            } else {
                None
            };
            match lines {
                Some(lines) => {
                    fresh.tail.base = head.seq;
                    lines
                        .into_iter()
                        .rev()
                        .for_each(|line| fresh.tail.lines.push_front(line));
                }
                None => store.blocks().seal(head.seq).await?,
            }
        }
        fresh.tail.flushed = fresh.tail.lines.len();
        Ok(())
    }

    /// Sums up the days that have rows but no sums: the process ended before they were over.
    async fn load_days(
        &mut self,
        store: &mut Transaction,
        fresh: &mut State,
    ) -> Result<(), StoreError> {
        self.stored = store
            .days()
            .numbers(i64::MIN, i64::MAX)
            .await?
            .into_iter()
            .collect();
        self.old = store.days().old().await?;
        self.shared.load_erasures(store).await?;
        for head in store
            .blocks()
            .heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX)
            .await?
        {
            let mut days = day_of(head.first_ms)..=day_of(head.last_ms);
            if days.all(|day| self.stored.contains(&day)) {
                continue;
            }
            for line in self.lines(store, &head).await?.unwrap_or_default() {
                let day = day_of(line.at_ms);
                if !self.stored.contains(&day) {
                    fresh.days.entry(day).or_default().add(&line);
                }
            }
        }
        Ok(())
    }

    /// The rows of a block; `None` when it is damaged.
    pub(super) async fn lines(
        &self,
        store: &mut Transaction,
        head: &BlockHead,
    ) -> Result<Option<Vec<Line>>, StoreError> {
        let Some(blob) = store.blocks().data(head.seq).await? else {
            return Ok(None);
        };
        let lines = read(&blob, head.rows);
        if lines.is_err() {
            self.shared.note_damage("block", head.seq.cast_signed());
        }
        Ok(lines.ok())
    }
}

/// The number after the last row. Of a block that lost rows, the last one may have a higher number than
/// it has rows.
async fn end(store: &mut Transaction) -> Result<u64, StoreError> {
    let last = store
        .blocks()
        .heads(0..u64::MAX, i64::MIN, i64::MAX, 1)
        .await?;
    let Some(head) = last.first() else {
        return Ok(0);
    };
    let blob = store.blocks().data(head.seq).await?.unwrap_or_default();
    let places = Block::open(&blob, head.rows).and_then(|it| it.places(&mut Unpacker::new()));
    let last = places.ok().and_then(|places| places.last().copied());
    let count = last.map_or(u64::from(head.rows), |last| last + 1);
    Ok(head.seq.saturating_add(count))
}

fn read(blob: &[u8], rows: u32) -> Result<Vec<Line>, Damaged> {
    let mut unpacker = Unpacker::new();
    let block = Block::open(blob, rows)?;
    let seen = block.seen(&mut unpacker)?;
    block.lines(&seen, &mut unpacker)
}
