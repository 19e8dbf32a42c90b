//! Squelch: all devices in its config, in two groups, and its journal on.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::load::DEVICES;
use super::{Kind, Peer, Place, version_of, watches, words};

pub fn peer() -> Peer {
    of("squelch", env!("CARGO_BIN_EXE_squelch").into())
}

/// Another build, as it was before a change.
pub fn before(program: PathBuf) -> Peer {
    of("before", program)
}

fn of(name: &'static str, program: PathBuf) -> Peer {
    Peer {
        name,
        version: version_of(&program, "--version"),
        program,
        prepare,
        reload: Some(watches),
        kind: Kind::Ours,
    }
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    let mut devices = String::new();
    for number in 1..=DEVICES {
        let group = if number % 4 == 0 { "kids" } else { "default" };
        writeln!(
            devices,
            "[[device]]\nname = \"Device {number}\"\nmatch = [\"127.0.1.{number}\"]\ngroup = \"{group}\""
        )
        .unwrap();
    }
    let config = format!(
        "data_dir = \"{}\"\n\
         [dns]\nlisten = [\"127.0.0.1:{}\"]\nworkers = 1\n\
         rate_limit = {{ queries_per_second = 0, burst = 0 }}\n\
         [dns.tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
         dot = [\"127.0.0.1:{}\"]\ndoh = [\"127.0.0.1:{}\"]\ndoh3 = []\ndoq = []\n\
         [upstream]\nservers = [\"udp://127.0.0.1:{}\"]\n\
         [cache]\nentries = 200000\nmax_size = \"128MB\"\n\
         [web]\nlisten = []\n\
         [[list]]\nname = \"million\"\nsource = \"{}\"\nformat = \"domains\"\n\
         [[group]]\nname = \"kids\"\n{devices}",
        place.text("data"),
        place.port,
        place.tls,
        place.https,
        place.upstream,
        place.list.display(),
    );
    place.write("config.toml", &config);
    words(&["serve", "--config", &place.text("config.toml")])
}
