//! From the files of a folder to packs in use. One thing wrong refuses the whole folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};

use super::compile::{Compiler, Registry};
use super::finding::{Code, Finding};
use super::kinds::Kinds;
use super::sources::Sources;
use super::vocabulary::Vocabulary;
use super::written::Written;
use super::{Files, Pack, Packs};

/// Why packs could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PacksError {
    /// The folder or a file of it could not be read.
    #[error("reading packs in `{}`: {source}", path.display())]
    Read {
        /// The folder or the file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Something in the files is wrong.
    #[error("packs in `{root}`: {}", list_findings(findings))]
    Broken {
        /// The folder.
        root: String,
        /// What is wrong; never empty.
        findings: Vec<Finding>,
    },
    /// The folder is older than what the binary holds.
    #[error("packs in `{root}` are of {found}, older than the built-in ones of {builtin}")]
    Older {
        /// The folder.
        root: String,
        /// The folder's version.
        found: Date,
        /// Our own.
        builtin: Date,
    },
    /// A pack of the folder is of a day that has not come: the folder would be the newer one for
    /// years.
    #[error("`{file}` was reviewed on {reviewed}, but today is {today}")]
    Ahead {
        /// The pack's file.
        file: String,
        /// The day.
        reviewed: Date,
        /// When that was seen.
        today: Date,
    },
}

fn list_findings(findings: &[Finding]) -> String {
    const SHOWN: usize = 10;
    let mut lines: Vec<String> = findings
        .iter()
        .take(SHOWN)
        .map(Finding::to_string)
        .collect();
    if findings.len() > SHOWN {
        lines.push(format!("and {} more", findings.len() - SHOWN));
    }
    lines.join("\n  ")
}

impl Packs {
    /// The packs inside the binary.
    pub fn builtin() -> Result<Self, PacksError> {
        Self::from_files(&Files::builtin())
    }

    /// The packs of a folder like `blocklists`.
    pub fn from_folder(folder: &Path) -> Result<Self, PacksError> {
        Self::from_files(&Files::from_folder(folder)?)
    }

    /// The packs of `folder` if it is there, sound, and not older than those in the binary; else
    /// those, and why.
    pub fn load(folder: Option<&Path>) -> Result<(Self, Option<PacksError>), PacksError> {
        Self::load_on(Zoned::now().date(), folder)
    }

    pub(super) fn load_on(
        today: Date,
        folder: Option<&Path>,
    ) -> Result<(Self, Option<PacksError>), PacksError> {
        let builtin = Self::builtin()?;
        let Some(folder) = folder else {
            return Ok((builtin, None));
        };
        // A clock that is behind our own packs says nothing of others.
        let latest = (today >= builtin.version()).then_some(today);
        match Self::from_folder(folder).and_then(|found| found.no_later(latest)) {
            Ok(found) if found.version() >= builtin.version() => Ok((found, None)),
            Ok(found) => {
                let older = PacksError::Older {
                    found: found.version(),
                    root: found.root.into(),
                    builtin: builtin.version(),
                };
                Ok((builtin, Some(older)))
            }
            Err(error) => Ok((builtin, Some(error))),
        }
    }

    /// Gives itself, unless a pack is of a later day; somewhere it is tomorrow already.
    fn no_later(self, today: Option<Date>) -> Result<Self, PacksError> {
        let Some(today) = today else { return Ok(self) };
        let latest = today.saturating_add(1.day());
        match self.all.iter().find(|pack| pack.reviewed > latest) {
            Some(pack) => Err(PacksError::Ahead {
                file: self.file(pack),
                reviewed: pack.reviewed,
                today,
            }),
            None => Ok(self),
        }
    }

    fn from_files(files: &Files) -> Result<Self, PacksError> {
        let mut findings = Vec::new();
        let registry = Registry::read(files, &mut findings);
        let mut compiler = Compiler::new(&registry);
        let (mut packs, mut all) = (Vec::new(), Vec::new());
        for (label, text) in files.packs() {
            if let Some(written) = Written::read(&label, text, &mut findings) {
                packs.push(compiler.compile(&written));
                all.push(written);
            }
        }
        findings.extend(compiler.into_findings());
        findings.extend(same_ids(&all.iter().collect::<Vec<_>>()));
        let kinds = Kinds::read(files, &mut findings);
        if packs.is_empty() {
            findings.push(Finding {
                file: files.label("packs"),
                line: 1,
                code: Code::P01,
                message: "there is no pack".to_owned(),
            });
        }
        // Order and wording are for reviewers; they change nothing for those who use the packs.
        findings.retain(|finding| !matches!(finding.code, Code::P05 | Code::P14));
        if !findings.is_empty() {
            let root = files.root().to_owned();
            return Err(PacksError::Broken { root, findings });
        }
        packs.sort_by(|a: &Pack, b| a.id.cmp(&b.id));
        Ok(Self {
            root: files.root().into(),
            all: packs.into(),
            kinds,
        })
    }
}

/// P03: choices are kept by the id, so that it can be one pack's alone.
pub(super) fn same_ids(all: &[&Written]) -> Vec<Finding> {
    let mut files: HashMap<&str, &str> = HashMap::new();
    let mut findings = Vec::new();
    for one in all {
        let known = files.entry(&one.id.value).or_insert(&one.file);
        if *known != one.file {
            findings.push(Finding {
                file: one.file.clone(),
                line: one.id.line,
                code: Code::P03,
                message: format!("the id `{}` belongs to {known} already", one.id.value),
            });
        }
    }
    findings
}

impl Registry {
    /// Reads the words and sources; what is wrong goes to `findings`.
    pub fn read(files: &Files, findings: &mut Vec<Finding>) -> Self {
        let vocabulary = files
            .read("vocab.toml", findings)
            .map(|(label, text)| Vocabulary::read(&label, text, findings));
        let vocabulary = vocabulary.unwrap_or_default();
        let sources = files
            .read("sources.toml", findings)
            .map(|(label, text)| Sources::read(&label, text, &vocabulary, findings));
        Self {
            sources: sources.unwrap_or_default(),
            vocabulary,
        }
    }
}
