//! Hosts files: an address and its names on each line (hosts(5)).

use std::net::IpAddr;

use super::lines::{Entry, Found};
use super::record::read_name;

/// Names that mean this machine, whoever asks.
const OWN: [&str; 9] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-allnodes",
    "ip6-allrouters",
    "broadcasthost",
];

/// Reads a hosts file. Loopback addresses are this machine's own business and are left out.
pub(super) fn read(text: &str) -> Found {
    let mut found = Found::default();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default();
        let mut words = text.split_whitespace();
        let Some(first) = words.next() else { continue };
        // Link-local addresses may have an interface: fe80::1%eth0.
        let Ok(address) = first.split('%').next().unwrap_or(first).parse::<IpAddr>() else {
            found.problem(line, format!("{first:?} is no address"));
            continue;
        };
        let mut names = Vec::new();
        let mut count = 0;
        for word in words {
            count += 1;
            match read_name(word) {
                Ok(_) if OWN.contains(&word.to_ascii_lowercase().as_str()) => {}
                Ok(name) => names.push(name),
                Err(why) => found.problem(line, format!("{word:?}: {why}")),
            }
        }
        if count == 0 {
            found.problem(line, "an address without a name");
        }
        if !names.is_empty() && !address.is_loopback() {
            found.entries.push(Entry {
                mac: None,
                address,
                names,
                until_s: None,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_lines_count_and_bad_ones_are_told() {
        let found = read(
            "127.0.0.1 localhost mine\n\
             # a comment\n\
             192.0.2.10\tNAS nas.example # the big one\n\
             \n\
             2001:db8::1 tv\n\
             192.0.2.300 wrong\n\
             192.0.2.11\n\
             192.0.2.12 good bad..name\n\
             fe80::1%eth0 router\r\n",
        );
        let entries: Vec<String> = found
            .entries
            .iter()
            .map(|entry| {
                let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
                format!("{} {}", entry.address, names.join(" "))
            })
            .collect();
        assert_eq!(
            entries,
            [
                "192.0.2.10 nas nas.example",
                "2001:db8::1 tv",
                "192.0.2.12 good",
                "fe80::1 router"
            ]
        );
        let lines: Vec<usize> = found.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [6, 7, 8]);
        assert!(found.problems[0].reason.contains("192.0.2.300"));
    }
}
