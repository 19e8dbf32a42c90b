//! What is found in a file of names: the names with their addresses, and the lines that are none.

use std::net::IpAddr;

use super::record::read_name;
use crate::query::Name;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub entries: Vec<Entry>,
    pub problems: Vec<LineProblem>,
}

/// An address, its names, and what has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub address: IpAddr,
    /// As in the file, in lower case; the first is the one that the address is called by.
    pub names: Vec<Name>,
    /// The hardware address that a lease is for.
    pub mac: Option<[u8; 6]>,
    /// Until when it holds, in seconds since 1970-01-01 UTC; `None` = until the file says
    /// otherwise.
    pub until_s: Option<i64>,
}

/// A line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct LineProblem {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Found {
    /// How many addresses have a name.
    pub(super) fn named(&self) -> usize {
        let entries = self.entries.iter();
        entries.filter(|entry| !entry.names.is_empty()).count()
    }

    pub(super) fn problem(&mut self, line: usize, reason: impl Into<String>) {
        let reason = reason.into();
        self.problems.push(LineProblem { line, reason });
    }
}

/// Names that a device must not choose: others would take their proxy, or their way into IPv6, from
/// it (CERT VU#598349).
const NOT_TO_CHOOSE: [&str; 3] = ["localhost", "wpad", "isatap"];

/// The name of a device in a lease, which it chose itself: its first label counts, because what
/// follows is the device's idea of where it is.
pub(super) fn lease_name(text: &str) -> Result<Option<Name>, String> {
    let first = text.split('.').next().unwrap_or_default();
    let is_first = |name: &&str| name.eq_ignore_ascii_case(first);
    if matches!(first, "" | "*") || NOT_TO_CHOOSE.iter().any(is_first) {
        return Ok(None);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !first.bytes().all(is_plain) {
        return Err(format!("{first:?} is no host name"));
    }
    read_name(first).map(Some).map_err(|why| why.to_string())
}
