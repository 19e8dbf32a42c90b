//! What is written to the shelf, and removed from it, beside everything else.

use std::io;

use super::Refresher;
use super::kept::Kept;
use crate::lists::Shelf;
use crate::lists::work::aside;

impl Refresher {
    /// Removes the files of lists that nobody wants any more, and of fetches that were cut off.
    pub async fn sweep(&self) {
        let wanted = self.lists.iter().map(|kept| kept.list.id.clone());
        let (copies, wanted) = (self.shelf.clone(), wanted.collect());
        let swept = aside(move || copies.sweep(&wanted)).await;
        if let Err(error) = swept.flatten() {
            tracing::warn!(%error, "files of lists that were removed are still there");
        }
    }
}

/// Keeps what is known of a list.
pub(super) async fn keep(shelf: &Shelf, kept: &Kept) {
    let (shelf, id, standing) = (shelf.clone(), kept.list.id.clone(), kept.standing.clone());
    let kept_on_disk = aside(move || shelf.keep(&id, &standing)).await;
    if let Err(error) = kept_on_disk.flatten() {
        tracing::warn!(list = %kept.list.name, "{}", unkept(&error));
    }
}

/// That nothing could be written, in words.
pub(super) fn unkept(error: &io::Error) -> String {
    format!("keeping a copy in data_dir: {error}")
}
