//! Keeps what the cache holds over a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::config::{Config, Privacy};

/// Long, for the sake of memory cards: what is lost by a power cut is asked again.
const NOW_AND_THEN: Duration = Duration::from_hours(1);
/// A file of this many bytes is read in a few milliseconds, so that the first query can wait for it
/// even where the machine has other things to do.
const SMALL: u64 = 1 << 18;
const SMALL_LIMIT: Duration = Duration::from_secs(1);
/// How long the first query waits for a larger one.
const LIMIT: Duration = Duration::from_millis(50);

/// Saves the cache now and then, and at the stop.
pub(super) struct Warm {
    cache: Arc<Cache>,
    file: PathBuf,
    /// Whether names may be written to disk at all.
    is_allowed: bool,
}

impl Warm {
    /// For the cache of a server with this config.
    pub(super) fn new(cache: Arc<Cache>, config: &Config) -> Self {
        Self {
            cache,
            file: config.data_dir.join("cache.zst"),
            is_allowed: matches!(config.journal.privacy, Privacy::Full | Privacy::NoDevices),
        }
    }

    /// How long the first query waits for what was saved.
    pub(super) fn patience(&self) -> Duration {
        match fs::metadata(&self.file) {
            Ok(file) if file.len() <= SMALL => SMALL_LIMIT,
            _ => LIMIT,
        }
    }

    /// Reads what was saved, and drops `warmed` then; saves until told to stop.
    pub(super) async fn run(self, warmed: oneshot::Sender<()>, stop: CancellationToken) {
        let warm = Arc::new(self);
        let work = |work: fn(&Self)| {
            let warm = Arc::clone(&warm);
            async move {
                // It does not panic; and if it did, the home goes on with what there is.
                let _ = spawn_blocking(move || work(&warm)).await;
            }
        };
        if !warm.is_allowed {
            return work(Self::forget).await;
        }
        work(Self::load).await;
        drop(warmed);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(NOW_AND_THEN) => {}
            }
            work(Self::save).await;
        }
    }

    fn load(&self) {
        match self.cache.load(&self.file) {
            Ok(0) => {}
            Ok(answers) => tracing::info!(answers, "answers of before the restart are held"),
            Err(error) => {
                tracing::warn!(%error, "the cache begins empty, and the file is set aside");
                log(fs::rename(&self.file, self.aside()), &self.file);
            }
        }
    }

    fn save(&self) {
        match self.cache.save(&self.file) {
            Ok(answers) => tracing::debug!(answers, "held answers are saved"),
            Err(error) => tracing::warn!(%error, "a restart will begin with an empty cache"),
        }
    }

    /// Names that were saved under another setting do not stay, in whatever file.
    fn forget(&self) {
        let half_written = Cache::half_written(&self.file);
        for file in [&self.file, &self.aside(), &half_written] {
            match fs::remove_file(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => log(removed, file),
            }
        }
    }

    /// Where a file is put that cannot be read.
    fn aside(&self) -> PathBuf {
        self.file.with_added_extension("broken")
    }
}

fn log(result: io::Result<()>, file: &Path) {
    if let Err(error) = result {
        tracing::warn!(file = %file.display(), %error, "a file of the cache could not be moved");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_names_are_not_kept_no_file_of_the_cache_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        config.journal.privacy = Privacy::NoNames;
        for name in ["cache.zst", "cache.zst.broken", "cache.zst.new"] {
            fs::write(folder.path().join(name), "names").unwrap();
        }
        let cache = Arc::new(Cache::new(config.cache.clone()));
        let (warmed, _) = oneshot::channel();
        let warm = Warm::new(cache, &config);
        warm.run(warmed, CancellationToken::new()).await;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
