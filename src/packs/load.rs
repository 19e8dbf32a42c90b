//! From the files of a folder to packs in use. One thing wrong refuses the whole folder.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

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
        let builtin = Self::builtin()?;
        let Some(folder) = folder else {
            return Ok((builtin, None));
        };
        match Self::from_folder(folder) {
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

    fn from_files(files: &Files) -> Result<Self, PacksError> {
        let mut findings = Vec::new();
        let registry = Registry::read(files, &mut findings);
        let mut compiler = Compiler::new(&registry);
        let mut packs = Vec::new();
        for (label, text) in files.packs() {
            if let Some(written) = Written::read(&label, text, &mut findings) {
                packs.push(compiler.compile(&written));
            }
        }
        findings.extend(compiler.into_findings());
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
