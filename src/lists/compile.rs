//! From lists on disk to the compiled rules: each is read as a stream, one after the other.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use super::{Format, Reading, Report, Role, read};
use crate::matcher::{self, Compiler, Order, Rank, Source};

/// A list that is to be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSource {
    /// Its name.
    pub name: String,
    /// Where its text is.
    pub path: PathBuf,
    /// How it is read.
    pub reading: Reading,
}

/// Lists that were compiled.
#[derive(Debug)]
pub struct Compilation {
    /// The rules: for a file, or for [`matcher::Compiled::from_bytes`].
    pub bytes: Vec<u8>,
    /// What was found in each list, in the order of the lists.
    pub reports: Vec<Report>,
}

/// Why lists could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A list's text cannot be read.
    #[error("reading list `{name}` from {}: {source}", .path.display())]
    Read {
        /// The list.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is too much of them.
    #[error(transparent)]
    TooMuch(#[from] matcher::CompileError),
}

/// Compiles lists. `tag` says what they are made from, so that a file can be told from others;
/// `begun` is called with the number of each list before it is read.
pub fn compile(
    lists: &[ListSource],
    (seed, tag): (u64, &str),
    begun: &mut dyn FnMut(usize),
) -> Result<Compilation, CompileError> {
    let mut compiler = Compiler::new(seed);
    let mut reports = Vec::with_capacity(lists.len());
    for (number, list) in lists.iter().enumerate() {
        begun(number);
        let wrong = |source| CompileError::Read {
            name: list.name.clone(),
            path: list.path.clone(),
            source,
        };
        let text = BufReader::with_capacity(1 << 16, File::open(&list.path).map_err(wrong)?);
        reports.push(add(&mut compiler, &list.name, list.reading, text).map_err(wrong)?);
    }
    Ok(Compilation {
        bytes: compiler.finish(tag)?,
        reports,
    })
}

/// Reads a list as a stream, and adds its rules under its name.
pub fn add(
    compiler: &mut Compiler,
    name: &str,
    reading: Reading,
    text: impl io::BufRead,
) -> io::Result<Report> {
    let rank = match reading.role {
        Role::Block => Rank::List,
        Role::Watch => Rank::WatchList,
        Role::Allow => Rank::AllowList,
    };
    compiler.source(Source::new(
        format!("list:{name}"),
        rank,
        format!("list {name}"),
    ));
    let report = read(text, reading, compiler)?;
    compiler.describe(
        order(report.decision.format),
        report.decision.format == Format::Adblock,
    );
    Ok(report)
}

/// Which of a list's rules decide when several cover a name, as its dialect means it.
fn order(format: Format) -> Order {
    match format {
        Format::Hosts | Format::Domains | Format::Wildcard | Format::Adblock | Format::Pihole => {
            Order::All
        }
        Format::Dnsmasq | Format::Unbound => Order::MostSpecific,
        Format::Rpz => Order::Zone,
    }
}
