//! The servers: how each is told of the list and the upstream, started, and told of a new list. Each
//! has a file of its own in `peers`.
//!
//! None but Squelch logs queries, and all have room for the answers that the bench makes them hold.

mod adguard;
mod bind;
mod blocky;
mod dnsdist;
mod dnsmasq;
mod knot;
mod pdns;
mod pihole;
mod squelch;
mod unbound;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::SERVER_CORE;
use super::process::{Process, convert};

/// A server that can be measured here.
pub struct Peer {
    /// What the tables call it.
    pub name: &'static str,
    /// Its version, in its own words.
    pub version: String,
    /// Its program.
    program: PathBuf,
    /// Writes its files into a folder, and gives its arguments.
    prepare: fn(&Place<'_>) -> Vec<String>,
    /// What makes it take a new list while it runs, if anything does.
    pub reload: Option<Reload>,
    /// What it is.
    pub kind: Kind,
}

/// Makes a running server take the list that is there now, without waiting until it has.
type Reload = fn(&Process, &Place<'_>);

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The limit, which neither blocks names nor asks upstreams.
    Echo,
    /// Squelch, which has to work.
    Ours,
    /// Another server.
    Other,
}

/// Where a server runs.
pub struct Place<'a> {
    /// Its own folder.
    pub folder: &'a Path,
    /// The list of blocked names.
    pub list: &'a Path,
    /// Its port for DNS on 127.0.0.1.
    pub port: u16,
    /// Its ports for DNS over TLS and over HTTPS, if it serves them.
    pub tls: u16,
    pub https: u16,
    /// Its port for what controls it, if it has one.
    pub control: u16,
    /// The upstream's.
    pub upstream: u16,
}

impl Place<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The last lines of what the server has said.
    pub fn last_words(&self) -> String {
        let log = fs::read(self.path("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Peer {
    /// Writes its files, and gives its arguments.
    pub fn prepare(&self, place: &Place<'_>) -> Vec<String> {
        (self.prepare)(place)
    }

    /// Starts it.
    pub fn start(&self, arguments: &[String], place: &Place<'_>) -> Process {
        let program = self.program.display().to_string();
        Process::start(
            &SERVER_CORE.to_string(),
            &program,
            arguments,
            &place.path("log"),
        )
    }

    /// Whether it blocks names and asks upstreams at all.
    pub fn is_server(&self) -> bool {
        self.kind != Kind::Echo
    }
}

/// The bare echo, Squelch, perhaps another build of it, and all peers whose program is found.
pub fn installed(beside: Option<PathBuf>) -> Vec<Peer> {
    let echo = Peer {
        name: "echo",
        version: "the limit".to_owned(),
        program: std::env::current_exe().unwrap(),
        prepare: |place| words(&["echo", &place.port.to_string()]),
        reload: None,
        kind: Kind::Echo,
    };
    let others = [
        unbound::peer(),
        bind::peer(),
        pdns::peer(),
        knot::peer(),
        dnsdist::peer(),
        dnsmasq::peer(),
        pihole::peer(),
        adguard::peer(),
        blocky::peer(),
    ];
    [echo, squelch::peer()]
        .into_iter()
        .chain(beside.map(squelch::before))
        .chain(others.into_iter().flatten())
        .collect()
}

/// Another server, which tells its version when it is given this option.
fn other(
    name: &'static str,
    program: PathBuf,
    option: &str,
    (prepare, reload): (fn(&Place<'_>) -> Vec<String>, Reload),
) -> Peer {
    Peer {
        name,
        version: version_of(&program, option),
        program,
        prepare,
        reload: Some(reload),
        kind: Kind::Other,
    }
}

/// Where a program is.
pub fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian puts servers where only root looks.
    folders.extend(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut files = folders.into_iter().map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

/// The program that a variable of the environment names.
fn named_by(variable: &str) -> Option<PathBuf> {
    let file = PathBuf::from(std::env::var_os(variable)?);
    assert!(file.is_file(), "{variable}: {} is no file", file.display());
    Some(file)
}

/// What a program says first when it is asked for its version so.
fn version_of(program: &Path, option: &str) -> String {
    let Ok(output) = Command::new(program).arg(option).output() else {
        return String::new();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or_default();
    // PowerDNS says before that what time it is.
    line[line.find("PowerDNS").unwrap_or(0)..].to_owned()
}

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|&word| word.to_owned()).collect()
}

/// For servers that watch the list themselves.
fn watches(_: &Process, _: &Place<'_>) {}

/// Writes the list as a response policy zone, and gives its path.
fn response_policy_zone(place: &Place<'_>) -> String {
    let file = place.path("block.rpz");
    // The length as the serial: a longer list is a newer one.
    let serial = fs::metadata(place.list).unwrap().len();
    let head = format!(
        "$TTL 3600\n@ SOA localhost. root.localhost. {serial} 3600 900 604800 3600\n\
         @ NS localhost.\n"
    );
    convert(place.list, &file, &head, |name| format!("{name} CNAME .\n"));
    file.display().to_string()
}

/// Starts a program that tells a server something, and does not wait for it.
fn tell(program: &str, arguments: &[&str]) {
    let mut command = Command::new(found(program).unwrap_or_else(|| program.into()));
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    std::thread::spawn(move || command.status());
}

/// Posts something to a server on this machine, and does not wait until that is done.
fn post(port: u16, path: &str, json: &str) {
    let kind = if json.is_empty() {
        ""
    } else {
        "Content-Type: application/json\r\n"
    };
    let length = json.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{kind}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{json}"
    );
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(request.as_bytes())?;
        // The server may stop when nobody waits for its answer.
        stream.read_to_end(&mut Vec::new())
    });
}
