//! What people wish, as they wrote it in the config file.
//!
//! Everything is checked here, at the edge: what comes out needs no second look. Start at
//! [`Config::load`].

mod blocking;
mod cache;
mod clock;
mod device;
mod dns;
mod dns64;
mod group;
mod journal;
mod list;
mod load;
mod local;
mod packs;
mod problem;
mod record;
mod rule;
mod schedule;
mod section;
mod stamp;
mod tls;
mod tree;
mod upstream;
mod value;
mod web;
mod wish;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use blocking::{BlockAnswer, Blocking, SafeSearch};
pub use cache::Cache;
pub use clock::not_ahead;
pub use device::{Device, DeviceMatch};
pub use dns::{AllowFrom, Dns, RateLimit, private_networks};
pub use dns64::Dns64;
pub use group::{DEFAULT_GROUP, Group, MAX_GROUPS, slug};
pub use journal::{DatabaseUrl, Journal, Privacy, StoreKind};
pub use list::{List, ListAction, ListFormat, ListSource, Lists, is_public};
pub use local::{Local, host_name};
pub use packs::{Level, PackAction, PackChoice, Packs, PacksSaid};
pub use problem::{ConfigProblems, Place, Problem};
pub use record::Record;
pub use rule::Rule;
pub use schedule::{Does, Moment, Schedule, Week, next_change};
pub use stamp::Stamp;
pub use tls::{CertificateFiles, Tls};
pub use upstream::{
    AnchorFile, Host, MAX_SETS, Route, Routes, Server, ServerUrl, Strategy, Upstream,
};
pub use value::{duration_within, in_words as duration_in_words, mac};
pub use web::{Password, Web, is_password_hash};
pub use wish::{DeviceWish, GroupWish, WishProblem};

/// The whole config; the sections are in the order of `config.example.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Folder of the database and all else that is kept. Relative: to the config file's folder.
    pub data_dir: PathBuf,
    /// `[dns]`
    pub dns: Dns,
    /// `[upstream]`
    pub upstream: Upstream,
    /// `[cache]`
    pub cache: Cache,
    /// `[blocking]`
    pub blocking: Blocking,
    /// `[local]`
    pub local: Local,
    /// `[[record]]`
    pub records: Vec<Record>,
    /// `[dns64]`
    pub dns64: Dns64,
    /// `[packs]`
    pub packs: Packs,
    /// `[lists]`
    pub lists: Lists,
    /// `[[list]]`
    pub subscribed: Vec<List>,
    /// By the names of lists that name groups: these. Those of the dashboard are among them.
    pub list_groups: BTreeMap<String, Vec<String>>,
    /// `[[rule]]`
    pub rules: Vec<Rule>,
    /// `[[group]]`; the first is the default.
    pub groups: Vec<Group>,
    /// `[[device]]`
    pub devices: Vec<Device>,
    /// `unknown_group` of `[devices]`: the group of devices that nobody named.
    pub unknown_group: String,
    /// `trust_mac_from` of `[devices]`: the routers that say for which hardware address they ask.
    pub trust_mac_from: Vec<ipnet::IpNet>,
    /// `mdns` of `[devices]`: whether devices are asked for their names by multicast DNS.
    pub mdns: bool,
    /// `[journal]`
    pub journal: Journal,
    /// `[web]`
    pub web: Web,
    /// The file that it was read from.
    pub file: ConfigFile,
}

/// The file of a config, if it has one.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile(pub Option<PathBuf>);

/// Where a config stands says nothing of what it is.
impl PartialEq for ConfigFile {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            dns: Dns::default(),
            upstream: Upstream::default(),
            cache: Cache::default(),
            blocking: Blocking::default(),
            local: Local::default(),
            records: Vec::new(),
            dns64: Dns64::default(),
            packs: Packs::default(),
            lists: Lists::default(),
            subscribed: Vec::new(),
            list_groups: BTreeMap::new(),
            rules: Vec::new(),
            groups: vec![Group::default_with(Packs::default())],
            devices: Vec::new(),
            unknown_group: DEFAULT_GROUP.to_owned(),
            trust_mac_from: Vec::new(),
            mdns: true,
            journal: Journal::default(),
            web: Web::default(),
            file: ConfigFile::default(),
        }
    }
}
