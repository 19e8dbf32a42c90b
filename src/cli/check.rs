//! `squelch check`: everything that is wrong, before the server is started.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::lists::breaks;
use super::{ConfigArgs, WRONG_USE, say, say_error};
use crate::api::BrokenName;
use crate::config::{Config, ConfigProblems, Problem};
use crate::dns;
use crate::lists::{self, declared::ListFinding};
use crate::local;
use crate::packs::Packs;
use crate::upstream::Anchors;

/// So many refused lines of a list are shown as text.
const SHOWN: usize = 50;

/// The arguments of `squelch check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Lists that are files are read, too; of the others it is told how their kept copies are. What does not
keep the server from starting is a warning.
Exit codes: 0 the server would start, 2 it would not; the problems are told with file and line.")]
pub struct CheckArgs {
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What was understood, and what was found to be wrong with it.
pub(super) struct Checked {
    pub config: Config,
    pub packs: Packs,
    /// Why the packs are not those of `packs.folder`.
    pub set_aside: Option<String>,
    /// What keeps the server from starting.
    pub problems: ConfigProblems,
}

impl CheckArgs {
    /// Reads the config, the packs and the lists, and tells what is wrong.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let checked = check(&self.config)?;
        let lists = look(&checked);
        if self.json {
            let value = to_json(&self.config.origin(), &checked, &lists);
            say(&serde_json::to_string_pretty(&value)?);
        } else {
            print(&self.config.origin(), &checked, &lists);
        }
        Ok(if checked.problems.0.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(WRONG_USE)
        })
    }
}

/// A list, and the names that must work and that it blocks.
type Looked = (ListFinding, Vec<BrokenName>);

fn look(checked: &Checked) -> Vec<Looked> {
    let found = lists::declared::look_at(&checked.config);
    let with_breaks = |finding: ListFinding| {
        let file = finding.file.as_deref();
        // What cannot be read was told.
        let broken = file.and_then(|file| breaks(file, finding.reading, &checked.packs).ok());
        (finding, broken.unwrap_or_default())
    };
    found.into_iter().map(with_breaks).collect()
}

/// Reads the config and the packs, and gathers all that is wrong.
pub(super) fn check(arguments: &ConfigArgs) -> anyhow::Result<Checked> {
    let (config, problems) = arguments.read_whole();
    let (packs, set_aside) = Packs::load(config.packs.folder.as_deref())?;
    let others = understand(&packs, &config).err();
    Ok(Checked {
        problems: problems.and(others.unwrap_or(ConfigProblems(Vec::new()))),
        set_aside: set_aside.map(|error| format!("{error}; the built-in packs are used")),
        config,
        packs,
    })
}

/// Whether the config names only packs that exist, its rules are rules, its records records, its
/// certificate has the right key, and its trust anchors can be read.
pub(super) fn understand(packs: &Packs, config: &Config) -> Result<(), ConfigProblems> {
    let ids: Vec<&str> = packs.packs().iter().map(|pack| &*pack.id).collect();
    let mut problems = config.packs.unknown(&ids);
    let groups = config.groups.iter();
    problems.extend(groups.flat_map(|group| group.unknown_packs(&ids)));
    if let Err(rules) = lists::own_rules(config) {
        problems.extend(rules.0);
    }
    if let Err(records) = local::declared(&config.records) {
        problems.extend(records.0);
    }
    let certificate = config.dns.tls.as_ref().map(dns::check_certificate);
    if let Some(Err(certificate)) = certificate {
        problems.extend(certificate.0);
    }
    problems.extend(Anchors::of(&config.upstream).err());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigProblems(problems))
    }
}

fn print(origin: &str, checked: &Checked, lists: &[Looked]) {
    for problem in &checked.problems.0 {
        say_error(&problem.to_string());
    }
    if let Some(reason) = &checked.set_aside {
        say_error(&format!("warning: {reason}"));
    }
    lists.iter().for_each(print_list);
    if checked.problems.0.is_empty() {
        say(&format!("{origin}: good; {}", summary(checked, lists)));
    }
}

fn print_list((list, broken): &Looked) {
    for problem in list.problem.iter().chain(list.refused.iter().take(SHOWN)) {
        say_error(&format!("warning: {problem}"));
    }
    let name = &list.name;
    let more = list.refused.len().saturating_sub(SHOWN);
    if more > 0 {
        say_error(&format!(
            "warning: list {name}: {more} more lines are refused"
        ));
    }
    for one in broken.iter().take(SHOWN) {
        let BrokenName {
            line,
            name: broken,
            what,
            ..
        } = one;
        say_error(&format!(
            "warning: list {name}, line {line}: blocks {broken}, which must work: {what}"
        ));
    }
}

/// How much is in force of what.
fn summary(checked: &Checked, lists: &[Looked]) -> String {
    let packs = &checked.packs;
    let rules = lists::without_lists(packs, &checked.config.packs, &[], 0);
    let entries: u64 = lists.iter().map(|(list, _)| list.entries).sum();
    let of_lists = match lists.len() {
        0 => String::new(),
        count => format!("; {count} lists with {entries} entries"),
    };
    format!(
        "{} packs with {} names, of which {} are in force{of_lists}",
        packs.packs().len(),
        packs.names(),
        rules.len(),
    )
}

fn to_json(origin: &str, checked: &Checked, lists: &[Looked]) -> Value {
    let problem = |problem: &Problem| {
        json!({
            "file": &*problem.place.origin,
            "line": problem.place.line,
            "key": problem.key,
            "message": problem.message,
        })
    };
    let all = |problems: &[Problem]| problems.iter().map(problem).collect::<Vec<_>>();
    let lists = lists.iter().map(|(list, broken)| {
        json!({
            "name": list.name,
            "entries": list.entries,
            "problem": list.problem.as_ref().map(problem),
            "refused": all(&list.refused),
            "breaks": broken,
        })
    });
    json!({
        "file": origin,
        "good": checked.problems.0.is_empty(),
        "problems": all(&checked.problems.0),
        "warning": checked.set_aside,
        "packs": checked.packs.packs().len(),
        "names": checked.packs.names(),
        "lists": lists.collect::<Vec<_>>(),
    })
}
