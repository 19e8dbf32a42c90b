//! Rows of other nodes, as the writer takes them.

use std::sync::Arc;

use super::{MOST_ROWS, Writer, now_ms};
use crate::journal::gone::Gone;
use crate::journal::line::Line;
use crate::journal::row::Row;
use crate::store::Arrived;

impl Writer {
    /// Takes rows of other nodes, and writes them; `false` when there is no room for more.
    pub(in crate::journal) async fn take_in(&mut self, parcels: &[Arrived]) -> bool {
        let is_full = {
            let state = self.shared.state();
            !state.is_loaded || state.tail.unflushed() > MOST_ROWS / 2
        };
        if is_full || self.shared.problem().is_some() {
            return false;
        }
        let is_watched = self.shared.live.receiver_count() > 0;
        let deleted = self.shared.erasures().of_others(now_ms());
        let mut gone = Gone::new(&self.shared.words, &deleted);
        for parcel in parcels {
            let mut state = self.shared.state_mut();
            let taken = state.take_in(parcel, self.shared.config.privacy, &mut gone);
            let lines = taken.iter().flatten().filter(|_| is_watched);
            let row = |(id, line): &(u64, Line)| state.row(*id, line, &self.shared.words);
            let rows: Vec<Row> = lines.map(row).collect();
            drop(state);
            if taken.is_err() {
                let seq = parcel.seq().cast_signed();
                self.shared.note_damage("parcel", seq);
            }
            for row in rows {
                let _: Result<_, _> = self.shared.live.send(Arc::new(row));
            }
        }
        self.flush(now_ms()).await;
        true
    }
}
