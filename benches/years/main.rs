//! Years of a home's journal, and what the dashboard's calls take then: size on disk, times, how
//! far is looked, what devices notice of it, how much is written in an hour, and what it takes to export
//! all of it and to delete a device.
//!
//! `make bench-years`. With `--folder DIR` the database is kept there and used again.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has failed")]
#![expect(clippy::indexing_slicing, reason = "a benchmark that fails has failed")]
#![expect(clippy::print_stdout, reason = "the figures are for people")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../servers/answering.rs"]
mod answering;
mod calls;

#[path = "../common/dice.rs"]
mod dice;
mod elsewhere;
mod erase;
mod fill;
mod home;
#[expect(dead_code, reason = "the load of UDP is shared, that of TCP is not")]
#[path = "../servers/load.rs"]
mod load;
mod names;
#[expect(dead_code, reason = "a part is shared")]
#[path = "../servers/process.rs"]
mod process;
mod server;

use std::path::{Path, PathBuf};

use home::Home;

const ROWS: u64 = 50_000_000;
const DAYS: i64 = 450;
/// Queries of the hour whose bytes are counted.
const HOUR_QUERIES: usize = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["upstream", port, delay_us] => {
            elsewhere::come_first();
            return answering::upstream(port.parse().unwrap(), delay_us.parse().unwrap());
        }
        ["echo", port, _] => return answering::echo(port.parse().unwrap()),
        _ => {}
    }
    let value = |name: &str| {
        let mut rest = words.iter().skip_while(|word| **word != name);
        rest.nth(1).copied()
    };
    let rows = value("--rows").map_or(ROWS, |text| text.parse().unwrap());
    let days = value("--days").map_or(DAYS, |text| text.parse().unwrap());
    let only = value("--only");
    squelch::app::choose_crypto();
    let temporary = tempfile::tempdir().unwrap();
    let folder = value("--folder").map_or_else(|| temporary.path().join("years"), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let is_wanted = |part: &str| only.is_none_or(|only| only.split(',').any(|one| one == part));
    let mut home = Home::new(rows / days.unsigned_abs());
    runtime.block_on(async {
        if is_wanted("fill") && !folder.join("squelch.db").exists() {
            fill(&folder, &mut home, days).await;
        }
        if is_wanted("hour") {
            hour(temporary.path(), &mut home).await;
        }
        if is_wanted("calls") {
            calls::all(&folder, &home).await;
        }
        if is_wanted("erase") {
            erase::all(&folder, &home).await;
        }
        if is_wanted("load") {
            calls::beside_load(&folder, &home).await;
        }
        if is_wanted("reads") {
            calls::beside_long_reads(&folder, &home).await;
        }
    });
}

async fn fill(folder: &Path, home: &mut Home, days: i64) {
    println!("{days} days pass:");
    let rows = fill::years(folder, home, days, now_ms()).await;
    let bytes = fill::size(folder);
    println!(
        "{rows} rows in {:.1} MB: {:.2} bytes a row, everything included",
        bytes as f64 / 1e6,
        bytes as f64 / rows as f64
    );
}

async fn hour(folder: &Path, home: &mut Home) {
    let bytes = fill::hour(&folder.join("hour"), home, HOUR_QUERIES, now_ms()).await;
    println!(
        "{HOUR_QUERIES} queries in an hour, a flush each minute: {:.1} MB written",
        bytes as f64 / 1e6
    );
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}
