//! Debian's PostgreSQL, started by a test and ended with it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

const PASSWORD: &str = "secret";

/// A server with an empty database.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Starts a server; `None`, and says how to get one, where PostgreSQL is not installed. A run
    /// that has to prove everything sets `NEED_POSTGRES`.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let hint = "PostgreSQL is not installed: apt-get install postgresql";
            assert!(std::env::var_os("NEED_POSTGRES").is_none(), "{hint}");
            eprintln!("SKIPPED: {hint}");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        give_away(&password);
        let made = as_user(&programs.join("initdb"))
            .args(["--username=squelch", "--auth-local=trust", "--no-sync"])
            .args(["--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "initdb: {said}");
        let mut postgres = Self {
            folder,
            port: free_port(),
            server: None,
        };
        postgres.run();
        postgres.sql("postgres", "CREATE DATABASE squelch");
        Some(postgres)
    }

    /// The address of the database.
    pub fn url(&self) -> String {
        format!(
            "postgres://squelch:{PASSWORD}@127.0.0.1:{}/squelch",
            self.port
        )
    }

    /// Starts it again on the same data.
    pub fn run(&mut self) {
        // What the last one left behind may be in use for a moment.
        for _ in 0..100 {
            if let Some(server) = self.try_run() {
                self.server = Some(server);
                return;
            }
        }
        panic!("PostgreSQL does not start");
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Runs a statement, and gives what it tells.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let programs = programs().unwrap();
        let told = as_user(&programs.join("psql"))
            .args(["-X", "-A", "-t", "-U", "squelch", "-h"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string(), "-d", database])
            .args(["-c", statement])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.success(), "{statement}: {said}");
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    }

    /// Keeps everybody else from a table, until what this gives is dropped.
    pub fn hold(&self, database: &str, table: &str) -> Held {
        let mut psql = as_user(&programs().unwrap().join("psql"))
            .args(["-X", "-A", "-t", "-q", "-U", "squelch", "-h"])
            .arg(self.folder.path())
            .args(["-p", &self.port.to_string(), "-d", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let statements = format!("BEGIN; LOCK TABLE {table}; SELECT 'held';\n");
        let input = psql.stdin.as_mut().unwrap();
        input.write_all(statements.as_bytes()).unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(psql.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Held(psql)
    }

    fn try_run(&self) -> Option<Child> {
        let mut server = as_user(&programs().unwrap().join("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", &format!("port={}", self.port)])
            .arg("-c")
            .arg(format!(
                "unix_socket_directories={}",
                self.folder.path().display()
            ))
            // What is killed here is a process, not the machine.
            .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        while log.read_line(&mut line).unwrap() > 0 {
            if line.contains("ready to accept connections") {
                // Whoever writes to a pipe that nobody reads stops at some time.
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return Some(server);
            }
        }
        server.wait().unwrap();
        None
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            let id = i32::try_from(server.id()).unwrap();
            kill(Pid::from_raw(id), signal).unwrap();
            server.wait().unwrap();
        }
    }
}

/// That a table is held.
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // The server gives back what a client held that has gone.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, and with all of its processes.
        self.end(Signal::SIGQUIT);
    }
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.map(|version| version.unwrap().path().join("bin"));
    let mut complete: Vec<PathBuf> = programs
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    complete.sort();
    complete.pop()
}

/// PostgreSQL does not run as root.
fn user() -> Option<User> {
    let named = |name| User::from_name(name).unwrap();
    geteuid()
        .is_root()
        .then(|| named("postgres").or_else(|| named("nobody")).unwrap())
}

/// A program that ends when we do.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user() {
        command.args(["--reuid", &user.uid.to_string()]).args([
            "--regid",
            &user.gid.to_string(),
            "--clear-groups",
        ]);
    }
    command.arg(program).current_dir("/");
    command
}

fn give_away(path: &Path) {
    if let Some(user) = user() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
