//! One table of a file, given out key by key.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use super::super::finding::Code;
use super::super::format::Word;
use super::super::plain::sentence_fault;
use super::super::shape::Shape;
use super::check::describe;
use super::{File, Lined, nearest};

/// One table of a file.
pub struct Fields<'f, 't> {
    pub(super) file: &'f File<'t>,
    /// How findings call the table.
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) values: DeTable<'t>,
    pub(super) known: Vec<&'static str>,
}

impl<'f, 't> Fields<'f, 't> {
    /// A table that findings call `name`.
    pub fn new(file: &'f File<'t>, name: String, line: u32, values: DeTable<'t>) -> Self {
        Self {
            file,
            name,
            line,
            values,
            known: Vec::new(),
        }
    }

    /// The table's first line.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// How findings call the table from now on.
    pub fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Notes something wrong.
    pub fn refuse(&self, line: u32, message: String) {
        self.file.refuse(line, Code::P02, message);
    }

    /// Notes something wrong in this table, at one of its lines.
    pub fn refuse_at(&self, line: u32, message: &str) {
        self.refuse(line, format!("{}: {message}", self.name));
    }

    /// Notes something wrong with this table as a whole.
    pub fn refuse_here(&self, message: &str) {
        self.refuse_at(self.line, message);
    }

    /// A text that must be there.
    pub fn text(&mut self, key: &'static str, shape: &Shape) -> Option<Lined<String>> {
        let value = self.required(key, shape.says)?;
        self.checked_text(key, value, shape)
    }

    /// A text in plain words that must be there.
    pub fn plain_text(&mut self, key: &'static str, shape: &Shape) -> Option<Lined<String>> {
        let text = self.text(key, shape)?;
        if let Some(fault) = sentence_fault(&text.value) {
            let message = format!("{}: `{key}` {fault}; write plain words", self.name);
            self.file.refuse(text.line, Code::P14, message);
        }
        Some(text)
    }

    /// A text that may be absent.
    pub fn optional_text(&mut self, key: &'static str, shape: &Shape) -> Option<Lined<String>> {
        let value = self.take(key)?;
        self.checked_text(key, value, shape)
    }

    /// An array of texts, all different, that must hold something.
    pub fn some_texts(&mut self, key: &'static str, shape: &Shape) -> Option<Vec<Lined<String>>> {
        let value = self.required(key, "a list of texts")?;
        let line = value.line;
        let texts = self.checked_texts(key, value, shape)?;
        if texts.is_empty() {
            self.wrong(line, key, "be empty", "at least one text");
            return None;
        }
        Some(texts)
    }

    /// An array of texts, all different; absent is the same as empty.
    pub fn texts(&mut self, key: &'static str, shape: &Shape) -> Vec<Lined<String>> {
        let value = self.take(key);
        value
            .and_then(|value| self.checked_texts(key, value, shape))
            .unwrap_or_default()
    }

    /// A fixed word that must be there.
    pub fn word<W: Word>(&mut self, key: &'static str) -> Option<Lined<W>> {
        let text = self.text(key, &Shape::WORD)?;
        self.to_word(key, &text)
    }

    /// A fixed word that may be absent.
    pub fn optional_word<W: Word>(&mut self, key: &'static str) -> Option<Lined<W>> {
        let text = self.optional_text(key, &Shape::WORD)?;
        self.to_word(key, &text)
    }

    /// An array of fixed words that must hold something.
    pub fn words<W: Word>(&mut self, key: &'static str) -> Option<Vec<W>> {
        let texts = self.some_texts(key, &Shape::WORD)?;
        texts
            .iter()
            .map(|text| Some(self.to_word(key, text)?.value))
            .collect()
    }

    /// A date that must be there.
    pub fn date(&mut self, key: &'static str) -> Option<Lined<Date>> {
        let value = self.required(key, "a date like 2026-11-20, without quotes")?;
        self.checked_date(key, &value)
    }

