//! Lists that are files: they are here, so nobody has to wait for a server, and a change is seen.

use std::time::Duration;

use tokio::time::Instant;

use super::kept::Kept;
use super::{Refresher, keep, result_of};

/// So long all else waits for a look at files; those of a network may answer later.
const BRIEFLY: Duration = Duration::from_millis(250);

impl Refresher {
    /// Takes the files that are new since the last run, before anything is put in force.
    pub(super) async fn take_files(&mut self) {
        // One that is still being written does not look the same twice.
        self.look_at_files().await;
        self.look_at_files().await;
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
        for kept in &mut self.lists {
            kept.begin_look();
        }
        let limit = Instant::now() + BRIEFLY;
        let mut is_news = false;
        for kept in &mut self.lists {
            if kept.end_look(limit).await {
                keep(&self.shelf, kept).await;
                is_news = true;
            }
        }
        if is_news {
            self.publish();
        }
    }
}
