//! `squelch rules`: what rules decide, without a server.

mod case;

use std::io::{self, BufRead as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;
use tokio::task::LocalSet;

use super::{WRONG_USE, say, say_error};
use crate::app::made_up_upstream;
use case::Case;

/// The arguments of `squelch rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads one JSON case a line, decides it, and writes one JSON line for each.
    #[command(after_help = TRY_HELP)]
    Try,
}

const TRY_HELP: &str = "\
A case is rules, how they are written, and a query:
  {\"syntax\": \"adblock\", \"rules\": [\"||ads.example^\"], \"query\": {\"name\": \"x.ads.example\", \"type\": \"A\"}}
and its answer
  {\"decision\": \"blocked\", \"rcode\": \"NOERROR\", \"rrs\": [[\"A\", \"0.0.0.0\"]], \"counts\": {...}}

syntax       hosts, domains, wildcard, adblock, pihole or regex-pihole, rpz, dnsmasq, unbound
rules        the lines of the list; or list_bytes, its bytes in hexadecimal
query        name, type, and client: {ip, name, tags}, the device that asks
allow_rules  the lines of an allow list; for Pi-hole also allow_regex, allow_exact and deny_exact,
             which are people's own, and list_rules and allow_list_rules, which are lists
first_zone   the lines of a zone that comes first
clients      addresses or names of the devices that the rules count for
group        {clients, owns}: devices, and which of the members with rules count for them alone
             (only rules, unless told)

The cases are decided by the code that serves queries. No upstream is asked: names that no rule
covers have the address 192.0.2.77, alias--x--test.example is an alias of x.test, and
ip-192-0-2-7.example has that address.

Example: squelch rules try < cases.jsonl
Exit codes: 0 done, 2 a line is no case (its answer says why).";

impl RulesArgs {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Try = self.command;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        LocalSet::new().block_on(&runtime, try_all())
    }
}

async fn try_all() -> anyhow::Result<ExitCode> {
    let upstream = made_up_upstream()
        .await
        .context("starting the made-up upstream on loopback")?;
    let mut code = ExitCode::SUCCESS;
    for (line, number) in io::stdin().lock().lines().zip(1..) {
        let line = line.context("reading standard input")?;
        if line.trim().is_empty() {
            continue;
        }
        let decided = match serde_json::from_str::<Case>(&line) {
            Ok(case) => case
                .decide(upstream)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(error) => Err(format!("this is no case: {error}")),
        };
        match decided {
            Ok(decided) => say(&serde_json::to_string(&decided)?),
            Err(error) => {
                say_error(&format!("squelch: line {number}: {error}"));
                say(&json!({ "error": error }).to_string());
                code = ExitCode::from(WRONG_USE);
            }
        }
    }
    Ok(code)
}