    /// A date that may be absent.
    pub fn optional_date(&mut self, key: &'static str) -> Option<Lined<Date>> {
        let value = self.take(key)?;
        self.checked_date(key, &value)
    }

    /// A whole number that may be absent.
    pub fn optional_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u16>,
    ) -> Option<u16> {
        let Lined { value, line } = self.take(key)?;
        let number = value.as_integer().and_then(|n| n.as_str().parse().ok());
        let number = number.filter(|n| range.contains(n));
        if number.is_none() {
            let right = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(line, key, &format!("be {}", describe(&value)), &right);
        }
        number
    }

    /// `true` or `false`; absent is `false`.
    pub fn flag(&mut self, key: &'static str) -> bool {
        let Some(Lined { value, line }) = self.take(key) else {
            return false;
        };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(
                line,
                key,
                &format!("be {}", describe(&value)),
                "true or false",
            );
            false
        })
    }

    /// `true` or `false` that must be there.
    pub fn said_flag(&mut self, key: &'static str) -> Option<bool> {
        let Lined { value, line } = self.required(key, "true or false")?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(
                line,
                key,
                &format!("be {}", describe(&value)),
                "true or false",
            );
        }
        flag
    }

    /// The version of the format: always 1.
    pub fn schema(&mut self) {
        let Some(Lined { value, line }) = self.required("schema", "1") else {
            return;
        };
        if value.as_integer().is_none_or(|n| n.as_str() != "1") {
            self.wrong(line, "schema", &format!("be {}", describe(&value)), "1");
        }
    }

    /// A table that must be there.
    pub fn table(&mut self, key: &'static str) -> Option<Self> {
        let Lined { value, line } = self.required(key, "a table")?;
        self.to_table(format!("[{key}]"), line, value)
    }

    /// An array of tables; absent is the same as empty.
    pub fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let Some(Lined { value, line }) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value else {
            let right = format!("tables that each start with [[{key}]]");
            self.wrong(line, key, &format!("be {}", describe(&value)), &right);
            return Vec::new();
        };
        array
            .into_iter()
            .filter_map(|item| {
                let line = self.file.line(item.span().start);
                self.to_table(format!("[[{key}]]"), line, item.into_inner())
            })
            .collect()
    }

    /// A table of tables with free keys, in the order of the file.
    pub fn named_tables(&mut self, key: &'static str) -> Vec<(Lined<String>, Self)> {
        let named = self.named_values(key, "tables");
        named
            .into_iter()
            .filter_map(|(name, value)| {
                let table = self.to_table(format!("[{key}.{}]", name.value), name.line, value)?;
                Some((name, table))
            })
            .collect()
    }

    /// A table of texts with free keys, in the order of the file.
    pub fn named_texts(
        &mut self,
        key: &'static str,
        shape: &Shape,
    ) -> Vec<(Lined<String>, String)> {
        let named = self.named_values(key, "texts");
        named
            .into_iter()
            .filter_map(|(name, value)| {
                let line = name.line;
                let text = self.checked_text(key, Lined { value, line }, shape)?;
                Some((name, text.value))
            })
            .collect()
    }

    /// A table of arrays of texts with free keys; absent is the same as empty.
    pub fn named_lists(
        &mut self,
        key: &'static str,
        shape: &Shape,
    ) -> Vec<(Lined<String>, Vec<Lined<String>>)> {
        if !self.values.contains_key(key) {
            self.known.push(key);
            return Vec::new();
        }
        let named = self.named_values(key, "lists of texts");
        named
            .into_iter()
            .filter_map(|(name, value)| {
                let line = name.line;
                let texts = self.checked_texts(key, Lined { value, line }, shape)?;
                Some((name, texts))
            })
            .collect()
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for (key, _) in &self.values {
            let line = self.file.line(key.span().start);
            let key = key.get_ref();
            let right = nearest(key, &self.known).map_or_else(
                || format!("known are {}", self.known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.refuse(line, format!("{}: unknown key `{key}`; {right}", self.name));
        }
    }
}
