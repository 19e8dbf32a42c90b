//! DNS behaviour as text: plays the files of `tests/scenarios`, one area each.
//!
//! As ordinary tests they are played against a server in this process, whose clock they move.
//! `make scenarios` plays them against the built binary or against another server, and writes the
//! comparison. `file` says what a scenario can say, `play` is where one begins and ends.

mod ask;
mod expect;
mod file;
mod forge;
mod play;
mod record;
mod reply;
mod served;
mod table;
mod upstream;
mod wire;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use file::Area;
use play::{Outcome, play_all};
use served::Peer;

/// Makes a test of each file, and a test that none is forgotten.
macro_rules! areas {
    ($($area:ident),+ $(,)?) => {
        $(#[test] fn $area() { hold(stringify!($area)); })+

        #[test]
        fn every_file_is_played() {
            let played = BTreeSet::from([$(stringify!($area).to_owned()),+]);
            assert_eq!(names(), played);
        }
    };
}

areas! {
    access,
    blocking,
    cache,
    coalescing,
    dnssec,
    dnssec_zones,
    edns,
    failover,
    forgery,
    header,
    inspection,
    local_records,
    malformed,
    names_and_types,
    negative,
    rebinding,
    rewriting,
    sizes,
    special_names,
    stale,
    tcp,
    upstream_faults,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn names() -> BTreeSet<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().path());
    names
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn load(name: &str) -> Area {
    let path = folder().join(name).with_extension("toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut area: Area =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for scenario in &mut area.scenario {
        scenario.upstream.extend_from_slice(&area.upstream);
    }
    area
}

/// Plays an area against the server in this process.
fn hold(name: &str) {
    let area = load(name);
    let outcomes = play_all(Peer::Squelch, &area.scenario);
    let mut wrong = String::new();
    for (scenario, outcome) in area.scenario.iter().zip(outcomes) {
        let Outcome::Differs(problems) = outcome else {
            continue;
        };
        let (name, why) = (&scenario.name, &scenario.why);
        writeln!(wrong, "\n{name} ({why})\n    {}", problems.join("\n    ")).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Plays everything against the server named by the variable PEER, and writes the comparison.
#[test]
#[ignore = "`make scenarios PEER=unbound` plays it; other servers have to be installed"]
fn against_a_peer() {
    let peer = Peer::from_variable();
    let areas: Vec<Area> = names().iter().map(|name| load(name)).collect();
    let outcomes: Vec<_> = areas
        .iter()
        .map(|area| play_all(peer, &area.scenario))
        .collect();
    table::write(peer, &areas, &outcomes);
}

#[test]
fn the_comparison_tells_of_every_scenario() {
    let areas: Vec<Area> = names().iter().map(|name| load(name)).collect();
    let missing = table::missing(&areas);
    assert!(
        missing.is_empty(),
        "`make scenarios` tells of them: {missing:?}"
    );
}
