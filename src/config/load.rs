//! From a file's text and the environment to a [`Config`], or to everything that is wrong.

use std::path::{Path, PathBuf};

use super::group::{DEFAULT_GROUP, Known, group_name};
use super::problem::{ConfigProblems, Place, Problem};
use super::section::{Notes, Section};
use super::tree::{self, Table};
use super::value::{self, path};
use super::{
    Blocking, Cache, Config, ConfigFile, Device, Dns, Dns64, Group, Journal, List, Lists, Local,
    Packs, Record, Rule, Upstream, Web,
};

/// Where a config is looked for when none is named.
const USUAL: [&str; 2] = ["config.toml", "/etc/squelch/config.toml"];

/// Environment variables that begin like this override the file.
const PREFIX: &str = "SQUELCH_";

/// Variables that Kubernetes and linked containers set for a service called `squelch`.
const NOT_OURS: [&str; 2] = ["SQUELCH_SERVICE_", "SQUELCH_PORT"];

/// No key is nested deeper than this.
const DEEPEST: usize = 4;

impl Config {
    /// Reads `file`, or `./config.toml`, or `/etc/squelch/config.toml`; without any of them the
    /// defaults hold. Environment variables override what was read.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigProblems> {
        let (config, problems) = Self::read_whole(file);
        if problems.0.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// As [`Config::load`]; what was understood is there also where something else is wrong, so
    /// that all problems can be told at once.
    pub fn read_whole(file: Option<&Path>) -> (Self, ConfigProblems) {
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                Some((name, value.to_string_lossy().into_owned()))
            })
            .collect();
        let Some(file) = Self::locate(file) else {
            return whole("", Path::new(""), &variables);
        };
        let text = std::fs::read(&file).map_err(|error| format!("reading the file: {error}"));
        let no_text = |_| "the file is no UTF-8 text".to_owned();
        match text.and_then(|bytes| String::from_utf8(bytes).map_err(no_text)) {
            Ok(text) => whole(&text, &file, &variables),
            Err(message) => (Self::default(), unreadable(&file, message)),
        }
    }

    /// The file that [`Config::load`] reads, if any.
    pub fn locate(file: Option<&Path>) -> Option<PathBuf> {
        match file {
            Some(file) => Some(file.to_owned()),
            None => USUAL.iter().map(PathBuf::from).find(|path| path.exists()),
        }
    }

    /// Reads the text of `file`, then the variables that begin with `SQUELCH_`.
    pub fn from_text(
        text: &str,
        file: &Path,
        variables: &[(String, String)],
    ) -> Result<Self, ConfigProblems> {
        let (config, problems) = whole(text, file, variables);
        if problems.0.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }
}

fn whole(text: &str, file: &Path, variables: &[(String, String)]) -> (Config, ConfigProblems) {
    let (config, notes) = read(text, file, variables);
    (config, notes.into_problems())
}

fn read(text: &str, file: &Path, variables: &[(String, String)]) -> (Config, Notes) {
    let origin = file.display().to_string();
    let (mut table, problems) = tree::read(text, &origin);
    override_with(&mut table, variables);
    let notes = Notes::new(problems);
    let place = Place {
        origin: origin.into(),
        line: None,
    };
    let base = file.parent().unwrap_or(Path::new(""));
    let config = Section::root(table, place, &notes, |root| Config::read(root, base));
    let file = ConfigFile(file.file_name().map(|_| file.to_owned()));
    (Config { file, ..config }, notes)
}

