//! How the lists of a config are, without fetching or keeping anything.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Reading, Report, Shelf, Subscription, read};
use crate::config::{Config, ListSource, Place, Problem};
use crate::matcher::rule::Rule;

/// How a list of the config is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFinding {
    /// What it is called.
    pub name: String,
    /// Its file, if it is one that can be read.
    pub file: Option<PathBuf>,
    /// How it is read.
    pub reading: Reading,
    /// Its entries; of one that has to be fetched, those of the kept copy.
    pub entries: u64,
    /// Why it cannot be read.
    pub problem: Option<Problem>,
    /// Its refused lines, where it is a file.
    pub refused: Vec<Problem>,
}

/// Reads the lists of a config that are files, and looks at the kept copies of the others.
pub fn look_at(config: &Config) -> Vec<ListFinding> {
    let shelf = Shelf::at(&config.data_dir);
    let lists = Subscription::declared(&config.subscribed);
    let numbered = lists.iter().zip(&config.subscribed).enumerate();
    let look = |(number, (list, written)): (usize, (&Subscription, &crate::config::List))| {
        let mut finding = ListFinding {
            name: list.name.clone(),
            file: None,
            reading: list.reading(),
            entries: 0,
            problem: None,
            refused: Vec::new(),
        };
        let ListSource::File(file) = &list.source else {
            let copy = shelf.standing(&list.id, list.reading()).copy;
            finding.entries = copy.map_or(0, |copy| copy.found.entries);
            return finding;
        };
        match read_file(file, list) {
            Ok(report) => {
                finding.file = Some(file.clone());
                finding.entries = report.counts.entries;
                finding.refused = refused(file, &report);
            }
            Err(error) => {
                let file = file.display().to_string();
                finding.problem = Some(Problem {
                    place: written.place.clone(),
                    key: format!("list[{number}].source"),
                    message: format!("= {file:?}: reading it: {error}"),
                });
            }
        }
        finding
    };
    numbered.map(look).collect()
}

fn read_file(file: &Path, list: &Subscription) -> io::Result<Report> {
    let text = BufReader::new(File::open(file)?);
    read(text, list.reading(), &mut |_: Rule| {})
}

fn refused(file: &Path, report: &Report) -> Vec<Problem> {
    let origin: Arc<str> = file.display().to_string().into();
    let refused = report.problems.iter().map(|problem| Problem {
        place: Place {
            origin: Arc::clone(&origin),
            line: usize::try_from(problem.line).ok(),
        },
        key: String::new(),
        message: format!("{}: {}", problem.text.trim().escape_debug(), problem.reason),
    });
    refused.collect()
}
