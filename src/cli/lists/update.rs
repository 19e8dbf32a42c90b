//! `squelch lists update`: has lists fetched now, by the running server or here.

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::super::{ConfigArgs, WRONG_USE, say, say_error, say_problems};
use super::NO_LISTS;
use super::server::{Listed, Server};
use crate::app;
use crate::config::Config;
use crate::lists::{AllLists, ListStatus, Progress, Shelf, Step, Subscription};

/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(250);

/// Two processes would write the same files.
const BUSY: &str = "a server that does not answer here, or another `squelch lists update`, keeps the \
    lists in data_dir; a server does it by itself, and has it done by the dashboard";

const HELP: &str = "\
The running server is asked to do it, and its progress is shown. Where none is running, the lists of
the config are fetched into data_dir, compiled, and in force at the next start.
Examples:
  squelch lists update                 all lists
  squelch lists update hagezi-multi    this one
Exit codes: 0 all lists are up to date, 1 some are not (the reason is told, and the last good copy
stays in force), 2 there is no such list, or the config is wrong.";

/// The arguments of `squelch lists update`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct UpdateArgs {
    /// The list's name; without it, all lists.
    name: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl UpdateArgs {
    /// Has lists fetched.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("starting the runtime")?;
        let code = runtime.block_on(self.update(config));
        runtime.shutdown_background();
        code
    }

    async fn update(&self, config: Config) -> anyhow::Result<ExitCode> {
        match Server::find(&config).await {
            Some(server) => self.update_there(&server).await,
            None => self.update_here(config).await,
        }
    }

    async fn update_there(&self, server: &Server) -> anyhow::Result<ExitCode> {
        let before = server.lists().await?;
        let wanted = before.lists.iter().filter(|list| self.is_meant(&list.name));
        let wanted: Vec<&Listed> = wanted.collect();
        if let (Some(name), true) = (&self.name, wanted.is_empty()) {
            return Ok(unknown(
                name,
                before.lists.iter().map(|list| list.name.as_str()),
            ));
        }
        if before.lists.is_empty() {
            say(NO_LISTS);
            return Ok(ExitCode::SUCCESS);
        }
        match (&self.name, wanted.first()) {
            (Some(_), Some(list)) => server.refresh(Some(&list.id)).await?,
            _ => server.refresh(None).await?,
        }
        let mut told = String::new();
        loop {
            let now = server.lists().await?;
            let update = &now.update;
            if !update.running {
                let lists = now.lists.iter().filter(|list| self.is_meant(&list.name));
                return Ok(finish(
                    lists.map(|list| (list.name.as_str(), list.outcome())),
                ));
            }
            let list = update.list.as_ref().and_then(|id| now.name(id));
            tell(
                &mut told,
                update.step,
                list,
                (update.bytes, update.of_bytes),
            );
            time::sleep(POLL).await;
        }
    }

    async fn update_here(&self, config: Config) -> anyhow::Result<ExitCode> {
        let lists = Subscription::declared(&config.subscribed);
        if lists.is_empty() && self.name.is_none() {
            // What was compiled of earlier ones goes out of force with the next start.
            say(NO_LISTS);
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(name) = &self.name
            && !lists.iter().any(|list| list.name == *name)
        {
            return Ok(unknown(name, lists.iter().map(|list| list.name.as_str())));
        }
        let _claim = claim(&Shelf::at(&config.data_dir))?;
        say("No server is running here: the lists of the config are fetched into data_dir.");
        let (mut refresher, handle) = app::refresher(&app::prepare(config)?);
        refresher.begin(lists).await;
        let id = self.name.as_deref().map(crate::lists::id);
        handle.refresh(id.as_deref());
        let watching = async {
            let mut told = String::new();
            let mut progress = handle.watch_progress();
            let mut has_run = false;
            while progress.changed().await.is_ok() {
                let now: Progress = progress.borrow_and_update().clone();
                if now.step.is_none() && has_run {
                    break;
                }
                has_run |= now.step.is_some();
                let list = now.list.as_ref().and_then(|id| handle.status(id));
                let name = list.as_ref().map(|status| status.list.name.as_str());
                tell(&mut told, now.step, name, (now.bytes, now.of_bytes));
            }
        };
        tokio::select! {
            () = refresher.run(CancellationToken::new()) => {}
            () = watching => {}
        }
        let all: Arc<AllLists> = handle.all();
        if let Some(problem) = &all.problem {
            say_error(&format!("squelch: {problem}"));
            return Ok(ExitCode::FAILURE);
        }
        let lists = all
            .lists
            .iter()
            .filter(|status| self.is_meant(&status.list.name));
        Ok(finish(lists.map(|status| {
            (status.list.name.as_str(), outcome(status))
        })))
    }

    fn is_meant(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name)
    }
}

pub(super) fn unknown<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> ExitCode {
    let names: Vec<&str> = names.collect();
    let hint = if names.is_empty() {
        "there are no lists".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    say_error(&format!("squelch: there is no list `{name}`; {hint}"));
    ExitCode::from(WRONG_USE)
}

/// Says what is being done, once.
fn tell(told: &mut String, step: Option<Step>, list: Option<&str>, bytes: (u64, Option<u64>)) {
    let what = match (step, list) {
        (None, _) => return,
        (Some(Step::Compiling), _) => "compiling all lists".to_owned(),
        (Some(Step::Reading), name) => format!("reading {}", name.unwrap_or("a list")),
        (Some(Step::Fetching), name) => {
            let name = name.unwrap_or("a list");
            match bytes {
                (0, _) => format!("fetching {name}"),
                (bytes, _) => format!("fetching {name}: {} MB", bytes / 1_000_000),
            }
        }
    };
    if *told != what {
        say(&what);
        *told = what;
    }
}

fn outcome(status: &ListStatus) -> Result<u64, String> {
    let standing = &status.standing;
    if let Some(problem) = &standing.problem {
        return Err(problem.message.clone());
    }
    if let Some(held) = &standing.held {
        return Err(super::server::held(&held.reason));
    }
    Ok(standing.copy.as_ref().map_or(0, |copy| copy.found.entries))
}

/// Keeps others out of the folder of lists until what this gives is dropped.
pub(super) fn claim(shelf: &Shelf) -> anyhow::Result<File> {
    let claim = shelf.claim();
    let claim = claim.context("claiming the folder of lists in data_dir")?;
    claim.context(BUSY)
}

/// Says what came of each list.
fn finish<'a>(lists: impl Iterator<Item = (&'a str, Result<u64, String>)>) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (name, outcome) in lists {
        match outcome {
            Ok(entries) => say(&format!("{name}: {entries} entries")),
            Err(why) => {
                say_error(&format!("{name}: {why}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
