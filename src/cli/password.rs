//! `squelch password`: makes the hash of the dashboard's password, or sets it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::running::{Running, accepted};
use super::{ConfigArgs, WRONG_USE, say, say_error, say_problems};
use crate::access::{self, Access};
use crate::app;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(10);

const HELP: &str = "\
On a terminal it asks twice, and shows nothing of what is typed; else it reads the first line of
standard input. A password has at least 8 characters.

Without --set it prints a line for the config, with a hash that gives nothing away:
  squelch password                       write the line below [web], then restart
  squelch password < password.txt
With --set nothing is to be edited. The password is kept in the database of data_dir, where the one of
the dashboard is, too; the running server is told, and everybody has to sign in anew. Nodes that share
a database have one password: it is set for all of them, on any of them:
  squelch password --set                 also when the password is forgotten
Where the config or SQUELCH_WEB__PASSWORD sets a password, that one counts.
Exit codes: 0 done, 1 it cannot be kept, 2 the password is too short, or the config is wrong.";

/// The arguments of `squelch password`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct PasswordArgs {
    /// Sets it, instead of printing its hash.
    #[arg(long)]
    set: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl PasswordArgs {
    /// Makes the hash, or sets the password.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let wrong = |message: &str| {
            say_error(&format!("squelch: {message}"));
            Ok(ExitCode::from(WRONG_USE))
        };
        let config = match self.set.then(|| self.config.load()) {
            Some(Err(problems)) => return Ok(say_problems(&problems)),
            Some(Ok(config)) if config.web.password.is_some() => {
                let origin = self.config.origin();
                return wrong(&format!(
                    "the password is set by {origin} or by SQUELCH_WEB__PASSWORD, which counts: \
                     change it there (`squelch password` makes the line)"
                ));
            }
            Some(Ok(config)) => Some(config),
            None => None,
        };
        let password = match ask()? {
            Ok(password) => password,
            Err(message) => return wrong(message),
        };
        if let Err(error) = access::check_length(&password) {
            return wrong(&error.to_string());
        }
        if let Some(config) = config {
            set(&config, &password)?;
        } else {
            say(&format!("password = \"{}\"", access::make_hash(&password)?));
            say_error("Write this line below [web] in the config, then restart.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells the running server, or writes to its database where none is running.
fn set(config: &Config, password: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Running::of(config, PATIENCE).ok();
        match server {
            Some(server) if server.is_there().await => {
                let body = serde_json::json!({ "password": password });
                let sent = server.client.put(server.url("password")).json(&body);
                accepted(sent.send().await.context("telling the running server")?).await?;
                say("The password is set. Everybody has to sign in anew.");
            }
            _ => {
                let store = app::store(config)?;
                store.connect().await?;
                if let Some(hub) = store.hub() {
                    hub.greet().await?;
                }
                let access = Access::new(config, store.clone())?;
                access.reset(password).await?;
                store.close().await;
                say("The password is set; it counts from the next start.");
            }
        }
        Ok(())
    })
}

/// A password that somebody types twice, or the first line of a file or a pipe.
fn ask() -> anyhow::Result<Result<String, &'static str>> {
    if !io::stdin().is_terminal() {
        return read().map(Ok);
    }
    let first = prompt("Password: ")?;
    let second = prompt("Once more: ")?;
    Ok(if first == second {
        Ok(first)
    } else {
        Err("these are two different passwords; nothing is changed")
    })
}

fn prompt(text: &str) -> anyhow::Result<String> {
    write!(io::stderr(), "{text}")?;
    io::stderr().flush()?;
    let line = {
        let _silent = Silence::new()?;
        read()?
    };
    // The Enter was not shown, either.
    say_error("");
    Ok(line)
}

fn read() -> anyhow::Result<String> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.context("reading the password")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// While there is one, the terminal does not show what is typed.
struct Silence(Termios);

impl Silence {
    fn new() -> anyhow::Result<Self> {
        let before = tcgetattr(io::stdin()).context("asking the terminal for its modes")?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)
            .context("having the terminal show nothing")?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that has gone needs none.
        let _: rustix::io::Result<()> = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
