//! `squelch check`: everything that is wrong, before the server is started.

use std::process::ExitCode;

use clap::Args;

use super::{ConfigArgs, say, say_error, say_problems};
use crate::config::{Config, ConfigProblems};
use crate::dns;
use crate::lists;
use crate::local;
use crate::packs::Packs;

/// The arguments of `squelch check`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the server would start, 2 it would not; the problems are told with file and line."
)]
pub struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

impl CheckArgs {
    /// Reads the config and the packs, and tells what is wrong.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let (packs, set_aside) = Packs::load(config.packs.folder.as_deref())?;
        if let Some(error) = set_aside {
            say_error(&format!("warning: {error}; the built-in packs are used"));
        }
        if let Err(problems) = understand(&packs, &config) {
            return Ok(say_problems(&problems));
        }
        let rules = lists::without_lists(&packs, &config.packs, &[], 0);
        say(&format!(
            "{}: good; {} packs with {} names, of which {} are in force",
            self.config.origin(),
            packs.packs().len(),
            packs.names(),
            rules.len(),
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether the config names only packs that exist, its rules are rules, its records records, and its
/// certificate has the right key.
pub(super) fn understand(packs: &Packs, config: &Config) -> Result<(), ConfigProblems> {
    let ids: Vec<&str> = packs.packs().iter().map(|pack| &*pack.id).collect();
    let mut problems = config.packs.unknown(&ids);
    problems.extend(
        config
            .groups
            .iter()
            .flat_map(|group| group.packs.unknown(&ids)),
    );
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
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigProblems(problems))
    }
}
