//! `[local]`: the home's own names, and the files that know them.

use std::fs;
use std::path::{Path, PathBuf};

use super::section::Section;
use super::tree::Item;
use super::value;

/// The home's own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The domain below which they stand, in lower case.
    pub domain: String,
    /// Hosts files.
    pub hosts: Vec<PathBuf>,
    /// Files in which DHCP servers keep their leases.
    pub leases: Vec<PathBuf>,
}

/// The name of this machine, in lower case; empty where the system does not tell.
pub fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_ascii_lowercase()
}

impl Default for Local {
    fn default() -> Self {
        Self {
            // RFC 8375: for homes, and nobody's outside.
            domain: "home.arpa".to_owned(),
            hosts: Vec::new(),
            leases: Vec::new(),
        }
    }
}

impl Local {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        let default = Self::default();
        let files = |item: &Item| value::path(item, base);
        Self {
            domain: section.value("domain", default.domain, value::domain),
            hosts: section.values("hosts", default.hosts, files),
            leases: section.values("leases", default.leases, files),
        }
    }
}
