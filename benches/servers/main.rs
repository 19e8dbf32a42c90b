//! Squelch and its peers side by side on one machine: the same million blocked names, the same
//! queries, the same upstream, on loopback.
//!
//! The server has one core for itself, the load and the upstream another. A bare echo, which
//! receives, flips a bit and sends, is a row of each table: it is the limit. Each server is run
//! several times, in turn with the others, and medians are kept: `make bench`.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has failed")]
#![expect(clippy::indexing_slicing, reason = "a benchmark that fails has failed")]
#![expect(clippy::print_stdout, reason = "progress is for people")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod answering;
#[path = "../common/dice.rs"]
mod dice;
mod encrypted;
mod load;
mod names;
mod peers;
mod process;
mod report;
mod rounds;

use std::path::PathBuf;

use rounds::Scope;

/// The core of the server that is measured.
const SERVER_CORE: usize = 0;
/// The core of the load and of the upstream.
const LOAD_CORE: usize = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["echo", port] => answering::echo(port.parse().unwrap()),
        ["upstream", port, delay_us] => {
            answering::upstream(port.parse().unwrap(), delay_us.parse().unwrap());
        }
        _ => compare(&words),
    }
}

/// Runs all, and prints the tables; `--write FILE` puts them into a page, too. `--only NAMES` leaves
/// out other servers, and `--misses` all but names that nobody has asked for; `--beside PROGRAM` is
/// another build of Squelch, as it was before a change.
fn compare(words: &[&str]) {
    let value = |name: &str| {
        let mut rest = words.iter().skip_while(|word| **word != name);
        rest.nth(1).copied()
    };
    let rounds: usize = value("--rounds").map_or(3, |text| text.parse().unwrap());
    let only = value("--only").map(|names| names.split(',').collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    println!("making a list of {} names", names::BLOCKED);
    let material = names::Material::make(folder.path());
    let mut peers = peers::installed(value("--beside").map(PathBuf::from));
    if let Some(only) = only {
        peers.retain(|peer| only.contains(&peer.name));
    }
    let scope = if words.contains(&"--misses") {
        Scope::Misses
    } else {
        Scope::All
    };
    let results = rounds::run(&peers, &material, (rounds, scope));
    let text = report::text(&results);
    println!("{text}");
    if let Some(page) = value("--write") {
        report::write(&PathBuf::from(page), &text);
    }
}
