//! `vocab.toml`: the words that packs may use, and what people read for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::{Code, Finding};
use super::format::{Confidence, Severity, Word as _};
use super::read::{Fields, File, Lined};
use super::shape::Shape;

/// What a name is for.
#[derive(Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `usage-analytics`
    pub id: Box<str>,
    /// What people read.
    pub text: Box<str>,
    /// Whether a pack may block names that serve it.
    pub may_block: bool,
}

/// Something that is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct DataKind {
    /// `imei`
    pub id: Box<str>,
    /// What people read.
    pub text: Box<str>,
    /// Whether it says who somebody is, or what they do.
    pub sensitive: bool,
}

/// How somebody came to know.
#[derive(Debug, PartialEq, Eq)]
pub struct EvidenceKind {
    /// `measured`
    pub id: Box<str>,
    /// What people read.
    pub text: Box<str>,
    /// The confidence that it gives.
    pub rank: Confidence,
}

/// All words.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    pub purposes: BTreeMap<String, Arc<Purpose>>,
    pub data: BTreeMap<String, Arc<DataKind>>,
    pub kinds: BTreeMap<String, Arc<EvidenceKind>>,
    pub severities: BTreeMap<Severity, Box<str>>,
}

impl Vocabulary {
    /// Reads the file; what is wrong goes to `findings`.
    pub fn read(label: &str, text: &str, findings: &mut Vec<Finding>) -> Self {
        let file = File::new(label, text);
        let mut vocabulary = Self::default();
        if let Some(mut root) = file.root() {
            root.schema();
            vocabulary.read_purposes(&file, &mut root);
            vocabulary.read_data(&file, &mut root);
            vocabulary.read_kinds(&file, &mut root);
            vocabulary.read_severities(&mut root);
            root.finish();
        }
        findings.extend(file.into_findings());
        vocabulary
    }

    /// What people read for a severity.
    pub fn severity(&self, severity: Severity) -> &str {
        self.severities.get(&severity).map_or("", |text| text)
    }

    fn read_purposes(&mut self, file: &File<'_>, root: &mut Fields<'_, '_>) {
        let tables = root.named_tables("purpose");
        check_order(file, tables.iter().map(|(id, _)| id));
        for (id, mut table) in tables {
            let text = table.plain_text("text", &Shape::PHRASE);
            let may_block = table.said_flag("may_block");
            table.finish();
            if let (Some(text), Some(may_block)) = (text, may_block) {
                let purpose = Purpose {
                    id: id.value.as_str().into(),
                    text: text.value.into(),
                    may_block,
                };
                self.purposes.insert(id.value, Arc::new(purpose));
            }
        }
    }

    fn read_data(&mut self, file: &File<'_>, root: &mut Fields<'_, '_>) {
        let tables = root.named_tables("data");
        check_order(file, tables.iter().map(|(id, _)| id));
        for (id, mut table) in tables {
            let text = table.plain_text("text", &Shape::PHRASE);
            let sensitive = table.said_flag("sensitive");
            table.finish();
            if let (Some(text), Some(sensitive)) = (text, sensitive) {
                let data = DataKind {
                    id: id.value.as_str().into(),
                    text: text.value.into(),
                    sensitive,
                };
                self.data.insert(id.value, Arc::new(data));
            }
        }
    }

    fn read_kinds(&mut self, file: &File<'_>, root: &mut Fields<'_, '_>) {
        let tables = root.named_tables("kind");
        check_order(file, tables.iter().map(|(id, _)| id));
        for (id, mut table) in tables {
            let text = table.plain_text("text", &Shape::PHRASE);
            let rank = table.word::<Confidence>("rank");
            table.finish();
            if let (Some(text), Some(rank)) = (text, rank) {
                let kind = EvidenceKind {
                    id: id.value.as_str().into(),
                    text: text.value.into(),
                    rank: rank.value,
                };
                self.kinds.insert(id.value, Arc::new(kind));
            }
        }
    }

    fn read_severities(&mut self, root: &mut Fields<'_, '_>) {
        for (id, text) in root.named_texts("severity", &Shape::PHRASE) {
            let known = Severity::ALL.iter().find(|(word, _)| *word == id.value);
            if let Some(&(_, severity)) = known {
                self.severities.insert(severity, text.into());
            } else {
                root.refuse(
                    id.line,
                    format!("[severity]: unknown severity `{}`", id.value),
                );
            }
        }
        for (word, severity) in Severity::ALL {
            if !self.severities.contains_key(severity) {
                root.refuse(1, format!("[severity]: `{word}` is missing"));
            }
        }
    }
}

/// P05 for a table of ids.
pub(super) fn check_order<'n>(file: &File<'_>, ids: impl Iterator<Item = &'n Lined<String>>) {
    let mut before: Option<&Lined<String>> = None;
    for id in ids {
        if let Some(before) = before.filter(|before| before.value > id.value) {
            let message = format!("`{}` belongs before `{}`", id.value, before.value);
            file.refuse(id.line, Code::P05, message);
        }
        before = Some(id);
    }
}
