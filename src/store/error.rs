//! What can go wrong with the database, and what a person can do about it.

use std::io;
use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

/// Why the store could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder is not there and cannot be made.
    #[error("making the folder `{}`: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Who this node is cannot be kept.
    #[error("writing the file `{}`: {source}", file.display())]
    Member {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A statement, or the opening of the file.
    #[error("using the database `{}`: {source}", file.display())]
    Database {
        /// The database's file.
        file: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A newer version of the program wrote it.
    #[error("the database `{}` was written by a newer version (it has migration {version})", file.display())]
    Newer {
        /// The database's file.
        file: PathBuf,
        /// The first migration that this version does not know.
        version: i64,
    },
    /// A file that cannot be moved out of the way, or into the place of another.
    #[error("moving the database `{}`: {source}", file.display())]
    Move {
        /// The database's file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database that several nodes share.
    #[error("the shared database `{place}`: {problem}")]
    Shared {
        /// Which one it is, without a password.
        place: String,
        /// What went wrong, and what to do about it.
        problem: String,
    },
    /// The store is not open.
    #[error("the database `{}` is not open", file.display())]
    Closed {
        /// The database's file.
        file: PathBuf,
    },
}

/// The kind of a failure: what a person has to do differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No space left.
    Full,
    /// The file is no database, or parts of it are broken.
    Damaged,
    /// The file or its folder cannot be written.
    ReadOnly,
    /// A newer version of the program wrote it.
    Newer,
    /// The database that several nodes share is away.
    Away,
    /// Anything else.
    Other,
}

impl StoreError {
    pub(super) fn using(file: &Path, source: sqlx::Error) -> Self {
        let file = file.to_owned();
        Self::Database { file, source }
    }

    pub(super) fn migrating(file: &Path, error: MigrateError) -> Self {
        let file = file.to_owned();
        match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooOld(_, version) => {
                Self::Newer { file, version }
            }
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                Self::Database { file, source }
            }
            other => Self::Database {
                file,
                source: sqlx::Error::Migrate(Box::new(other)),
            },
        }
    }

    /// The kind of the failure.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Folder { .. } | Self::Member { .. } | Self::Move { .. } => Cause::ReadOnly,
            Self::Newer { .. } => Cause::Newer,
            Self::Closed { .. } => Cause::Other,
            Self::Shared { .. } => Cause::Away,
            Self::Database { source, .. } => database_cause(source),
        }
    }

    /// What a person can do about it, as a sentence.
    pub fn advice(&self) -> String {
        let file = match self {
            Self::Folder { folder, .. } => folder.display(),
            Self::Member { file, .. }
            | Self::Database { file, .. }
            | Self::Newer { file, .. }
            | Self::Move { file, .. }
            | Self::Closed { file } => file.display(),
            Self::Shared { place, .. } => {
                return format!("See whether the database `{place}` is there, and lets us in.");
            }
        };
        match self.cause() {
            Cause::Full => {
                format!("Free some space on the disk of `{file}`, or shorten `journal.retention`.")
            }
            Cause::Damaged => format!("The file `{file}` is damaged; it is moved aside."),
            Cause::ReadOnly => format!(
                "Let squelch's user write to `{file}` and its folder, or set `data_dir` to \
                 another folder."
            ),
            Cause::Newer => {
                format!("Run the version that wrote `{file}`, or set `data_dir` to another folder.")
            }
            Cause::Away | Cause::Other => {
                format!("See whether `{file}` and its disk are there and sound.")
            }
        }
    }
}

/// The primary result codes (sqlite.org/rescode.html); the upper bits only refine them.
fn database_cause(error: &sqlx::Error) -> Cause {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    match code.and_then(|code| code.parse::<i32>().ok()) {
        Some(code) => match code & 0xff {
            13 => Cause::Full,
            11 | 26 => Cause::Damaged,
            3 | 8 | 14 | 23 => Cause::ReadOnly,
            _ => Cause::Other,
        },
        None => Cause::Other,
    }
}
