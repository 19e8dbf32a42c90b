//! Checks values against their forms, and says what would be right.

use std::collections::BTreeSet;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use super::super::format::Word;
use super::super::shape::Shape;
use super::{Fields, Lined};

impl<'t> Fields<'_, 't> {
    pub(super) fn take(&mut self, key: &'static str) -> Option<Lined<DeValue<'t>>> {
        self.known.push(key);
        let value = self.values.remove(key)?;
        Some(Lined {
            line: self.file.line(value.span().start),
            value: value.into_inner(),
        })
    }

    pub(super) fn required(
        &mut self,
        key: &'static str,
        right: &str,
    ) -> Option<Lined<DeValue<'t>>> {
        let value = self.take(key);
        if value.is_none() {
            let name = &self.name;
            self.refuse(
                self.line,
                format!("{name}: `{key}` is missing; it is {right}"),
            );
        }
        value
    }

    pub(super) fn wrong(&self, line: u32, key: &str, what: &str, right: &str) {
        let name = &self.name;
        self.refuse(
            line,
            format!("{name}: `{key}` must not {what}; it is {right}"),
        );
    }

    pub(super) fn checked_text(
        &self,
        key: &str,
        given: Lined<DeValue<'t>>,
        shape: &Shape,
    ) -> Option<Lined<String>> {
        let Lined { value, line } = given;
        let DeValue::String(text) = value else {
            self.wrong(line, key, &format!("be {}", describe(&value)), shape.says);
            return None;
        };
        if !shape.fits(&text) {
            self.wrong(line, key, &format!("be {text:?}"), shape.says);
            return None;
        }
        Some(Lined {
            value: text.into_owned(),
            line,
        })
    }

    pub(super) fn checked_texts(
        &self,
        key: &str,
        given: Lined<DeValue<'t>>,
        shape: &Shape,
    ) -> Option<Vec<Lined<String>>> {
        let Lined { value, line } = given;
        let DeValue::Array(array) = value else {
            self.wrong(
                line,
                key,
                &format!("be {}", describe(&value)),
                "a list of texts",
            );
            return None;
        };
        let mut seen = BTreeSet::new();
        let mut texts = Vec::new();
        for item in array {
            let line = self.file.line(item.span().start);
            let value = item.into_inner();
            let text = self.checked_text(key, Lined { value, line }, shape)?;
            if !seen.insert(text.value.clone()) {
                let what = format!("hold {:?} twice", text.value);
                self.wrong(line, key, &what, "a list of different texts");
            }
            texts.push(text);
        }
        Some(texts)
    }

    pub(super) fn checked_date(
        &self,
        key: &str,
        given: &Lined<DeValue<'t>>,
    ) -> Option<Lined<Date>> {
        let Lined { value, line } = given;
        let date = value.as_datetime().filter(|when| when.time.is_none());
        let date = date.and_then(|when| when.to_string().parse().ok());
        let Some(date) = date else {
            let right = "a date like 2026-11-20, without quotes";
            self.wrong(*line, key, &format!("be {}", describe(value)), right);
            return None;
        };
        Some(Lined {
            value: date,
            line: *line,
        })
    }

    pub(super) fn to_word<W: Word>(&self, key: &str, text: &Lined<String>) -> Option<Lined<W>> {
        let found = W::ALL.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let all: Vec<&str> = W::ALL.iter().map(|(word, _)| *word).collect();
            let right = format!("one of {}", all.join(", "));
            self.wrong(text.line, key, &format!("be {:?}", text.value), &right);
        }
        found.map(|&(_, value)| Lined {
            value,
            line: text.line,
        })
    }

    pub(super) fn to_table(&self, name: String, line: u32, value: DeValue<'t>) -> Option<Self> {
        let DeValue::Table(table) = value else {
            self.wrong(line, &name, &format!("be {}", describe(&value)), "a table");
            return None;
        };
        Some(Self::new(self.file, name, line, table))
    }

    pub(super) fn named_values(
        &mut self,
        key: &'static str,
        of: &str,
    ) -> Vec<(Lined<String>, DeValue<'t>)> {
        let right = format!("a table of {of}");
        let Some(Lined { value, line }) = self.required(key, &right) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value else {
            self.wrong(line, key, &format!("be {}", describe(&value)), &right);
            return Vec::new();
        };
        let mut pairs: Vec<(Spanned<_>, Spanned<_>)> = table.into_iter().collect();
        pairs.sort_by_key(|(name, _)| name.span().start);
        let lined = pairs.into_iter().map(|(name, value)| {
            let line = self.file.line(name.span().start);
            let value_of_name = name.into_inner().into_owned();
            (
                Lined {
                    value: value_of_name,
                    line,
                },
                value.into_inner(),
            )
        });
        lined.collect()
    }
}

/// A value in a few words.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(when) => when.to_string(),
        DeValue::Float(_) => "a fraction".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
