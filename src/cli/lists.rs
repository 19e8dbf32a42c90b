//! `squelch lists`: what a list would do before anything rests on it, and how those in force are.

mod breaks;
mod decide;
mod list;
mod server;
mod update;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

pub(super) use breaks::breaks;

use super::{WRONG_USE, say, say_error};
use crate::api::BrokenName;
use crate::lists::{self, Choice, Format, Reading, Report, Role};
use crate::matcher::rule::Rule;
use crate::packs::Packs;

/// So many refused lines are shown without `--all`.
const SHOWN: usize = 50;

/// What is said where nobody subscribed to any.
const NO_LISTS: &str = "There are no lists; docs/LISTS.md tells how to subscribe to one.";

/// The arguments of `squelch lists`.
#[derive(Debug, Args)]
pub struct ListsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads a list and tells what is in it: entries by kind, and each refused line.
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Fetches lists now, and shows how far that is.
    Update(update::UpdateArgs),
    /// Shows the lists that are subscribed to, and how they stand.
    List(list::ListArgs),
    /// Puts a copy in force that is held back.
    Confirm(decide::DecideArgs),
    /// Forgets a copy that is held back; the one before stays in force.
    Discard(decide::DecideArgs),
}

const CHECK_HELP: &str = "\
The formats, and how each writes \"block ads.example and all below it\":
  hosts     0.0.0.0 ads.example         this name only; no way to say \"and below\"
  domains   ads.example                 this name only
  wildcard  *.ads.example
  adblock   ||ads.example^              with AdGuard's modifiers for DNS
  pihole    ||ads.example^              or the regex (^|\\.)ads\\.example$
  rpz       ads.example CNAME .         and a second line for *.ads.example
  dnsmasq   local=/ads.example/
  unbound   local-zone: \"ads.example\" always_null
Without --format the first 200 lines that are not comments decide, and the decision is shown.

Examples:
  squelch lists check hosts.txt
  squelch lists check filter.txt --format adblock --all
  curl -s https://lists.example/hosts | squelch lists check -

Nothing is put in force: this only reads. docs/LISTS.md tells what each line means.
Exit codes: 0 all lines are good, 1 some were refused, 2 the file cannot be read.";

#[derive(Debug, Args)]
struct CheckArgs {
    /// The list; `-` reads standard input.
    file: PathBuf,
    /// The dialect.
    #[arg(long, value_enum, default_value_t = Dialect::Auto)]
    format: Dialect,
    /// What the list is for: some dialects read an allow list otherwise.
    #[arg(long, value_enum, default_value_t = Purpose::Block)]
    action: Purpose,
    /// Shows every refused line, not just the first 50.
    #[arg(long)]
    all: bool,
    /// Shows each entry in plain words, as it was understood.
    #[arg(long, conflicts_with = "json")]
    entries: bool,
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    Auto,
    Hosts,
    Domains,
    Wildcard,
    Adblock,
    Pihole,
    Rpz,
    Dnsmasq,
    Unbound,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Purpose {
    Block,
    Watch,
    Allow,
}

impl ListsArgs {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let arguments = match self.command {
            Command::Check(arguments) => arguments,
            Command::Update(arguments) => return arguments.run(),
            Command::List(arguments) => return arguments.run(),
            Command::Confirm(arguments) => return arguments.run(Choice::Confirm),
            Command::Discard(arguments) => return arguments.run(Choice::Discard),
        };
        let report = match arguments.read() {
            Ok(report) => report,
            Err(error) => {
                let file = arguments.file.display();
                say_error(&format!("squelch: reading {file}: {error}"));
                return Ok(ExitCode::from(WRONG_USE));
            }
        };
        let broken = arguments.broken()?;
        if arguments.json {
            let value = arguments.to_json(&report, &broken);
            say(&serde_json::to_string_pretty(&value)?);
        } else {
            arguments.print(&report);
            print_broken(&broken);
        }
        Ok(if report.counts.refused == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

impl CheckArgs {
    fn read(&self) -> io::Result<Report> {
        let source: Box<dyn BufRead> = if self.file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(File::open(&self.file)?))
        };
        lists::read(source, self.reading(), &mut |rule: Rule| {
            if self.entries {
                say(&format!("{}: {rule}", rule.line));
            }
        })
    }

