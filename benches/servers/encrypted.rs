//! Load over TLS and HTTPS, by programs that others wrote: `dnsperf` and `h2load`, where they are
//! installed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use tokio::time::Instant;

use super::LOAD_CORE;
use super::names::Wire;
use super::peers::found;

/// Connections that ask.
const CONNECTIONS: &str = "8";
/// How long it is waited until a port is open.
const PATIENCE: Duration = Duration::from_secs(10);

/// A certificate for 127.0.0.1 and its key, as files in a folder.
pub fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// Queries a second over TLS (RFC 7858), and how many were answered; nothing without `dnsperf`.
pub fn dot(port: u16, queries: &[Wire], folder: &Path, time: Duration) -> Option<(f64, f64)> {
    let program = found("dnsperf")?;
    let names = folder.join("dot.txt");
    let mut file = fs::File::create(&names).unwrap();
    for query in queries {
        writeln!(file, "{} A", name(query)).unwrap();
    }
    wait_for(port)?;
    let seconds = time.as_secs().to_string();
    let said = on_load_core(&program)
        .args(["-m", "dot", "-s", "127.0.0.1", "-p", &port.to_string()])
        .args(["-c", CONNECTIONS, "-q", "512", "-l", &seconds, "-d"])
        .arg(&names)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    Some((
        number_behind(&said, "Queries per second:")?,
        number_behind(&said, "Queries completed:")?,
    ))
}

/// Requests a second over HTTP/2 (RFC 8484), and how many were answered; nothing without `h2load`.
pub fn doh(port: u16, queries: &[Wire], folder: &Path, time: Duration) -> Option<(f64, f64)> {
    let program = found("h2load")?;
    let addresses = folder.join("doh.txt");
    let mut file = fs::File::create(&addresses).unwrap();
    for query in queries {
        let query = BASE64URL_NOPAD.encode(query);
        writeln!(file, "https://127.0.0.1:{port}/dns-query?dns={query}").unwrap();
    }
    wait_for(port)?;
    let said = on_load_core(&program)
        .args(["-c", CONNECTIONS, "-m", "64", "-t", "1"])
        .args(["-D", &time.as_secs().to_string(), "-i"])
        .arg(&addresses)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let done = number_behind(&said, "status codes:")?;
    Some((done / time.as_secs_f64(), done))
}

fn on_load_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &LOAD_CORE.to_string()]).arg(program);
    command
}

/// The first number behind a word.
fn number_behind(text: &str, word: &str) -> Option<f64> {
    let (_, rest) = text.split_once(word)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The name of a query, as text; those that are made up need no escapes.
fn name(query: &Wire) -> String {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
        at = end;
    }
    labels.join(".")
}

/// Waits until the port is open; nothing where it never is.
fn wait_for(port: u16) -> Option<()> {
    let started = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            // What is not TLS is answered by an alert, or by the end: both say that it is there.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.write_all(b"\n\n\n\n\n");
            let _ = stream.read(&mut [0; 16]);
            return Some(());
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
    }
}
