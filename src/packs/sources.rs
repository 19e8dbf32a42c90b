//! `sources.toml`: what a pack may cite as evidence, and the block lists it may name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::{Code, Finding};
use super::format::Quote;
use super::read::{Fields, File};
use super::shape::Shape;
use super::vocabulary::{Vocabulary, check_order};

/// A study, a vendor's page, a tracker.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// `moore2017`
    pub id: Box<str>,
    /// What people read.
    pub title: Box<str>,
    /// Where a reader finds it.
    pub address: Option<Box<str>>,
    /// When it was published, or when it was read.
    pub date: Option<Box<str>>,
    /// Ids of the kinds of evidence that it can give.
    pub kinds: Box<[Box<str>]>,
    /// What may be taken from it.
    pub quote: Quote,
}

/// A block list, as one more who blocks a name.
#[derive(Debug, PartialEq, Eq)]
pub struct List {
    /// `hagezi-multi`
    pub id: Box<str>,
    /// What people read.
    pub name: Box<str>,
    /// Lists of one family count once.
    pub family: Box<str>,
    /// What may be taken from it.
    pub quote: Quote,
}

/// All that may be cited.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub sources: BTreeMap<String, Arc<Source>>,
    pub lists: BTreeMap<String, Arc<List>>,
}

impl Sources {
    /// Reads the file; what is wrong goes to `findings`.
    pub fn read(
        label: &str,
        text: &str,
        vocabulary: &Vocabulary,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let file = File::new(label, text);
        let mut sources = Self::default();
        if let Some(mut root) = file.root() {
            root.schema();
            sources.read_sources(&file, &mut root, vocabulary);
            sources.read_lists(&file, &mut root);
            root.finish();
        }
        findings.extend(file.into_findings());
        sources
    }

    fn read_sources(
        &mut self,
        file: &File<'_>,
        root: &mut Fields<'_, '_>,
        vocabulary: &Vocabulary,
    ) {
        let tables = root.named_tables("source");
        check_order(file, tables.iter().map(|(id, _)| id));
        for (id, mut table) in tables {
            let title = table.plain_text("title", &Shape::TITLE);
            let address = table.optional_text("address", &Shape::TITLE);
            let date = table.optional_text("date", &Shape::NAME);
            let kinds = table.some_texts("kinds", &Shape::ID).unwrap_or_default();
            let quote = read_quote(&mut table);
            table.finish();
            for kind in &kinds {
                if !vocabulary.kinds.contains_key(&kind.value) {
                    let message = format!("`{}` is no kind of evidence in vocab.toml", kind.value);
                    file.refuse(kind.line, Code::P08, message);
                }
            }
            if let (Some(title), Some(quote)) = (title, quote) {
                let source = Source {
                    id: id.value.as_str().into(),
                    title: title.value.into(),
                    address: address.map(|text| text.value.into()),
                    date: date.map(|text| text.value.into()),
                    kinds: kinds.into_iter().map(|kind| kind.value.into()).collect(),
                    quote,
                };
                self.sources.insert(id.value, Arc::new(source));
            }
        }
    }

    fn read_lists(&mut self, file: &File<'_>, root: &mut Fields<'_, '_>) {
        let tables = root.named_tables("list");
        check_order(file, tables.iter().map(|(id, _)| id));
        for (id, mut table) in tables {
            let name = table.plain_text("name", &Shape::TITLE);
            let family = table.text("family", &Shape::ID);
            table.optional_text("address", &Shape::TITLE);
            let quote = read_quote(&mut table);
            table.finish();
            if let (Some(name), Some(family), Some(quote)) = (name, family, quote) {
                let list = List {
                    id: id.value.as_str().into(),
                    name: name.value.into(),
                    family: family.value.into(),
                    quote,
                };
                self.lists.insert(id.value, Arc::new(list));
            }
        }
    }
}

/// What may be taken, and the license and remarks that contributors need to know before they do.
fn read_quote(table: &mut Fields<'_, '_>) -> Option<Quote> {
    table.optional_text("licence", &Shape::NAME);
    table.optional_text("note", &Shape::TITLE);
    Some(table.word::<Quote>("quote")?.value)
}
