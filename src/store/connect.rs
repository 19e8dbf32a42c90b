//! Opening the database's file: its settings, its migrations, and what to do with a broken one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::{Pools, StoreError};

/// Applied in order, forward only, and embedded in the binary.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");

const READERS: u32 = 2;

/// Opens the file and applies the migrations that it lacks.
pub(super) async fn open(folder: &Path, file: &Path) -> Result<Pools, StoreError> {
    make_folder(folder).map_err(|source| StoreError::Folder {
        folder: folder.to_owned(),
        source,
    })?;
    make_file(file);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options(file))
        .await
        .map_err(|source| StoreError::using(file, source))?;
    MIGRATIONS
        .run(&write)
        .await
        .map_err(|error| StoreError::migrating(file, error))?;
    let through = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with(
            options(file)
                .create_if_missing(false)
                .synchronous(SqliteSynchronous::Full),
        );
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(Duration::from_mins(1))
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(
            options(file)
                .create_if_missing(false)
                .pragma("query_only", "1"),
        );
    Ok(Pools {
        write,
        through,
        read,
    })
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL, NORMAL survives a killed process; a power cut may cost the last flushes, not the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .pragma("wal_autocheckpoint", "1000")
        .pragma("journal_size_limit", "8388608")
        .pragma("cache_size", "-1000")
}

/// What a home asked is private: a folder that we make is for our user only.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The same for the file; whether it can be used is seen when it is opened.
fn make_file(file: &Path) {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _: io::Result<fs::File> = options.open(file);
}

/// Renames the file, with its write-ahead log, to `NAME.WORD-TIME`; gives the new path.
pub(super) fn set_aside(file: &Path, word: &str) -> Result<PathBuf, StoreError> {
    let aside = free_name(file, word);
    let rename = || {
        fs::rename(file, &aside)?;
        for part in ["-wal", "-shm"] {
            match fs::rename(with_suffix(file, part), with_suffix(&aside, part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    };
    rename().map_err(|source| StoreError::Move {
        file: file.to_owned(),
        source,
    })?;
    Ok(aside)
}

/// Where a file is made that will take the place of another; what was begun there before is gone.
pub(super) fn begin_new(file: &Path) -> PathBuf {
    let new = with_suffix(file, ".new");
    for part in ["", "-wal", "-shm"] {
        // It fails when there is none; if it cannot be removed, it cannot be opened either.
        let _: io::Result<()> = fs::remove_file(with_suffix(&new, part));
    }
    new
}

/// Gives the new file, which is closed, the name that is free now.
pub(super) fn put_in_place(new: &Path, file: &Path) -> Result<(), StoreError> {
    fs::rename(new, file).map_err(|source| StoreError::Move {
        file: new.to_owned(),
        source,
    })
}

fn free_name(file: &Path, word: &str) -> PathBuf {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let first = with_suffix(file, &format!(".{word}-{time}"));
    let mut aside = first.clone();
    let mut count = 1;
    while aside.exists() {
        count += 1;
        aside = with_suffix(&first, &format!("-{count}"));
    }
    aside
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
