//! `squelch lists confirm` and `lists discard`: what becomes of a copy that is held back.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::super::{ConfigArgs, say, say_error, say_problems};
use super::server::Server;
use super::update::{claim, unknown};
use crate::config::Config;
use crate::lists::{Choice, Shelf, Subscription};

const HELP: &str = "\
A copy that turned into a web page, is empty, or has less than half of the entries that there were is
held back; `squelch lists list` tells why. A copy that was discarded is not held back again as long as
the source has nothing else. The running server is asked to do it; where none is running, it is done to
the lists of the config in data_dir.
Exit codes: 0 it is done, 1 no copy is held back, 2 there is no such list, or the config is wrong.";

/// The arguments of `squelch lists confirm` and `squelch lists discard`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct DecideArgs {
    /// The list's name.
    name: String,
    #[command(flatten)]
    config: ConfigArgs,
}

impl DecideArgs {
    /// Does what was decided.
    pub(super) fn run(self, choice: Choice) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match Server::find(&config).await {
                Some(server) => self.there(&server, choice).await,
                None => self.here(&config, choice),
            }
        })
    }

    async fn there(&self, server: &Server, choice: Choice) -> anyhow::Result<ExitCode> {
        let lists = server.lists().await?.lists;
        let Some(list) = lists.iter().find(|list| list.name == self.name) else {
            let names = lists.iter().map(|list| list.name.as_str());
            return Ok(unknown(&self.name, names));
        };
        let is_done = server.decide(&list.id, choice).await?;
        Ok(self.tell(choice, is_done))
    }

    fn here(&self, config: &Config, choice: Choice) -> anyhow::Result<ExitCode> {
        let lists = Subscription::declared(&config.subscribed);
        let Some(list) = lists.iter().find(|list| list.name == self.name) else {
            let names = lists.iter().map(|list| list.name.as_str());
            return Ok(unknown(&self.name, names));
        };
        let copies = Shelf::at(&config.data_dir);
        let _claim = claim(&copies)?;
        let mut standing = copies.standing(&list.id, list.reading());
        let decided = copies.decide(list, &mut standing, choice);
        let is_done = decided.context("changing the copies in data_dir")?;
        if is_done {
            let kept = copies.keep(&list.id, &standing);
            kept.context("keeping what is known of the list in data_dir")?;
        }
        Ok(self.tell(choice, is_done))
    }

    fn tell(&self, choice: Choice, is_done: bool) -> ExitCode {
        let name = &self.name;
        if is_done {
            say(&format!(
                "{name}: the copy that was held back is {}",
                choice.done()
            ));
            ExitCode::SUCCESS
        } else {
            say_error(&format!("squelch: no copy of list `{name}` is held back"));
            ExitCode::FAILURE
        }
    }
}
