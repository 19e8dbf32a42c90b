//! The command line: one file a command, and what they share.
//!
//! Exit codes: 0 done, 1 a finding or a failure, 2 wrong use or a wrong config.

mod cache;
mod check;
mod explain;
mod explain_text;
mod healthy;
mod journal;
mod lists;
mod packs;
mod password;
mod rules;
mod running;
mod serve;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigProblems};

/// The exit code for wrong use and wrong configs.
pub const WRONG_USE: u8 = 2;

/// The home's DNS server that shows which device reports to whom, and stops it.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Without a command the server is started, as by `squelch serve`.
The config is ./config.toml, else /etc/squelch/config.toml, else the built-in defaults.
Exit codes: 0 done, 1 a finding or a failure, 2 wrong use or a wrong config.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves DNS and the dashboard; also what happens without a command.
    Serve(serve::ServeArgs),
    /// Reads the config, the packs and the lists, and tells everything that is wrong.
    Check(check::CheckArgs),
    /// Tells what would be done with a name, and why.
    Explain(explain::ExplainArgs),
    /// Tells what the running server holds in its cache, and has it forget.
    Cache(cache::CacheArgs),
    /// Has the running server empty its journal.
    Journal(journal::JournalArgs),
    /// Checks the packs and shows what is in them.
    Packs(packs::PacksArgs),
    /// Checks a blocklist of any dialect; fetches and shows those in force.
    Lists(lists::ListsArgs),
    /// Decides cases of rules and queries, without a server.
    Rules(rules::RulesArgs),
    /// Makes or sets the dashboard's password.
    Password(password::PasswordArgs),
    /// Asks the running server for an answer; for health checks of containers and services.
    Healthy(healthy::HealthyArgs),
}

/// Where the config stands.
#[derive(Debug, Default, Args)]
struct ConfigArgs {
    /// The config file; without it ./config.toml, else /etc/squelch/config.toml, else the defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    crate::app::choose_crypto();
    let result = match arguments
        .command
        .unwrap_or_else(|| Command::Serve(serve::ServeArgs::default()))
    {
        Command::Serve(arguments) => arguments.run(),
        Command::Check(arguments) => arguments.run(),
        Command::Explain(arguments) => arguments.run(),
        Command::Cache(arguments) => arguments.run(),
        Command::Journal(arguments) => arguments.run(),
        Command::Packs(arguments) => arguments.run(),
        Command::Lists(arguments) => arguments.run(),
        Command::Rules(arguments) => arguments.run(),
        Command::Password(arguments) => arguments.run(),
        Command::Healthy(arguments) => arguments.run(),
    };
    result.unwrap_or_else(|error| {
        say_error(&format!("squelch: {error:#}"));
        ExitCode::FAILURE
    })
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, ConfigProblems> {
        Config::load(self.config.as_deref())
    }

    /// What was understood of it, with all that is wrong.
    fn read_whole(&self) -> (Config, ConfigProblems) {
        Config::read_whole(self.config.as_deref())
    }

    /// The file that is read, in words.
    fn origin(&self) -> String {
        let file = Config::locate(self.config.as_deref());
        file.as_deref().map_or_else(
            || "the built-in defaults".to_owned(),
            |file: &Path| file.display().to_string(),
        )
    }
}

/// Tells what is wrong in a config, a line each.
fn say_problems(problems: &ConfigProblems) -> ExitCode {
    for problem in &problems.0 {
        say_error(&problem.to_string());
    }
    ExitCode::from(WRONG_USE)
}

/// Writes a line to standard output. A reader that has gone (`| head`) ends the process quietly.
pub fn say(line: &str) {
    if writeln!(io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Writes a line to standard output for whoever still reads there: what goes on beside it does not
/// end with its reader.
pub fn mention(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Writes a line to standard error, for people.
pub fn say_error(line: &str) {
    // Nobody is left to be told if this fails.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
