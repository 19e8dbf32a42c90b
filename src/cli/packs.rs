//! `squelch packs`: the contributor's checks, and what is in the packs.

mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::{Timestamp, tz};

use super::{WRONG_USE, say, say_error};
use crate::packs::lint::{self, Report};
use crate::packs::{Files, Pack, PackInfo, Packs};

/// The arguments of `squelch packs`.
#[derive(Debug, Args)]
pub struct PacksArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks packs against the rules for contributors.
    #[command(after_help = LINT_HELP)]
    Lint {
        /// A `blocklists` folder, or one pack's file. Without it: ./blocklists if it is there,
        /// else the packs inside this program.
        path: Option<PathBuf>,
        /// Writes one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Lists the packs: how many names they have, and what they want.
    List {
        #[command(flatten)]
        from: Origin,
    },
    /// Shows one pack: its parts with the device's own switches, and each name with its evidence.
    Show {
        /// A pack's id, as `squelch packs list` shows it.
        vendor: String,
        #[command(flatten)]
        from: Origin,
    },
}

const LINT_HELP: &str = "\
Each finding is a line FILE:LINE: CODE what is wrong; what would be right. The codes are explained
in blocklists/README.md. For one pack's file, words and sources are taken from the folder above it.
Exit codes: 0 no finding, 1 findings, 2 the path cannot be read.";

#[derive(Debug, Args)]
struct Origin {
    /// A `blocklists` folder to read instead of the packs inside this program.
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
    /// Writes one JSON object.
    #[arg(long)]
    json: bool,
}

impl PacksArgs {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Lint { path, json } => run_lint(path.as_deref(), json),
            Command::List { from } => run_list(&from),
            Command::Show { vendor, from } => run_show(&vendor, &from),
        }
    }
}

fn run_lint(path: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let mut only = None;
    let beside = Path::new("blocklists");
    let files = match path.or_else(|| beside.join("packs").is_dir().then_some(beside)) {
        None => Ok(Files::builtin()),
        Some(path) if path.is_file() => Files::around_pack(path).map(|(files, label)| {
            only = Some(label);
            files
        }),
        Some(path) => Files::from_folder(path),
    };
    let files = match files {
        Ok(files) => files,
        Err(error) => return Ok(wrong_use(&error.to_string())),
    };
    // A contributor's date is right as soon as it is that day somewhere on Earth.
    let today = Timestamp::now()
        .to_zoned(tz::offset(14).to_time_zone())
        .date();
    let mut report = lint::lint(&files, today);
    if let Some(label) = only {
        report.findings.retain(|finding| finding.file == label);
    }
    if json {
        say(&serde_json::to_string_pretty(&report)?);
    } else {
        print_report(&report);
    }
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_report(report: &Report) {
    for finding in &report.findings {
        say(&finding.to_string());
    }
    let Report {
        packs,
        names,
        findings,
    } = report;
    let findings = match findings.len() {
        1 => "1 finding".to_owned(),
        many => format!("{many} findings"),
    };
    say(&format!("{packs} packs, {names} names, {findings}"));
}

fn run_list(from: &Origin) -> anyhow::Result<ExitCode> {
    let packs = match open(from) {
        Ok(packs) => packs,
        Err(code) => return Ok(code),
    };
    let items: Vec<PackInfo> = packs.packs().iter().map(Pack::info).collect();
    if from.json {
        let version = packs.version().to_string();
        let list = serde_json::json!({ "version": version, "items": items });
        say(&serde_json::to_string_pretty(&list)?);
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "{:<28} {:>5} {:>6} {:>6} {:>6}  {:<10}  name",
        "pack", "names", "block", "watch", "allow", "reviewed"
    ));
    for pack in &items {
        let by = pack.by_action;
        say(&format!(
            "{:<28} {:>5} {:>6} {:>6} {:>6}  {:<10}  {}",
            pack.id, pack.names, by.block, by.watch, by.allow, pack.reviewed, pack.name
        ));
    }
    let (names, version) = (packs.names(), packs.version());
    say(&format!(
        "{} packs, {names} names, version {version}",
        items.len()
    ));
    Ok(ExitCode::SUCCESS)
}

fn run_show(vendor: &str, from: &Origin) -> anyhow::Result<ExitCode> {
    let packs = match open(from) {
        Ok(packs) => packs,
        Err(code) => return Ok(code),
    };
    let Some(pack) = packs.pack(vendor) else {
        let hint = packs.nearest(vendor).map_or_else(
            || "`squelch packs list` shows all".to_owned(),
            |near| format!("did you mean `{}`?", near.id),
        );
        return Ok(wrong_use(&format!("there is no pack `{vendor}`; {hint}")));
    };
    if from.json {
        say(&serde_json::to_string_pretty(&show::to_json(
            &packs, pack,
        )?)?);
    } else {
        show::print(&packs, pack);
    }
    Ok(ExitCode::SUCCESS)
}

fn open(from: &Origin) -> Result<Packs, ExitCode> {
    let packs = match &from.folder {
        Some(folder) => Packs::from_folder(folder),
        None => Packs::builtin(),
    };
    packs.map_err(|error| wrong_use(&error.to_string()))
}

fn wrong_use(message: &str) -> ExitCode {
    say_error(&format!("squelch: {message}"));
    ExitCode::from(WRONG_USE)
}
