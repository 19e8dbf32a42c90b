//! The rules that packs must pass before they reach people.
//!
//! What cannot be read or looked up is found while a pack is compiled (P01, P02, P06 to P09,
//! P16); the other rules stand here, grouped by what they look at.

mod evidence;
mod examples;
mod layout;
mod reach;
mod repeats;
mod texts;
mod watermark;

#[cfg(test)]
mod tests;

use jiff::civil::Date;

use super::compile::{Compiler, Registry};
use super::finding::{Code, Finding};
use super::folder::Files;
use super::kinds::Kinds;
use super::load::same_ids;
use super::never::NeverBlock;
use super::written::Written;
use super::{Entry, Pack, Packs};

/// What a lint found.
#[derive(Debug, serde::Serialize)]
pub struct Report {
    /// How many packs were read.
    pub packs: usize,
    /// How many names they have.
    pub names: usize,
    /// What is to be put right, in the order of files and lines.
    pub findings: Vec<Finding>,
}

/// Looks at all packs of a folder. No date in them may lie after `today`.
pub fn lint(files: &Files, today: Date) -> Report {
    let mut findings = Vec::new();
    let registry = Registry::read(files, &mut findings);
    let never = files.read("never-block.toml", &mut findings);
    let never = never.map(|(label, text)| NeverBlock::read(&label, text, &mut findings));
    let mut compiler = Compiler::new(&registry);
    let mut linted = Vec::new();
    for (label, text) in files.packs() {
        if let Some(written) = Written::read(&label, text, &mut findings) {
            let pack = compiler.compile(&written);
            linted.push(Linted { written, pack });
        }
    }
    findings.extend(compiler.into_findings());
    // What is left out of a pack would show up again as examples that come out otherwise.
    let is_whole = findings
        .iter()
        .all(|one| matches!(one.code, Code::P05 | Code::P14));
    let mut notes = Notes(findings);
    let never = never.unwrap_or_default();
    // A pack that cannot be read is there all the same.
    let ids: Vec<&str> = files.pack_ids().collect();
    for one in &linted {
        layout::check(one, &ids, today, &mut notes);
        texts::check(one, &mut notes);
        evidence::check(one, &mut notes);
        reach::check(one, &never, &mut notes);
        repeats::check_within(one, &mut notes);
    }
    repeats::check_across(&linted, &mut notes);
    let written: Vec<&Written> = linted.iter().map(|one| &one.written).collect();
    notes.0.extend(same_ids(&written));
    let mut packs: Vec<Pack> = linted.into_iter().map(|one| one.pack).collect();
    packs.sort_by(|a, b| a.id.cmp(&b.id));
    let packs = Packs {
        root: files.root().into(),
        all: packs.into(),
        kinds: Kinds::read(files, &mut notes.0),
    };
    examples::check(files, &packs, is_whole, &mut notes);
    let Notes(mut findings) = notes;
    findings.sort();
    findings.dedup();
    Report {
        packs: packs.packs().len(),
        names: packs.names(),
        findings,
    }
}

/// A pack as written and as compiled.
struct Linted {
    written: Written,
    pack: Pack,
}

impl Linted {
    /// Each entry that does something, once for each family.
    fn families(&self) -> impl Iterator<Item = &Entry> {
        let mut seen = std::collections::HashSet::new();
        self.names().filter(move |entry| seen.insert(entry.line))
    }

    /// Each name that does something.
    fn names(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.pack.entries.iter();
        entries.filter(|entry| entry.retired.is_none())
    }
}

impl Entry {
    /// The entry as written.
    fn written(&self) -> &str {
        self.pattern.as_deref().unwrap_or(&self.domain)
    }
}

/// Collects findings.
struct Notes(Vec<Finding>);

impl Notes {
    fn add(&mut self, code: Code, one: &Linted, line: u32, message: String) {
        self.add_in(code, &one.written.file, line, message);
    }

    fn add_in(&mut self, code: Code, file: &str, line: u32, message: String) {
        self.0.push(Finding {
            file: file.to_owned(),
            line,
            code,
            message,
        });
    }
}