    fn reading(&self) -> Reading {
        Reading {
            format: self.format.chosen(),
            role: self.action.role(),
        }
    }

    /// Names that must work and that the list blocks; standard input cannot be read twice.
    fn broken(&self) -> anyhow::Result<Vec<BrokenName>> {
        if self.file == Path::new("-") {
            return Ok(Vec::new());
        }
        Ok(breaks(&self.file, self.reading(), &Packs::builtin()?)?)
    }

    fn shown(&self) -> usize {
        if self.all { usize::MAX } else { SHOWN }
    }

    fn to_json(&self, report: &Report, broken: &[BrokenName]) -> serde_json::Value {
        let problems: Vec<_> = report.problems.iter().take(self.shown()).collect();
        json!({
            "file": self.file.display().to_string(),
            "format": report.decision.format,
            "why": report.decision.why,
            "counts": report.counts,
            "problems": problems,
            "breaks": broken,
        })
    }

    fn print(&self, report: &Report) {
        let counts = &report.counts;
        let decision = &report.decision;
        say(&format!(
            "{}: {} ({})",
            self.file.display(),
            decision.format,
            decision.why
        ));
        let kinds = counts.by_kind.iter();
        say(&format!(
            "lines: {}; entries: {}{}",
            counts.lines,
            counts.entries,
            in_words(kinds.map(|(kind, count)| (word(kind), count)))
        ));
        if counts.by_action.keys().any(|&word| word != "block") {
            let actions = counts.by_action.iter();
            say(&format!(
                "what they do{}",
                in_words(actions.map(|(word, count)| ((*word).to_owned(), count)))
            ));
        }
        if !counts.skipped.is_empty() {
            let skipped = counts.skipped.iter();
            say(&format!(
                "passed over{}",
                in_words(skipped.map(|(skip, count)| (word(skip), count)))
            ));
        }
        say(&format!("refused: {}", counts.refused));
        for problem in report.problems.iter().take(self.shown()) {
            say(&format!(
                "  line {}: {}: {}",
                problem.line,
                problem.reason,
                problem.text.trim().escape_debug()
            ));
        }
        let shown = report.problems.len().min(self.shown());
        let hidden = counts.refused - u64::try_from(shown).unwrap_or(counts.refused);
        if hidden > 0 {
            let hint = if self.all { "" } else { "; --all shows them" };
            say(&format!("  and {hidden} more{hint}"));
        }
    }
}

/// Lists are followed, also where that breaks something.
fn print_broken(broken: &[BrokenName]) {
    if broken.is_empty() {
        return;
    }
    say(&format!(
        "names that must work, and that it blocks: {}",
        broken.len()
    ));
    for one in broken.iter().take(SHOWN) {
        say(&format!("  line {}: {}: {}", one.line, one.name, one.what));
    }
}

impl Dialect {
    fn chosen(self) -> Option<Format> {
        match self {
            Self::Auto => None,
            Self::Hosts => Some(Format::Hosts),
            Self::Domains => Some(Format::Domains),
            Self::Wildcard => Some(Format::Wildcard),
            Self::Adblock => Some(Format::Adblock),
            Self::Pihole => Some(Format::Pihole),
            Self::Rpz => Some(Format::Rpz),
            Self::Dnsmasq => Some(Format::Dnsmasq),
            Self::Unbound => Some(Format::Unbound),
        }
    }
}

impl Purpose {
    fn role(self) -> Role {
        match self {
            Self::Block => Role::Block,
            Self::Watch => Role::Watch,
            Self::Allow => Role::Allow,
        }
    }
}

/// A kind's word, as JSON has it.
fn word(kind: &impl serde::Serialize) -> String {
    json!(kind).as_str().unwrap_or_default().to_owned()
}

fn in_words<'a>(counts: impl Iterator<Item = (String, &'a u64)>) -> String {
    let parts: Vec<String> = counts
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}
