//! From lists on disk to the compiled rules: each is read as a stream, one after the other.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use super::{Format, Reading, Report, Role, read};
use crate::matcher::{CompileError, Compiler, Order, Rank, Source};

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
    /// The rules: for a file, or for [`crate::matcher::Compiled::from_bytes`].
    pub bytes: Vec<u8>,
    /// What was found in each list, in the order of the lists.
    pub reports: Vec<Result<Report, LeftOut>>,
}

/// Why a list is not among those that were compiled: no list keeps the others out of force.
#[derive(Debug, thiserror::Error)]
pub enum LeftOut {
    /// Its text cannot be read.
    #[error("its copy cannot be read, and is fetched anew: {0}")]
    Unreadable(#[from] io::Error),
    /// There is too much of it, beside those before.
    #[error("it is not in force: with it {0}")]
    TooMuch(#[from] CompileError),
}

/// Is told how far a compilation is.
pub trait Watch {
    /// A list is about to be read; they are numbered from 0.
    fn begins(&mut self, number: usize);

    /// It was read. Nobody else needs the lines that were refused: they may be many, so that they are
    /// not kept for all lists at once.
    fn has_read(&mut self, number: usize, report: &Report);
}

/// Nobody watches.
impl Watch for () {
    fn begins(&mut self, _: usize) {}

    fn has_read(&mut self, _: usize, _: &Report) {}
}

/// Compiles lists. `tag` says what they are made from, so that a file can be told from others; one
/// that lacks a list has none.
pub fn compile(
    lists: &[ListSource],
    (seed, tag): (u64, &str),
    watch: &mut dyn Watch,
) -> Result<Compilation, CompileError> {
    let mut compiler = Compiler::new(seed);
    let mut reports = Vec::with_capacity(lists.len());
    for (number, list) in lists.iter().enumerate() {
        watch.begins(number);
        reports.push(add_file(&mut compiler, list).map(|mut report| {
            watch.has_read(number, &report);
            report.problems = Vec::new();
            report
        }));
    }
    let is_whole = reports.iter().all(Result::is_ok);
    Ok(Compilation {
        bytes: compiler.finish(if is_whole { tag } else { "" })?,
        reports,
    })
}

/// Adds a list, or nothing of it.
fn add_file(compiler: &mut Compiler, list: &ListSource) -> Result<Report, LeftOut> {
    let text = BufReader::with_capacity(1 << 16, File::open(&list.path)?);
    let added = add(compiler, &list.name, list.reading, text).map_err(LeftOut::from);
    let added = added.and_then(|report| Ok(compiler.has_room().map(|()| report)?));
    if added.is_err() {
        compiler.withdraw();
    }
    added
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::matcher::Compiled;

    #[test]
    fn a_list_that_cannot_be_read_keeps_no_other_out_of_force() {
        let folder = tempfile::tempdir().unwrap();
        let source = |name: &str| ListSource {
            name: name.to_owned(),
            path: folder.path().join(name),
            reading: Reading::default(),
        };
        fs::write(folder.path().join("ads"), "a.example\nb.example\n").unwrap();
        // A folder can be opened, and not read.
        fs::create_dir(folder.path().join("folder")).unwrap();
        let lists = ["gone", "folder", "ads"].map(source);
        let compiled = compile(&lists, (7, "tag"), &mut ()).unwrap();
        let entries = compiled.reports.iter().map(|report| {
            let report = report.as_ref().ok();
            report.map(|report| report.counts.entries)
        });
        assert_eq!(entries.collect::<Vec<_>>(), [None, None, Some(2)]);
        let rules = Compiled::from_bytes(compiled.bytes).unwrap();
        assert_eq!(rules.sources().len(), 1);
        assert_eq!(rules.tag(), "");
        let whole = compile(&lists[2..], (7, "tag"), &mut ()).unwrap();
        assert_eq!(Compiled::from_bytes(whole.bytes).unwrap().tag(), "tag");
    }

    #[test]
    fn lines_that_were_refused_are_not_kept_for_all_lists() {
        struct Told(usize);
        impl Watch for Told {
            fn begins(&mut self, _: usize) {}

            fn has_read(&mut self, _: usize, report: &Report) {
                self.0 += report.problems.len();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ads");
        fs::write(&path, "a.example\n||b^$popup\n").unwrap();
        let list = ListSource {
            name: "ads".to_owned(),
            path,
            reading: Reading::default(),
        };
        let mut told = Told(0);
        let compiled = compile(&[list], (7, ""), &mut told).unwrap();
        let report = compiled.reports[0].as_ref().unwrap();
        assert_eq!((told.0, report.problems.len()), (1, 0));
        assert_eq!(report.counts.refused, 1);
    }
}
