//! `[journal]`: what is recorded, and for how long.

use std::time::Duration;

use super::section::{Read, Section};
use super::tree::Item;
use super::value;

/// What is recorded, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Where it is kept.
    pub store: StoreKind,
    /// Older records are deleted.
    pub retention: Duration,
    /// What is left out of the record.
    pub privacy: Privacy,
    /// How long records are gathered before they are written.
    pub flush: Duration,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            store: StoreKind::Sqlite,
            retention: Duration::from_hours(24 * 90),
            privacy: Privacy::Full,
            flush: Duration::from_secs(10),
        }
    }
}

impl Journal {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        const PRIVACY: [(&str, Privacy); 4] = [
            ("full", Privacy::Full),
            ("no_devices", Privacy::NoDevices),
            ("no_names", Privacy::NoNames),
            ("off", Privacy::Off),
        ];
        let default = Self::default();
        let retention = Duration::from_hours(1)..=Duration::from_hours(24 * 3650);
        let flush = Duration::from_millis(100)..=Duration::from_hours(1);
        Self {
            store: section.value("store", default.store, StoreKind::read),
            retention: section.value("retention", default.retention, |item| {
                value::duration(item, retention.clone())
            }),
            privacy: section.value("privacy", default.privacy, |item| {
                value::word(item, &PRIVACY)
            }),
            flush: section.value("flush", default.flush, |item| {
                value::duration(item, flush.clone())
            }),
        }
    }
}

/// Where the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A file in `data_dir`.
    Sqlite,
}

impl StoreKind {
    fn read(item: &Item) -> Read<Self> {
        let is_postgres = item.text().is_some_and(|text| text.starts_with("postgres"));
        value::word(item, &[("sqlite", Self::Sqlite)]).map_err(|right| {
            if is_postgres {
                format!("PostgreSQL is not in this version yet; {right}")
            } else {
                right
            }
        })
    }
}

/// What is left out of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Nothing.
    Full,
    /// Which device asked.
    NoDevices,
    /// Which name was asked, unless an entry covers it.
    NoNames,
    /// Everything: there is no record.
    Off,
}