impl Config {
    fn read(root: &mut Section<'_>, base: &Path) -> Self {
        let default = base.join(Self::default().data_dir);
        let lists = root.section("lists", Lists::read);
        let names = Group::names(root);
        let devices = Device::read_all(root, &names);
        let packs = root.section("packs", |section| Packs::read(section, base));
        let subscribed = List::read_all(root, (&lists, &names), base);
        let mut rules = Rule::read_all(root, &devices, &names);
        let lists_here: Vec<String> = subscribed.iter().map(|list| list.name.clone()).collect();
        let known = Known {
            names: Some(&lists_here),
            what: "[[list]] of this file",
        };
        let groups = Group::read_all(root, &packs, &known, &mut rules);
        let packs = packs.with_default_of(&groups);
        let (unknown_group, trust_mac_from, mdns) = root.section("devices", |section| {
            let default = DEFAULT_GROUP.to_owned();
            let group = section.value("unknown_group", default, |item| group_name(item, &names));
            let networks = section.values("trust_mac_from", Vec::new(), |item| {
                let right = "write an address or a network, such as \"192.168.0.1\"";
                let network = item.text().and_then(value::network);
                network.ok_or_else(|| right.to_owned())
            });
            (group, networks, section.value("mdns", true, value::truth))
        });
        let upstream = root.section("upstream", |section| Upstream::read(section, base));
        Self {
            data_dir: root.value("data_dir", default, |item| path(item, base)),
            dns: root.section("dns", |section| Dns::read(section, base)),
            upstream: upstream.with_sets(&groups, root),
            cache: root.section("cache", Cache::read),
            blocking: root.section("blocking", Blocking::read),
            local: root.section("local", |section| Local::read(section, base)),
            records: Record::read_all(root),
            dns64: root.section("dns64", Dns64::read),
            groups,
            unknown_group,
            trust_mac_from,
            mdns,
            packs,
            lists,
            list_groups: List::groups_of(&subscribed),
            subscribed,
            rules,
            devices,
            journal: root.section("journal", Journal::read),
            web: root.section("web", Web::read),
            file: ConfigFile::default(),
        }
    }
}

/// `SQUELCH_WEB__LISTEN` sets `web.listen`.
fn override_with(table: &mut Table, variables: &[(String, String)]) {
    let mut variables: Vec<&(String, String)> = variables.iter().collect();
    // A section before its keys, whatever the order of the environment.
    variables.sort();
    for (name, value) in variables {
        let is_ours = !NOT_OURS.iter().any(|other| name.starts_with(other));
        let Some(key) = name.strip_prefix(PREFIX).filter(|_| is_ours) else {
            continue;
        };
        let path: Vec<String> = key
            .to_ascii_lowercase()
            .splitn(DEEPEST, "__")
            .map(str::to_owned)
            .collect();
        tree::set(table, &path, name, value);
    }
}

