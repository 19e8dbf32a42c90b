//! `[journal]`: what is recorded, and for how long.

use std::fmt;
use std::time::Duration;

use url::Url;

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

/// Where the journal, and what people set, is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A file in `data_dir`.
    Sqlite,
    /// Such a file, and a database that several nodes share.
    Postgres(DatabaseUrl),
}

/// The address of a database, which may carry a password: it is never shown as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The address itself, for whoever connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://…")
    }
}

impl StoreKind {
    fn read(item: &Item) -> Read<Self> {
        let text = item.text().unwrap_or_default();
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        if !text.starts_with("postgres:") && !text.starts_with("postgresql:") {
            return Err("write \"sqlite\" or \"postgres://user@host/database\"".to_owned());
        }
        check_url(text)?;
        Ok(Self::Postgres(DatabaseUrl(text.to_owned())))
    }
}

/// What may stand behind the question mark.
const OPTIONS: [&str; 6] = [
    "host",
    "port",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
];
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

fn check_url(text: &str) -> Read<()> {
    let right = "write \"postgres://user@host/database\"";
    let url = Url::parse(text).map_err(|error| format!("{error}; {right}"))?;
    if !text.contains("://") || url.username().is_empty() {
        return Err(format!("there is no user; {right}"));
    }
    let database = url.path().trim_start_matches('/');
    if database.is_empty() || database.contains('/') {
        return Err(format!("there is no database; {right}"));
    }
    if url.fragment().is_some() {
        return Err("write a # in a password as %23".to_owned());
    }
    for (key, value) in url.query_pairs() {
        if !OPTIONS.contains(&&*key) {
            let known = OPTIONS.join(", ");
            return Err(format!("`{key}` is no known option; known here: {known}"));
        }
        if key == "sslmode" && !SSL_MODES.contains(&&*value) {
            let known = SSL_MODES.join(", ");
            return Err(format!("`{value}` is no sslmode; known are {known}"));
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_needs_a_user_and_a_name_and_no_unknown_options() {
        for good in [
            "postgres://squelch@db.example/squelch",
            "postgresql://squelch:secret@192.0.2.1:5433/home?sslmode=verify-full",
            "postgres://squelch@localhost/squelch?host=/run/postgresql",
        ] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for (bad, word) in [
            ("postgres://db.example/squelch", "no user"),
            ("postgres:squelch", "no user"),
            ("postgres://squelch@db.example", "no database"),
            ("postgres://squelch@db.example/a/b", "no database"),
            ("postgres://squelch@db.example/a?ssl=1", "`ssl`"),
            ("postgres://squelch@db.example/a?sslmode=on", "`on`"),
            ("postgres://squelch:a#b@db.example/a", "port"),
            ("postgres://squelch@db.example:x/a", "port"),
        ] {
            let wrong = check_url(bad).unwrap_err();
            assert!(wrong.contains(word), "{bad}: {wrong}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = DatabaseUrl("postgres://squelch:secret@db.example/squelch".to_owned());
        let config = Journal {
            store: StoreKind::Postgres(url),
            ..Journal::default()
        };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
