//! One file of names: when it was read, and what it said.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::leases::Lease;
use super::lines::{Entry, Found, LineProblem};
use super::record::Record;
use super::{hosts, leases};
use crate::config::Stamp;

/// No home has as many devices; a device file or a log that was meant for something else has.
const LONGEST: u64 = 16 << 20;
/// How long a device may keep a name of a file, which may change at any time.
const TTL: u32 = 60;
/// More wrong lines than this are only counted in the log.
const MOST_TOLD: usize = 10;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// Addresses and their names (hosts(5)).
    Hosts,
    /// What a DHCP server gave out.
    Leases,
}

/// A file, and what was found in it.
#[derive(Clone, Debug)]
pub struct FileState {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Why it cannot be read, if so.
    pub error: Option<String>,
    /// How many addresses it names.
    pub entries: usize,
    /// The lines that could not be used.
    pub problems: Vec<LineProblem>,
}

/// One file of names.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    kind: FileKind,
    seen: Option<Stamp>,
    found: Result<Found, String>,
}

impl File {
    pub(super) fn new(path: &Path, kind: FileKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            seen: None,
            found: Ok(Found::default()),
        }
    }

    pub(super) fn state(&self) -> FileState {
        let found = self.found.as_ref();
        FileState {
            path: self.path.clone(),
            kind: self.kind,
            error: self.found.as_ref().err().cloned(),
            entries: found.map_or(0, Found::named),
            problems: found.map_or_else(|_| Vec::new(), |found| found.problems.clone()),
        }
    }

    /// The file as it is now; `None` where it has not changed since it was read.
    pub(super) fn look(&self) -> Option<Self> {
        let stamp = Stamp::of(&self.path);
        if let (Ok(stamp), Some(seen)) = (&stamp, &self.seen)
            && stamp == seen
        {
            return None;
        }
        let now = SystemTime::now();
        let found = stamp
            .and_then(|stamp| Ok((stamp, read(&self.path)?)))
            .map_err(|error| error.to_string());
        let seen = match &found {
            // What was read just after a change may have changed again.
            Ok((stamp, _)) if stamp.is_settled(now) => Some(*stamp),
            _ => None,
        };
        let found = found.map(|(_, text)| match self.kind {
            FileKind::Hosts => hosts::read(&text),
            FileKind::Leases => leases::read(&text),
        });
        let looked = Self {
            path: self.path.clone(),
            kind: self.kind,
            seen,
            found,
        };
        if looked.differs_from(self) {
            looked.tell();
        }
        Some(looked)
    }

    /// Whether it says something else.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.found != other.found
    }

    fn tell(&self) {
        let file = self.path.display();
        let found = match &self.found {
            Ok(found) => found,
            Err(error) => {
                return tracing::warn!(%file, %error, "a file of names cannot be read");
            }
        };
        for LineProblem { line, reason } in found.problems.iter().take(MOST_TOLD) {
            tracing::warn!(%file, line, reason, "a line of a file of names is left out");
        }
        if let Some(more) = found
            .problems
            .len()
            .checked_sub(MOST_TOLD)
            .filter(|more| *more > 0)
        {
            tracing::warn!(%file, more, "more lines are left out");
        }
        tracing::info!(%file, entries = found.named(), "names were read");
    }

    /// The records of what holds at this time, in seconds since 1970-01-01 UTC.
    pub(super) fn records(&self, now_s: i64) -> Vec<Record> {
        self.alive(now_s)
            .flat_map(|entry| {
                let names = entry.names.iter();
                names.map(|name| Record::address(*name, entry.address, TTL))
            })
            .collect()
    }

    /// The leases that hold at this time, in seconds since 1970-01-01 UTC.
    pub(super) fn leases(&self, now_s: i64) -> Vec<Lease> {
        if self.kind != FileKind::Leases {
            return Vec::new();
        }
        let lease = |entry: &Entry| Lease {
            address: entry.address,
            mac: entry.mac,
            name: entry.names.first().copied(),
        };
        self.alive(now_s).map(lease).collect()
    }

    fn alive(&self, now_s: i64) -> impl Iterator<Item = &Entry> {
        let entries = self.found.iter().flat_map(|found| &found.entries);
        entries.filter(move |entry| entry.until_s.is_none_or(|until| until > now_s))
    }

    /// When the next entry ends after this time.
    pub(super) fn next_end(&self, now_s: i64) -> Option<i64> {
        let entries = self.found.iter().flat_map(|found| &found.entries);
        entries
            .filter_map(|entry| entry.until_s)
            .filter(|until| *until > now_s)
            .min()
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut file = fs::File::open(path)?.take(LONGEST + 1);
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 16 MB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
