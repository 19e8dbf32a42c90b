//! The held answers as a file, so that a restart does not begin with nothing.
//!
//! The file is written whole beside the old one and takes its place; a checksum tells whether it
//! is whole when it is read. What it says is read as if an upstream had said it, and time that has
//! passed by the clock on the wall counts. What other upstreams said is not read.

use std::fs;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::Cache;
use super::held::Held;
use super::key::{self, Under};
use super::room::Table;
use crate::config;

/// What the file begins with; the last digit counts the versions of the format.
const MAGIC: &[u8; 8] = b"sq-held2";
/// Before, it was not told from whom the answers are.
const MAGIC_BEFORE: &[u8; 8] = b"sq-held1";
/// Enough for names that repeat; saving is to be quick.
const LEVEL: i32 = 1;

/// Why the held answers could not be saved or read.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The file or its folder cannot be written.
    #[error("writing the held answers to {file}: {source}")]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be read, or is damaged.
    #[error("reading the held answers from {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Cache {
    /// Writes what is held to a file; gives the number of answers.
    pub fn save(&self, file: &Path) -> Result<usize, SavedError> {
        let Some(table) = &self.table else {
            return Ok(0);
        };
        let write = || {
            let (count, payload) = self.encode(table, Instant::now(), wall_ms())?;
            write_whole(file, &header(&payload, self.origin), &payload)?;
            Ok(count)
        };
        write().map_err(|source| SavedError::Write {
            file: file.to_owned(),
            source,
        })
    }

    /// Where a file is written before it takes its place; a crash leaves it.
    pub fn half_written(file: &Path) -> PathBuf {
        file.with_added_extension("new")
    }

    /// Takes in what a file of [`Cache::save`] holds, beside what is held by now; gives the number
    /// of answers. Where there is no file, there are none.
    pub fn load(&self, file: &Path) -> Result<usize, SavedError> {
        let Some(table) = &self.table else {
            return Ok(0);
        };
        let read = || {
            let bytes = match read_bounded(file, self.config.max_size) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                read => read?,
            };
            self.decode(table, &bytes, Instant::now(), wall_ms())
        };
        read().map_err(|source| SavedError::Read {
            file: file.to_owned(),
            source,
        })
    }

    pub(super) fn encode(
        &self,
        table: &Table,
        now: Instant,
        wall_ms: i64,
    ) -> io::Result<(usize, Vec<u8>)> {
        let is_saved = |held: &Held| held.is_usable(now, self.config.serve_stale);
        // The next run may number sets of upstream servers in another way.
        let is_for_all = |held: &Held| !held.key().is_of_group();
        let all = table.iter().map(|(_, held)| held);
        let all: Vec<Held> = all
            .filter(|held| is_for_all(held) && is_saved(held))
            .collect();
        let mut out = BufWriter::new(zstd::Encoder::new(Vec::new(), LEVEL)?);
        for held in &all {
            let since_ms = wall_ms - i64::from(held.age(now)) * 1000;
            out.write_all(&since_ms.to_le_bytes())?;
            write_part(&mut out, held.key().flat().as_slice())?;
            write_part(&mut out, held.message())?;
        }
        let payload = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((all.len(), payload.finish()?))
    }

    pub(super) fn decode(
        &self,
        table: &Table,
        bytes: &[u8],
        now: Instant,
        wall_ms: i64,
    ) -> io::Result<usize> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
        let (start, payload) = bytes.split_first_chunk::<24>().ok_or_else(damaged)?;
        if start.starts_with(MAGIC_BEFORE) {
            return Ok(0);
        }
        let (_, rest) = start.split_at(MAGIC.len());
        let origin = rest.first_chunk().copied().map_or(0, u64::from_le_bytes);
        if *start != header(payload, origin) {
            return Err(damaged());
        }
        if origin != self.origin {
            return Ok(0);
        }
        let mut input = BufReader::new(zstd::Decoder::new(payload)?);
        let mut count = 0;
        while let Some(since_ms) = read_time(&mut input)? {
            let key = read_part(&mut input)?;
            let message = read_part(&mut input)?;
            // A clock that went back tells nothing of the time between: count that as none.
            let age = Duration::from_millis(u64::try_from(wall_ms - since_ms).unwrap_or(0));
            let held = self.revive(&key, message, now.checked_sub(age));
            if let Some(held) = held.filter(|held| held.is_usable(now, self.config.serve_stale)) {
                count += usize::from(add(table, held));
            }
        }
        Ok(count)
    }

    fn revive(&self, key: &[u8], message: Vec<u8>, since: Option<Instant>) -> Option<Held> {
        let query = key::question(key, &message)?;
        Held::read(&query, message, &self.config, since?).ok()
    }
}

/// Adds an answer where there is none that is newer.
fn add(table: &Table, held: Held) -> bool {
    let newer = table.peek(&held.key());
    let is_added = newer.is_none_or(|newer| newer.is_failure());
    if is_added {
        table.insert(Under(held.clone()), held);
    }
    is_added
}

/// Tells from whom answers are, and how they were checked.
pub(super) fn origin(upstream: &config::Upstream) -> u64 {
    let config::Upstream {
        servers,
        routes,
        dnssec,
        trust_anchors,
        ..
    } = upstream;
    // Words that another version may choose otherwise: then it begins empty.
    xxh3_64(format!("{servers:?} {routes:?} {dnssec} {trust_anchors:?}").as_bytes())
}

/// What the file begins with, from whom the answers are, and a checksum of that and of the rest.
pub(super) fn header(payload: &[u8], origin: u64) -> [u8; 24] {
    let mut header = [0; 24];
    let parts = [
        *MAGIC,
        origin.to_le_bytes(),
        xxh3_64_with_seed(payload, origin).to_le_bytes(),
    ];
    header.copy_from_slice(parts.as_flattened());
    header
}

/// Writes the file beside the old one, for our user only, and puts it in its place.
fn write_whole(file: &Path, header: &[u8], payload: &[u8]) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(file.parent().unwrap_or(Path::new(".")))?;
    let new = Cache::half_written(file);
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&new)?;
    out.write_all(header)?;
    out.write_all(payload)?;
    out.sync_all()?;
    fs::rename(&new, file)
}

/// The whole file, unless it is larger than all that may be held.
fn read_bounded(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than all that may be held",
        ));
    }
    Ok(bytes)
}

/// Keys and messages have at most 65,535 bytes.
fn write_part(out: &mut impl Write, part: &[u8]) -> io::Result<()> {
    let length = u16::try_from(part.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(part)
}

fn read_part(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    input.read_exact(&mut length)?;
    let mut part = vec![0; u16::from_le_bytes(length).into()];
    input.read_exact(&mut part)?;
    Ok(part)
}

/// The time that the next answer begins with; `None` at the end.
fn read_time(input: &mut impl io::BufRead) -> io::Result<Option<i64>> {
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut time = [0; 8];
    input.read_exact(&mut time)?;
    Ok(Some(i64::from_le_bytes(time)))
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
