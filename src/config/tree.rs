//! The config as written: values that know where they stand, not yet what they mean.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{Place, Problem};

/// The keys of a table.
pub(super) type Table = BTreeMap<String, Item>;

/// A value, and where its key stands.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub place: Place,
    pub value: Value,
    /// The text of an environment variable, for keys that want a text whatever it looks like.
    raw: Option<String>,
}

/// A value of TOML.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Truth(bool),
    /// Numbers with a fraction, dates: nothing here wants them.
    Other(String),
    List(Vec<Item>),
    Table(Table),
}

impl Item {
    /// A table that stands at `place`.
    pub fn table(place: Place, table: Table) -> Self {
        Self {
            place,
            value: Value::Table(table),
            raw: None,
        }
    }

    /// The value as a text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Table(_) => None,
            _ => self.raw.as_deref(),
        }
    }
}

impl Item {
    /// The value as a text, letter by letter as an environment variable has it.
    pub fn verbatim(&self) -> Option<&str> {
        self.raw.as_deref().or_else(|| self.text())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONG: usize = 80;
        match &self.value {
            Value::Text(text) if has_password(text) => f.write_str(&without_password(text)),
            Value::Text(text) if text.chars().count() > LONG => {
                let start: String = text.chars().take(LONG).collect();
                write!(f, "{start:?}…")
            }
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Whole(number) => write!(f, "{number}"),
            Value::Truth(truth) => write!(f, "{truth}"),
            Value::Other(text) => f.write_str(text),
            Value::List(_) => f.write_str("[…]"),
            Value::Table(_) => f.write_str("{…}"),
        }
    }
}

/// Whether a text may be an address that carries a password: before the `@`, or in its parameters.
fn has_password(text: &str) -> bool {
    let is_before_host = text
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'));
    is_before_host || text.to_ascii_lowercase().contains("password=")
}

/// The text in quotes, as far as it can be told.
fn without_password(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let host = rest.rsplit_once('@').map(|(_, host)| format!("@{host}"));
    let host = host.filter(|host| !has_password(host)).unwrap_or_default();
    format!("{:?}", format!("{scheme}…{host}"))
}

/// Reads a file's text. What is no TOML is a problem; the rest is read all the same.
pub(super) fn read(text: &str, origin: &str) -> (Table, Vec<Problem>) {
    let lines = Lines::new(text, origin);
    let (table, errors) = DeTable::parse_recoverable(text);
    let problems = errors
        .iter()
        .map(|error| Problem {
            place: lines.place(error.span().unwrap_or_default()),
            key: String::new(),
            message: format!("this is no TOML: {}", error.message()),
        })
        .collect();
    (lines.table(table.into_inner()), problems)
}

/// A table that somebody sent as JSON. What is null is not there.
pub(super) fn from_json(members: &serde_json::Map<String, Json>, place: &Place) -> Table {
    let members = members.iter().filter(|(_, value)| !value.is_null());
    members
        .map(|(key, value)| (key.clone(), json_item(value, place)))
        .collect()
}

fn json_item(value: &Json, place: &Place) -> Item {
    let value = match value {
        Json::String(text) => Value::Text(text.clone()),
        Json::Bool(truth) => Value::Truth(*truth),
        Json::Array(items) => {
            Value::List(items.iter().map(|item| json_item(item, place)).collect())
        }
        Json::Object(members) => Value::Table(from_json(members, place)),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Other(number.to_string()), Value::Whole),
        Json::Null => Value::Other("null".to_owned()),
    };
    Item {
        place: place.clone(),
        value,
        raw: None,
    }
}

/// Sets what an environment variable says. `path` is the key, level by level.
pub(super) fn set(table: &mut Table, path: &[String], variable: &str, text: &str) {
    let Some((last, sections)) = path.split_last() else {
        return;
    };
    let lines = Lines::variable(variable);
    let mut table = table;
    for section in sections {
        let item = table
            .entry(section.clone())
            .or_insert_with(|| lines.item(Value::Table(Table::new())));
        if !matches!(item.value, Value::Table(_)) {
            *item = lines.item(Value::Table(Table::new()));
        }
        let Value::Table(inner) = &mut item.value else {
            return;
        };
        table = inner;
    }
    let value = match DeValue::parse(text) {
        Ok(value) => lines.value(value.into_inner()),
        Err(_) => Value::Text(text.to_owned()),
    };
    let item = Item {
        raw: Some(text.to_owned()),
        ..lines.item(value)
    };
    table.insert(last.clone(), item);
}

/// Finds the line of a byte.
struct Lines {
    origin: Arc<str>,
    /// Where each line begins; nothing for a variable, which has no lines.
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str, origin: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            origin: origin.into(),
            starts: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    fn variable(name: &str) -> Self {
        Self {
            origin: format!("environment variable {name}").into(),
            starts: Vec::new(),
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start);
        Place {
            origin: Arc::clone(&self.origin),
            line: (line > 0).then_some(line),
        }
    }

    fn item(&self, value: Value) -> Item {
        Item {
            place: self.place(0..0),
            value,
            raw: None,
        }
    }

    fn spanned(&self, span: Range<usize>, value: DeValue<'_>) -> Item {
        Item {
            place: self.place(span),
            ..self.item(self.value(value))
        }
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        table
            .into_iter()
            .map(|(key, value)| {
                let span = key.span();
                (
                    key.into_inner().into_owned(),
                    self.spanned(span, value.into_inner()),
                )
            })
            .collect()
    }

    fn list(&self, list: DeArray<'_>) -> Vec<Item> {
        let spanned = |value: Spanned<DeValue<'_>>| self.spanned(value.span(), value.into_inner());
        list.into_iter().map(spanned).collect()
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::Other(number.to_string()), Value::Whole),
            DeValue::Float(number) => Value::Other(number.to_string()),
            DeValue::Boolean(truth) => Value::Truth(truth),
            DeValue::Datetime(date) => Value::Other(date.to_string()),
            DeValue::Array(list) => Value::List(self.list(list)),
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_repeated() {
        for (text, told) in [
            ("postgres://user:pw@host/db", "\"postgres://…@host/db\""),
            ("postgres:user:pw@host/db", "\"…@host/db\""),
            ("user:p@w@host", "\"…@host\""),
            ("postgres://host/db?Password=pw", "\"postgres://…\""),
            ("a:b@host/db?password=pw", "\"…\""),
            ("host=a user=b password=pw", "\"…\""),
            ("@@||good.example^", "\"@@||good.example^\""),
            ("udp://192.0.2.1:53", "\"udp://192.0.2.1:53\""),
        ] {
            let place = Place {
                origin: "config.toml".into(),
                line: None,
            };
            let item = Item {
                value: Value::Text(text.to_owned()),
                ..Item::table(place, Table::default())
            };
            assert_eq!(item.to_string(), told);
        }
    }
}
