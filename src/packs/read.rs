//! Reads TOML with the line of each value, and reports all that is not of the format.
//!
//! [`Fields`] gives out one table key by key; what nobody asked for at the end is unknown.

mod check;
mod fields;
mod nearest;

use std::cell::RefCell;

use toml::de::DeTable;

use super::finding::{Code, Finding};

pub(super) use fields::Fields;
pub(super) use nearest::nearest;

/// A value and the line it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lined<T> {
    pub value: T,
    pub line: u32,
}

/// A file being read: its text, and what was found wrong so far.
pub(super) struct File<'t> {
    label: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
    findings: RefCell<Vec<Finding>>,
}

impl<'t> File<'t> {
    /// A file that findings call `label`.
    pub fn new(label: &'t str, text: &'t str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            label,
            text,
            line_starts: std::iter::once(0).chain(after_breaks).collect(),
            findings: RefCell::default(),
        }
    }

    /// The file's outermost table; `None` if it is not TOML.
    pub fn root(&self) -> Option<Fields<'_, 't>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Some(Fields::new(
                self,
                "the file".to_owned(),
                1,
                table.into_inner(),
            ));
        }
        for error in errors.iter().take(10) {
            let at = error.span().map_or(0, |span| span.start);
            self.refuse(self.line(at), Code::P01, error.message().to_owned());
        }
        None
    }

    /// Notes something wrong.
    pub fn refuse(&self, line: u32, code: Code, message: String) {
        self.findings.borrow_mut().push(Finding {
            file: self.label.to_owned(),
            line,
            code,
            message,
        });
    }

    /// What was found wrong.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    /// The line of a byte.
    pub fn line(&self, at: usize) -> u32 {
        let line = self.line_starts.partition_point(|&start| start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}
