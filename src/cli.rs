//! The command line: one file a command, and what they share.
//!
//! Exit codes: 0 done, 1 a finding or a failure, 2 wrong use or a wrong config.

mod packs;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The exit code for wrong use and wrong configs.
pub const WRONG_USE: u8 = 2;

/// The home's DNS server that shows which device reports to whom, and stops it.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = false, after_help = AFTER_HELP)]
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
    /// Checks the packs and shows what is in them.
    Packs(packs::PacksArgs),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result: anyhow::Result<ExitCode> = match arguments.command {
        None => Ok(ExitCode::SUCCESS),
        Some(Command::Packs(arguments)) => arguments.run(),
    };
    result.unwrap_or_else(|error| {
        say_error(&format!("squelch: {error:#}"));
        ExitCode::FAILURE
    })
}

/// Writes a line to standard output. A reader that has gone (`| head`) ends the process quietly.
pub fn say(line: &str) {
    if writeln!(io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Writes a line to standard error, for people.
pub fn say_error(line: &str) {
    // Nobody is left to be told if this fails.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
