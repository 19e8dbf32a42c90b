//! One file of names: when it was read, and what it said.

use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::leases::Lease;
use super::lines::{Entry, Found, LineProblem};
use super::record::Record;
use super::{hosts, leases};

/// No home has as many devices; a device file or a log that was meant for something else has.
const LONGEST: u64 = 16 << 20;
/// A file may change twice in one tick of its clock: what was read so soon is read again.
const TICK: Duration = Duration::from_secs(2);
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

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
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

    /// Reads the file if it has changed; says whether it says something else now.
    pub(super) fn look(&mut self) -> bool {
        let stamp = fs::metadata(&self.path).map(|metadata| Stamp::of(&metadata));
        if let (Ok(stamp), Some(seen)) = (&stamp, &self.seen)
            && stamp == seen
        {
            return false;
        }
        let now = SystemTime::now();
        let found = stamp
            .and_then(|stamp| Ok((stamp, read(&self.path)?)))
            .map_err(|error| error.to_string());
        self.seen = match &found {
            Ok((stamp, _)) if stamp.is_settled(now) => Some(*stamp),
            _ => None,
        };
        let found = found.map(|(_, text)| match self.kind {
            FileKind::Hosts => hosts::read(&text),
            FileKind::Leases => leases::read(&text),
        });
        if found == self.found {
            return false;
        }
        self.found = found;
        self.tell();
        true
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

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        }
    }

    /// Whether a change after `now` would show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let since = self.modified.and_then(|at| now.duration_since(at).ok());
        since.is_some_and(|since| since > TICK)
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
