//! `squelch journal`: having the running server empty its journal.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use reqwest::{Method, Response};
use serde::Deserialize;
use tokio::time;

use super::running::{Running, accepted};
use super::{ConfigArgs, WRONG_USE, say, say_error, say_problems};
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// The arguments of `squelch journal`.
#[derive(Debug, Args)]
#[command(after_help = "\
The running server is asked, at the first address of `web.listen` that it has for itself.
Example:
  squelch journal clear
Exit codes: 0 done, 1 no server answers, 2 not confirmed, or the config is wrong.")]
pub struct JournalArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Deletes every query that was recorded, on all nodes. What people set stays.
    Clear {
        /// Does not ask first.
        #[arg(long)]
        yes: bool,
    },
}

/// How far it is.
#[derive(Debug, Deserialize)]
struct Emptying {
    deleting: bool,
}

impl JournalArgs {
    /// Asks the running server.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let Command::Clear { yes } = self.command;
        if !yes && !is_confirmed()? {
            say_error("squelch: nothing was deleted; `--yes` does not ask");
            return Ok(ExitCode::from(WRONG_USE));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(clear(&config))?;
        say("the journal is empty; what is asked from now on is recorded");
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether somebody is there, and says so.
fn is_confirmed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    say(
        "This deletes every query that was recorded, of all devices, on all nodes, and all figures.",
    );
    say("It cannot be taken back. Rules, lists, groups and devices stay. Write \"yes\" to go on:");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Begins it, and waits until it is done.
async fn clear(config: &Config) -> anyhow::Result<()> {
    let server = Running::of(config, PATIENCE)?;
    let ask = async |method: Method| -> anyhow::Result<Response> {
        let sent = server.client.request(method, server.url("journal")).send();
        let response = sent.await;
        let response = response.with_context(|| format!("asking the server at {}", server.address));
        accepted(response?).await
    };
    let mut answer = ask(Method::DELETE).await?;
    while answer.json::<Emptying>().await?.deleting {
        time::sleep(LOOK).await;
        answer = ask(Method::GET).await?;
    }
    Ok(())
}
