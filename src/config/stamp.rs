//! Whether a file has changed, without reading it: it may be on a disk that sleeps.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file may change twice in one tick of its clock.
const TICK: Duration = Duration::from_secs(2);

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    /// That of a file as it is now.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Whether a change after `now` would show.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let since = self.modified.and_then(|at| now.duration_since(at).ok());
        since.is_some_and(|since| since > TICK)
    }
}
