//! `[journal]`: what is recorded, and for how long.

use std::time::Duration;

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

/// Where the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A file in `data_dir`.
    Sqlite,
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
