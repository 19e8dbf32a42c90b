//! Load over TLS and HTTPS, by programs that others wrote: `dnsperf` and `h2load`, where they are
//! installed.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use squelch::query::Name;

use super::LOAD_CORE;
use super::names::Wire;
use super::peers::found;

/// Connections that ask.
const CONNECTIONS: &str = "8";

/// A certificate for 127.0.0.1 and its key, as files in a folder.
pub fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// Queries a second over TLS (RFC 7858), and how many were answered; nothing without `dnsperf`,
/// or where nobody listens.
pub fn dot(port: u16, queries: &[Wire], folder: &Path, time: Duration) -> Option<(f64, f64)> {
    let program = found("dnsperf")?;
    let names = folder.join("dot.txt");
    let mut file = fs::File::create(&names).unwrap();
    for query in queries {
        let name = Name::from_wire(&query[12..]).unwrap();
        writeln!(file, "{name} A").unwrap();
    }
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
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

/// Requests a second over HTTP/2 (RFC 8484), and how many were answered; nothing without `h2load`,
/// or where nobody listens.
pub fn doh(port: u16, queries: &[Wire], folder: &Path, time: Duration) -> Option<(f64, f64)> {
    let program = found("h2load")?;
    let addresses = folder.join("doh.txt");
    let mut file = fs::File::create(&addresses).unwrap();
    for query in queries {
        let query = BASE64URL_NOPAD.encode(query);
        writeln!(file, "https://127.0.0.1:{port}/dns-query?dns={query}").unwrap();
    }
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
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
