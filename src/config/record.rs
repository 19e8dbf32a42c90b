//! `[[record]]`: names that people gave to their devices and services.

use std::time::Duration;

use super::problem::{Place, Problem};
use super::section::Section;
use super::value;

/// A record as written. Its name and value are understood where records are, not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name, or `*.` and the name that all others stand below.
    pub name: String,
    /// `A`, `CNAME` …; absent: seen from the value.
    pub kind: Option<String>,
    /// What the name has.
    pub value: String,
    /// How long devices may keep it.
    pub ttl: Duration,
    /// Where its name, its type and its value stand in the config.
    pub places: [Place; 3],
    /// Which of the records it is, from 0.
    pub number: usize,
}

impl Record {
    /// How long a device may keep a record that says nothing of it.
    pub const TTL: Duration = Duration::from_mins(5);

    /// How long devices may keep a record, from a text such as `"5m"`.
    pub fn read_ttl(text: &str) -> Result<Duration, String> {
        value::ttl_of(text)
    }

    /// Reads all of `[[record]]`.
    pub(super) fn read_all(root: &mut Section<'_>) -> Vec<Self> {
        let mut records = Vec::new();
        let mut number = 0;
        root.each("record", |section| {
            records.extend(Self::read(section, number));
            number += 1;
        });
        records
    }

    fn read(section: &mut Section<'_>, number: usize) -> Option<Self> {
        let name = section.required("name", "such as \"nas.home.arpa\"", value::text);
        let kind = section.optional("type", value::text);
        let value = section.required("value", "such as \"192.0.2.10\"", value::text);
        Some(Self {
            ttl: section.value("ttl", Self::TTL, value::ttl),
            name: name?,
            kind,
            value: value?,
            places: ["name", "type", "value"].map(|key| section.place_of(key).clone()),
            number,
        })
    }

    /// The problem to tell when the value of this key is wrong.
    pub fn refused(&self, key: &str, reason: &str) -> Problem {
        let [name, kind, value] = &self.places;
        let (given, place) = match key {
            "name" => (Some(&self.name), name),
            "type" => (self.kind.as_ref(), kind),
            _ => (Some(&self.value), value),
        };
        let message = given.map_or_else(
            || reason.to_owned(),
            |given| format!("= {given:?}: {reason}"),
        );
        Problem {
            place: place.clone(),
            key: format!("record[{}].{key}", self.number),
            message,
        }
    }
}