fn unreadable(file: &Path, message: String) -> ConfigProblems {
    ConfigProblems(vec![Problem {
        place: Place {
            origin: file.display().to_string().into(),
            line: None,
        },
        key: String::new(),
        message,
    }])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::super::{BlockAnswer, DeviceMatch, Level, ListAction, ListFormat, PackAction};
    use super::*;

    const EXAMPLE: &str = include_str!("../../config.example.toml");

    fn load(text: &str) -> Result<Config, ConfigProblems> {
        load_with(text, &[])
    }

    fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigProblems> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let variables: Vec<_> = variables.iter().map(owned).collect();
        Config::from_text(text, Path::new("config.toml"), &variables)
    }

    fn problems(text: &str) -> String {
        load(text).unwrap_err().to_string()
    }

    /// The example with its example lines switched on.
    fn full_example() -> String {
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
            Some(code) if !code.is_empty() && !code.starts_with(' ') => code,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_is_the_default() {
        let example = Config::from_text(EXAMPLE, Path::new("config.example.toml"), &[]).unwrap();
        assert_eq!(example, Config::default());
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(load("").unwrap(), Config::default());
    }

    #[test]
    fn the_example_shows_every_key() {
        let (_, notes) = read(EXAMPLE, Path::new(""), &[]);
        let all = notes.known();
        let (table, _) = tree::read(EXAMPLE, "");
        let (full, _) = tree::read(&full_example(), "");
        let optional = [
            "dns.tls",
            "packs.folder",
            "list",
            "rule",
            "device",
            "group",
            "record",
            "upstream.route",
            "upstream.trust_anchors",
        ];
        for key in all {
            let shown = if optional.contains(&key.as_str()) {
                &full
            } else {
                &table
            };
            assert!(has(shown, &key), "{key} is not in config.example.toml");
        }
    }

    #[test]
    fn groups_take_over_what_they_do_not_say() {
        let text = r#"
[packs]
default = "off"
xiaomi = "watch"
[[list]]
name = "ads"
source = "/ads"
[[list]]
name = "games"
source = "/games"
groups = ["kids"]
[[group]]
name = "kids"
packs = { level = "strict", oneplus = "block" }
lists = ["ads"]
rules = ["||game.example^", "@@||school.example^"]
safesearch = ["google"]
[[group]]
name = "default"
packs = { default = "block" }
[[device]]
name = "Tablet"
match = "192.0.2.7"
group = "kids"
[devices]
unknown_group = "kids"
"#;
        let config = load(text).unwrap();
        let [default, kids] = config.groups.as_slice() else {
            panic!("two groups: {:?}", config.groups);
        };
        assert_eq!(
            (default.name.as_str(), default.packs.default),
            ("default", PackAction::Block)
        );
        assert_eq!(kids.packs.default, PackAction::Off);
        assert_eq!(
            kids.packs.choice("oneplus"),
            (PackAction::Block, Level::Strict)
        );
        assert_eq!(
            kids.packs.choice("xiaomi"),
            (PackAction::Watch, Level::Strict)
        );
        assert_eq!(config.unknown_group_number(), 1);
        let rules = config.rules.iter();
        let rules: Vec<_> = rules
            .map(|rule| (rule.text.as_str(), rule.action))
            .collect();
        assert_eq!(
            rules,
            [
                ("||game.example^", ListAction::Block),
                ("||school.example^", ListAction::Allow)
            ]
        );
    }

    #[test]
    fn what_is_wrong_about_groups_is_told_with_the_nearest() {
        let text = r#"
[[group]]
name = "kids"
lists = ["adds"]
packs = { default = "blok" }
[[group]]
name = "kids"
colour = "red"
[[list]]
name = "ads"
source = "/ads"
groups = ["kid"]
[[device]]
name = "Tablet"
match = "192.0.2.7"
group = "kidz"
[[rule]]
match = "||a.example^"
groups = ["guests"]
[devices]
unknown_group = "nobody"
"#;
        assert_snapshot!(problems(text), @r#"
        config.toml:4: group[0].lists[0] = "adds": no [[list]] of this file has this name; did you mean "ads"?
        config.toml:5: group[0].packs.default = "blok": write "block", "watch" or "off"
        config.toml:7: group[1].name = "kids": another group has this name
        config.toml:8: group[1].colour is no known key; known here: lists, name, packs, rules, safesearch, schedule, upstream
        config.toml:12: list[0].groups[0] = "kid": no [[group]] has this name; did you mean "kids"?
        config.toml:16: device[0].group = "kidz": no [[group]] has this name; did you mean "kids"?
        config.toml:19: rule[0].groups[0] = "guests": no [[group]] has this name
        config.toml:21: devices.unknown_group = "nobody": no [[group]] has this name
        "#);
    }

    #[test]
    fn groups_whose_names_come_to_the_same_id_are_told() {
        let names = ["default", "Kids", "kids!", "Default", "guests"];
        let groups = names.map(|name| format!("[[group]]\nname = \"{name}\"\n"));
        assert_snapshot!(problems(&groups.concat()), @r#"
        config.toml:6: group[2].name = "kids!": group "Kids" has the same id, "kids": write names that differ in more than capitals and signs
        config.toml:8: group[3].name = "Default": group "default" has the same id, "default": write names that differ in more than capitals and signs
        "#);
    }

    #[test]
    fn misspelled_packs_of_a_group_are_told_by_its_key() {
        let text = "[[group]]\nname = \"kids\"\npacks = { xaomi = \"block\" }\n\
                    [[group.schedule]]\npacks = { xioami = \"off\", xiaomi = \"off\" }";
        let config = load(text).unwrap();
        let found = config.groups[1].unknown_packs(&["xiaomi"]);
        assert_snapshot!(ConfigProblems(found), @r"
        config.toml:3: group[0].packs.xaomi is no known pack; did you mean xiaomi?
        config.toml:5: group[0].schedule[0].packs.xioami is no known pack; did you mean xiaomi?
        ");
    }

    fn has(table: &Table, key: &str) -> bool {
        match key.split_once('.') {
            None => table.contains_key(key),
            Some((section, rest)) => table.get(section).is_some_and(|item| match &item.value {
                tree::Value::Table(inner) => has(inner, rest),
                _ => false,
            }),
        }
    }

    #[test]
    fn the_examples_in_the_example_load() {
        let config = load(&full_example()).unwrap();
        assert_eq!(config.packs.folder, Some(PathBuf::from("blocklists")));
        assert_eq!(
            config.packs.choice("xiaomi"),
            (PackAction::Block, Level::Standard)
        );
        assert_eq!(
            config.packs.choice("oneplus"),
            (PackAction::Block, Level::Strict)
        );
        let before = EXAMPLE.split("#xiaomi").next().unwrap();
        let line = before.lines().count() + 1;
        assert_eq!(config.packs.places["xiaomi"].line, Some(line));
        assert_eq!(
            config.devices[0].matches,
            [
                DeviceMatch::Mac([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]),
                DeviceMatch::Ip("192.0.2.7".parse().unwrap()),
                DeviceMatch::Network("192.0.2.0/28".parse().unwrap()),
                DeviceMatch::Host("kids-tablet".to_owned()),
            ]
        );
    }

    #[test]
    fn five_mistakes_get_five_messages() {
        let text = r#"
[dns]
lisen = ["0.0.0.0:53"]
allow_from = ["private", "192.168.0.0/33"]

[upstream]
timeout = "2 minutes"
strategy = "quickest"

[web]
listen = "192.0.2.1"
"#;
        assert_snapshot!(problems(text), @r#"
        config.toml:3: dns.lisen is no known key; did you mean listen?
        config.toml:4: dns.allow_from[1] = "192.168.0.0/33": write "private", "any", or a network such as "192.168.0.0/16"
        config.toml:7: upstream.timeout = "2 minutes": write a number and a unit (ms, s, m, h or d), such as "10s"
        config.toml:8: upstream.strategy = "quickest": write "fastest", "ordered", "race" or "spread"
        config.toml:11: web.listen = "192.0.2.1": write an address with a port, such as "127.0.0.1:8053"
        "#);
    }

    #[test]
    fn wrong_values_are_told_with_what_would_be_right() {
        let text = r#"
data_dir = 7
workers = 4
colour = "red"
packs = "block"

[dns]
listen = ["0.0.0.0", 53, "[::]:53"]
workers = 1000
allow_from = []
rate_limit = { queries_per_second = 10, burst = 0, per = "device" }

[upstream]
servers = ["9.9.9.9", "https://dns.example/dns-query"]
bootstrap = "dns.example"
timeout = "0s"
strategy = "random"

[cache]
entries = -1
min_ttl = "2h"
max_ttl = "1h"
negative_max_ttl = "1500ms"

[blocking]
answer = { ipv4 = "2001:db8::1" }
ttl = 10
canaries = "yes"

[journal]
store = "postgres://squelch:secret@db.example"
privacy = "none"
retention = "1m"
"#;
        assert_snapshot!(problems(text), @r#"
        config.toml:2: data_dir = 7: write a path in quotes
        config.toml:3: workers is no known key here; did you mean dns.workers?
        config.toml:4: colour is no known key; known here: blocking, cache, data_dir, device, devices, dns, dns64, group, journal, list, lists, local, packs, record, rule, upstream, web
        config.toml:5: packs = "block": write a table, with keys and values
        config.toml:8: dns.listen[0] = "0.0.0.0": write an address with a port, such as "192.0.2.1:53" or "[2001:db8::1]:53"
        config.toml:8: dns.listen[1] = 53: write an address with a port, such as "192.0.2.1:53" or "[2001:db8::1]:53"
        config.toml:9: dns.workers = 1000: write a whole number from 0 to 256
        config.toml:10: dns.allow_from is empty: write "private", "any", or networks
        config.toml:11: dns.rate_limit.burst = 0 lets nobody ask: write at least 1, or queries_per_second = 0 for no limit
        config.toml:11: dns.rate_limit.per is no known key; known here: burst, queries_per_second
        config.toml:14: upstream.servers[0] = "9.9.9.9": no scheme; write udp://ip[:port], tcp://ip[:port], tls:// or quic://ip[:port]#name, https:// or h3://host[:port]/path
        config.toml:15: upstream.bootstrap = "dns.example": write an address without a port, such as "9.9.9.9"
        config.toml:16: upstream.timeout = "0s": write a time from "100ms" to "1m"
        config.toml:17: upstream.strategy = "random": write "fastest", "ordered", "race" or "spread"
        config.toml:20: cache.entries = -1: write a whole number from 0 to 10000000
        config.toml:21: cache.min_ttl is longer than max_ttl: write a shorter one
        config.toml:23: cache.negative_max_ttl = "1500ms": write whole seconds, such as "10s"
        config.toml:26: blocking.answer.ipv4 = "2001:db8::1": write an address without a port, such as "192.0.2.1"
        config.toml:27: blocking.ttl = 10: write a number and a unit (ms, s, m, h or d), such as "10s"
        config.toml:28: blocking.canaries = "yes": write true or false
        config.toml:31: journal.store = "postgres://…@db.example": there is no database; write "postgres://user@host/database"
        config.toml:32: journal.privacy = "none": write "full", "no_devices", "no_names" or "off"
        config.toml:33: journal.retention = "1m": write a time from "1h" to "3650d"
        "#);
    }

    #[test]
    fn wrong_devices_are_told_with_their_number() {
        let text = r#"
[[device]]
name = "Television"
match = "192.0.2.7"

[[device]]
name = "Television"
match = ["192.0.2.8", "192.0.2.7"]

[[device]]
match = ["aa:bb:cc:dd:ee", "192.0.2.300"]
nme = "Phone"

[[device]]
name = ""
group = "kids"
"#;
        assert_snapshot!(problems(text), @r#"
        config.toml:7: device[1].name = "Television": another device has this name
        config.toml:8: device[1].match is also in device "Television": remove it in one
        config.toml:10: device[2].name is missing: write what you call it
        config.toml:11: device[2].match[0] = "aa:bb:cc:dd:ee": write a MAC address (aa:bb:cc:dd:ee:ff), an address (192.0.2.7), a network (192.0.2.0/28) or a host name (kids-tablet)
        config.toml:11: device[2].match[1] = "192.0.2.300": write a MAC address (aa:bb:cc:dd:ee:ff), an address (192.0.2.7), a network (192.0.2.0/28) or a host name (kids-tablet)
        config.toml:12: device[2].nme is no known key; did you mean name?
        config.toml:14: device[3].match is missing: write at least one MAC address, address, network or host name
        config.toml:15: device[3].name = "": write a text in quotes
        config.toml:16: device[3].group = "kids": no [[group]] has this name
        "#);
    }

    #[test]
    fn wrong_lists_and_rules_are_told_with_what_would_be_right() {
        let text = r#"
[lists]
max_size = "300"

[[list]]
name = "one"
source = "http://lists.example/hosts"
action = "blok"
format = "host"

[[list]]
name = "one"
source = "https://192.168.1.1/hosts"
refresh = "10s"
groups = ["kids"]

[[list]]
name = "two"
source = "https://me:secret@lists.example/"

[[list]]
source = "ftp://lists.example/hosts"

[[device]]
name = "Television"
match = "192.0.2.7"
tags = ["Device TV"]

[[rule]]
action = "block"

[[rule]]
match = "||telemetry.example^"
devices = ["television"]
"#;
        assert_snapshot!(problems(text), @r#"
        config.toml:3: lists.max_size = "300": write a number and a unit (kB, MB or GB), such as "300MB"
        config.toml:7: list[0].source = "http://lists.example/hosts": write https://: plain HTTP is accepted only with allow_private_sources = true in [lists]
        config.toml:8: list[0].action = "blok": write "block", "watch" or "allow"
        config.toml:9: list[0].format = "host": write "auto", "hosts", "domains", "adblock", "pihole", "wildcard", "rpz", "dnsmasq" or "unbound"
        config.toml:12: list[1].name = "one": another list has this name
        config.toml:13: list[1].source = "https://192.168.1.1/hosts": this is a private address, accepted only with allow_private_sources = true in [lists]
        config.toml:14: list[1].refresh = "10s": write a time from "1m" to "365d"
        config.toml:15: list[1].groups[0] = "kids": no [[group]] has this name
        config.toml:19: list[2].source = "https://…@lists.example/": remove the password: the dashboard shows this address
        config.toml:21: list[3].name is missing: write what you call it
        config.toml:22: list[3].source = "ftp://lists.example/hosts": ftp:// is not supported: write https://…, or a file's path
        config.toml:27: device[0].tags[0] = "Device TV": write a tag in small letters, such as "device_tv"
        config.toml:29: rule[0].match is missing: write adblock syntax such as "||telemetry.example^", or a "/regex/"
        config.toml:34: rule[1].devices[0] = "television": no [[device]] has this name; did you mean "Television"?
        "#);
    }

    #[test]
    fn lists_and_rules_are_read_with_their_defaults() {
        let text = r#"
[[list]]
name = "private"
source = "http://192.0.2.1/hosts"
[[list]]
name = "file"
source = "lists/hosts.txt"
action = "allow"
format = "hosts"
refresh = "6h"
groups = ["default"]
[[rule]]
match = "||telemetry.example^"
[lists]
allow_private_sources = true
max_size = "1GB"
"#;
        let file = Path::new("/etc/squelch/config.toml");
        let config = Config::from_text(text, file, &[]).unwrap();
        assert_eq!(config.lists.max_size, 1_000_000_000);
        let [private, other] = &config.subscribed[..] else {
            panic!("two lists")
        };
        assert_eq!(private.source.to_string(), "http://192.0.2.1/hosts");
        assert_eq!((private.action, private.format), (ListAction::Block, None));
        assert_eq!(private.refresh, Duration::from_hours(24));
        assert_eq!(private.place.line, Some(2));
        assert_eq!(other.source.to_string(), "/etc/squelch/lists/hosts.txt");
        assert_eq!(
            (other.action, other.format),
            (ListAction::Allow, Some(ListFormat::Hosts))
        );
        assert_eq!(other.refresh, Duration::from_hours(6));
        assert_eq!(config.rules[0].action, ListAction::Block);
        assert_eq!(config.rules[0].devices, None);
    }

    #[test]
    fn broken_syntax_and_wrong_values_are_told_together() {
        let text =
            "[dns\nworkers = 2\n[cache]\nentries = \"many\"\nentries = 5\n[web]\nlisten = \n";
        assert_snapshot!(problems(text), @r#"
        config.toml:1: this is no TOML: unclosed table, expected `]`
        config.toml:4: cache.entries = "many": write a whole number from 0 to 10000000
        config.toml:5: this is no TOML: duplicate key
        config.toml:7: this is no TOML: string values must be quoted, expected literal string
        "#);
    }

    #[test]
    fn misspelled_packs_are_told_with_the_nearest() {
        let config =
            load("[packs]\nxaomi = \"block\"\ndefualt = \"off\"\noneplus = \"off\"\n").unwrap();
        let found = config.packs.unknown(&["oneplus", "xiaomi"]);
        assert_snapshot!(ConfigProblems(found).to_string(), @r#"
        config.toml:2: packs.xaomi is no known pack; did you mean xiaomi?
        config.toml:3: packs.defualt is no known pack; did you mean default?
        "#);
    }

    #[test]
    fn a_pack_takes_a_word_or_a_table() {
        let text =
            "[packs]\na = \"of\"\nb = { level = \"strict\" }\nc = { action = \"no\", lvel = 1 }";
        assert_snapshot!(problems(text), @r#"
        config.toml:2: packs.a = "of": write "block", "watch" or "off", or { action = …, level = … }
        config.toml:4: packs.c.action = "no": write "block", "watch" or "off"
        config.toml:4: packs.c.lvel is no known key; did you mean level?
        "#);
        let config = load("[packs]\ndefault = \"block\"\nb = { level = \"strict\" }").unwrap();
        assert_eq!(config.packs.choice("b"), (PackAction::Block, Level::Strict));
    }

    #[test]
    fn variables_override_the_file() {
        let text = "[upstream]\ntimeout = \"3s\"\n[packs]\noppo-realme = \"block\"";
        let variables = [
            ("SQUELCH_DATA_DIR", "2026"),
            ("SQUELCH_WEB__LISTEN", "127.0.0.1:0"),
            (
                "SQUELCH_UPSTREAM__SERVERS",
                "[\"udp://192.0.2.1\", \"tls://192.0.2.2#dns.example\"]",
            ),
            ("SQUELCH_DNS__RATE_LIMIT__BURST", "5"),
            ("SQUELCH_DNS__ALLOW_FROM", "any"),
            ("SQUELCH_BLOCKING__ANSWER", "{ ipv4 = \"192.0.2.9\" }"),
            ("SQUELCH_PACKS__OPPO_REALME", "off"),
            ("SQUELCH_JOURNAL__RETENTION", "30d"),
            ("SQUELCH_SERVICE_HOST", "192.0.2.5"),
            ("SQUELCH_PORT_53_UDP_ADDR", "192.0.2.5"),
            ("OTHER", "x"),
        ];
        let config = load_with(text, &variables).unwrap();
        assert_eq!(config.data_dir, Path::new("2026"));
        assert_eq!(config.web.listen, ["127.0.0.1:0".parse().unwrap()]);
        assert_eq!(config.upstream.servers.len(), 2);
        assert_eq!(config.upstream.timeout, Duration::from_secs(3));
        assert_eq!(config.dns.rate_limit.burst, 5);
        assert_eq!(config.dns.rate_limit.queries_per_second, 1000);
        assert!(
            config
                .dns
                .allow_from
                .contains("203.0.113.5".parse().unwrap())
        );
        let ipv4 = Some("192.0.2.9".parse().unwrap());
        let answer = BlockAnswer::Address { ipv4, ipv6: None };
        assert_eq!(config.blocking.answer, answer);
        assert_eq!(
            config.packs.choice("oppo-realme"),
            (PackAction::Off, Level::Standard)
        );
        assert_eq!(config.journal.retention, Duration::from_hours(24 * 30));
    }

    #[test]
    fn wrong_variables_are_told_by_their_name() {
        let variables = [
            ("SQUELCH_WEB__LISEN", "127.0.0.1:0"),
            ("SQUELCH_CACHE__ENTRIES", "many"),
            ("SQUELCH_A__B__C__D__E", "1"),
            ("SQUELCH_CACHE_MIN_TTL", "1s"),
        ];
        let found = load_with("", &variables).unwrap_err().to_string();
        assert_snapshot!(found, @r#"
        environment variable SQUELCH_CACHE__ENTRIES: cache.entries = "many": write a whole number from 0 to 10000000
        environment variable SQUELCH_WEB__LISEN: web.lisen is no known key; did you mean listen?
        environment variable SQUELCH_A__B__C__D__E: a is no known key; known here: blocking, cache, data_dir, device, devices, dns, dns64, group, journal, list, lists, local, packs, record, rule, upstream, web
        environment variable SQUELCH_CACHE_MIN_TTL: cache_min_ttl is no known key here; did you mean cache.min_ttl?
        "#);
    }

    #[test]
    fn relative_paths_begin_at_the_file() {
        let text = "data_dir = \"here\"\n[packs]\nfolder = \"packs\"";
        let config = Config::from_text(text, Path::new("/etc/squelch/config.toml"), &[]).unwrap();
        assert_eq!(config.data_dir, Path::new("/etc/squelch/here"));
        assert_eq!(
            config.packs.folder,
            Some(PathBuf::from("/etc/squelch/packs"))
        );
        let config = Config::from_text("", Path::new("/etc/squelch/config.toml"), &[]).unwrap();
        assert_eq!(config.data_dir, Path::new("/etc/squelch/data"));
    }

    #[test]
    fn deep_nesting_is_told_and_not_followed() {
        let deep = "a.".repeat(100_000) + "b = 1";
        assert!(load(&deep).is_err());
        let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(load(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_loader_panic(text in ".{0,200}") {
            let _ = load(&text);
        }

        #[test]
        fn no_change_of_the_example_makes_the_loader_panic(
            at in 0..EXAMPLE.len(),
            until in 0..40usize,
            text in r#"[\[\]{}"'=.,#\na-z0-9:\\]{0,12}"#,
        ) {
            let full = full_example();
            let mut bytes = full.into_bytes();
            let end = (at + until).min(bytes.len());
            bytes.splice(at.min(end)..end, text.into_bytes());
            let _ = load(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn no_variable_makes_the_loader_panic(
            name in "(DNS|WEB|PACKS|DEVICE|UPSTREAM|CACHE)?(__)?[A-Z_]{0,12}",
            value in ".{0,60}",
        ) {
            let _ = load_with(EXAMPLE, &[(&format!("SQUELCH_{name}"), &value)]);
        }
    }
}
