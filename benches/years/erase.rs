//! Exporting the journal, and deleting all that is recorded of a device, beside queries.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{self, Instant};

use super::elsewhere;
use super::home::Home;
use super::load::{self, Pace};
use super::names;
use super::server::Server;

const DEVICE: &str = "devices/d5";
const RATE: u32 = 1000;

/// How often it is asked how far a deletion is, and how long the writer keeps a reader waiting.
const LOOK: Duration = Duration::from_millis(20);

/// Exports everything and one device's rows, then deletes the device.
pub async fn all(folder: &Path, home: &Home) {
    let server = Arc::new(Server::start(folder).await);
    for filter in ["", "&device=d5", "&name=no-such-name"] {
        let began = Instant::now();
        let what = format!("queries/export?since=3650d{filter}");
        let (bytes, lines, memory_mb) = server.read_all(&what).await;
        let took = began.elapsed().as_secs_f64();
        println!(
            "{what}: {lines} lines, {:.1} MB, {took:.1} s, {:.0} lines/s; memory {memory_mb:.1} MB",
            bytes as f64 / 1e6,
            lines as f64 / took,
        );
    }
    delete(&server, home).await;
}

async fn delete(server: &Arc<Server>, home: &Home) {
    let queries = names::queries(home);
    let (dns, began) = (server.dns, Instant::now());
    server.delete(&format!("{DEVICE}/history")).await;
    let asking =
        elsewhere::run(move || load::udp(dns, &queries, Pace::Rate(RATE), Duration::from_secs(10)));
    let mut longest = Duration::ZERO;
    let (mut total, mut memory_mb) = (0, 0.0_f64);
    loop {
        memory_mb = memory_mb.max(server.process.resident_mb());
        let look = server.call(&format!("{DEVICE}/history")).await;
        total = look.body["total"].as_u64().unwrap().max(total);
        if look.body["deleting"] == false {
            break;
        }
        // A reader waits for the writer, at most for its longest step.
        longest = longest.max(server.call("queries?since=1h&limit=1").await.took);
        time::sleep(LOOK).await;
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "deleting a device: {total} parts, {took:.1} s; the longest that a reader waited for the \
         writer: {:.1} ms; memory {memory_mb:.1} MB",
        longest.as_secs_f64() * 1000.0,
    );
    let heard = asking.await.unwrap();
    println!(
        "beside it {:.0} q/s, lost {}, p50 {:.3}, p99.9 {:.3} ms",
        heard.rate,
        heard.lost,
        heard.within(0.5) / 1000.0,
        heard.within(0.999) / 1000.0,
    );
}
