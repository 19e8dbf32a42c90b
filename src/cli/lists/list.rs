//! `squelch lists list`: the lists that people subscribed to, and how they stand.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::super::{ConfigArgs, say, say_problems};
use super::NO_LISTS;
use super::server::{Listed, Server};
use crate::config::Config;
use crate::lists::{Shelf, Subscription};

const HELP: &str = "\
The running server is asked where there is one; else the config and the kept copies are read.
States: good, new (it has not come yet), failing (its source cannot be read; its last good copy stays
in force), held (a new copy looks wrong and waits to be confirmed or discarded; the one before stays
in force).
Exit codes: 0 all lists are good or new, 1 some are not, 2 the config is wrong.";

/// The arguments of `squelch lists list`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct ListArgs {
    /// Writes one JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl ListArgs {
    /// Shows all lists.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let lists = runtime.block_on(async {
            match Server::find(&config).await {
                Some(server) => Ok(server.lists().await?.lists),
                None => here(&config),
            }
        })?;
        if self.json {
            say(&serde_json::to_string_pretty(&lists)?);
        } else {
            print(&lists);
        }
        let is_well = |list: &Listed| list.outcome().is_ok();
        Ok(if lists.iter().all(is_well) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// What the config says, and what is kept.
fn here(config: &Config) -> anyhow::Result<Vec<Listed>> {
    let shelf = Shelf::at(&config.data_dir);
    let listed = |list: Subscription| {
        let standing = shelf.standing(&list.id, list.reading());
        let found = standing.copy.as_ref().map(|copy| &copy.found);
        let state = match (&standing.held, &standing.problem, &standing.copy) {
            (Some(_), _, _) => "held",
            (_, Some(_), _) => "failing",
            (_, _, Some(_)) => "good",
            _ => "new",
        };
        let value = json!({
            "id": list.id,
            "name": list.name,
            "source": list.source.to_string(),
            "action": list.action,
            "declared": list.declared,
            "state": state,
            "entries": found.map_or(0, |found| found.entries),
            "refused": found.map_or(0, |found| found.refused),
            "checked_at": standing.checked_at,
            "problem": standing.problem,
            "held": standing.held.map(|held| json!({ "reason": held.reason })),
        });
        serde_json::from_value(value).context("telling how a list stands")
    };
    Subscription::declared(&config.subscribed)
        .into_iter()
        .map(listed)
        .collect()
}

fn print(lists: &[Listed]) {
    if lists.is_empty() {
        return say(NO_LISTS);
    }
    let width = lists
        .iter()
        .map(|list| list.name.chars().count())
        .max()
        .unwrap_or(0);
    for list in lists {
        say(&format!(
            "{:<width$}  {:<7}  {:<5}  {:>9} entries  {:>6} refused  {}",
            list.name,
            list.state,
            list.action,
            list.entries,
            list.refused,
            list.checked_at.as_deref().unwrap_or("never looked at"),
        ));
        if let Err(why) = list.outcome() {
            say(&format!("{:<width$}  {why}", ""));
        }
    }
}
