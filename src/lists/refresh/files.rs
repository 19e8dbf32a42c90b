//! Lists that are files: they are here, so nobody has to wait for a server, and a change is seen.

use std::io;

use tokio::time::Instant;

use super::kept::Kept;
use super::{Refresher, keep, result_of};
use crate::lists::standing::Stamp;

impl Refresher {
    /// Takes the files that are new since the last run, before anything is put in force.
    pub(super) async fn take_files(&mut self) {
        let now = Instant::now();
        let is_due = |kept: &&Kept| kept.file().is_some() && kept.due <= now;
        let due = self.lists.iter().filter(is_due);
        let due: Vec<String> = due.map(|kept| kept.list.id.clone()).collect();
        for id in due {
            self.fetch(&id);
            let result = result_of(&mut self.under_way).await;
            self.take(result).await;
        }
        self.done = 0;
    }

    /// Looks whether files have changed.
    pub(super) async fn look_at_files(&mut self) {
        let files: Vec<_> = self.lists.iter().map(Kept::file).collect();
        if files.iter().all(Option::is_none) {
            return;
        }
        let look = move || -> Vec<Option<io::Result<Stamp>>> {
            files
                .iter()
                .map(|file| file.as_deref().map(Stamp::of))
                .collect()
        };
        // A network's folder may be slow to answer.
        let stamps = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        let mut is_news = false;
        for (kept, stamp) in self.lists.iter_mut().zip(stamps) {
            if stamp.is_some_and(|stamp| kept.look(stamp)) {
                keep(&self.shelf, kept);
                is_news = true;
            }
        }
        if is_news {
            self.publish();
        }
    }
}
