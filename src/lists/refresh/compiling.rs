//! From the copies of all lists to the rules in force.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use xxhash_rust::xxh3::Xxh3Default;

use super::kept::Kept;
use super::{Refresher, keep, unkept};
use crate::lists::standing::{Contents, Stamp};
use crate::lists::subscriptions::{Progress, Step};
use crate::lists::work::aside;
use crate::lists::{LeftOut, ListSource, Report, Shelf, Watch};

/// Compiles lists and puts them in force.
pub trait Compile: Send + Sync + 'static {
    /// Puts in force what was compiled from the same before; `false` when there is no such thing,
    /// or it is damaged.
    fn reopen(&self, file: &Path, tag: &str) -> bool;

    /// Whether a damaged part of what is in force was met; it has to be compiled anew.
    fn is_damaged(&self) -> bool;

    /// Gives back the memory of rules that are not in force any more.
    fn rest(&self);

    /// Compiles lists into a file and puts them in force, but for those that cannot be. On failure
    /// all stays as it is.
    fn compile(
        &self,
        lists: &[ListSource],
        into: (&Path, &str),
        watch: &mut dyn Watch,
    ) -> Result<Vec<Result<Report, LeftOut>>, String>;
}

/// Tells how far a compilation is, and keeps what was refused where that is news.
struct Told {
    progress: watch::Sender<Progress>,
    shelf: Shelf,
    /// Each list's id, and what is known of its copy.
    lists: Vec<(String, Option<Contents>)>,
}

impl Watch for Told {
    fn begins(&mut self, number: usize) {
        self.progress.send_modify(|now| now.done = number);
    }

    fn has_read(&mut self, number: usize, report: &Report) {
        let Some((id, known)) = self.lists.get(number) else {
            return;
        };
        if *known == Some(Contents::of(report)) {
            return;
        }
        if let Err(error) = self.shelf.read_again(id, &report.problems) {
            tracing::warn!(list = %id, "{}", unkept(&error));
        }
    }
}

impl Refresher {
    /// Puts in force what was compiled before the start, or compiles it now.
    pub(super) async fn put_in_force(&mut self) {
        if self.sources().is_empty() && !self.shelf.compiled().exists() {
            // There are no lists, and there never were.
            return;
        }
        let (compile, file, tag) = (Arc::clone(&self.compile), self.shelf.compiled(), self.tag());
        let reopened = aside(move || compile.reopen(&file, &tag)).await;
        if reopened.unwrap_or(false) {
            self.compiled_at = Stamp::of(&self.shelf.compiled())
                .ok()
                .and_then(|stamp| Timestamp::from_nanosecond(stamp.changed_ns.into()).ok());
        } else {
            self.compile().await;
        }
    }

    pub(super) async fn compile(&mut self) {
        self.must_compile = false;
        let (compile, tag) = (Arc::clone(&self.compile), self.tag());
        let sources = self.sources();
        let of = sources.len();
        let progress = self.desk.progress.clone();
        progress.send_modify(|now| {
            *now = Progress {
                step: Some(Step::Compiling),
                of,
                compiled: now.compiled,
                ..Progress::default()
            };
        });
        let file = self.shelf.compiled();
        let in_force = self.lists.iter().filter(|kept| kept.is_in_force());
        let mut told = Told {
            progress,
            shelf: self.shelf.clone(),
            lists: in_force.map(Kept::id_and_contents).collect(),
        };
        let compiling = move || compile.compile(&sources, (&file, &tag), &mut told);
        let compiled = aside(compiling).await;
        match compiled.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(reports) => self.compiled(reports).await,
            Err(problem) => {
                tracing::error!("lists cannot be compiled, those before stay in force: {problem}");
                self.problem = Some(problem);
            }
        }
    }

    /// A disk may lose what it held: then the copies of the lists are compiled again.
    pub(super) fn look_for_damage(&mut self) {
        if !self.must_compile && self.problem.is_none() && self.compile.is_damaged() {
            tracing::warn!("the compiled lists are damaged, and are made anew");
            self.must_compile = true;
        }
    }

    async fn compiled(&mut self, reports: Vec<Result<Report, LeftOut>>) {
        (self.compiled_at, self.problem) = (Some(Timestamp::now()), None);
        let found = reports.iter().flatten();
        let entries: u64 = found.map(|report| report.counts.entries).sum();
        let (mut reports, mut lists) = (reports.into_iter(), 0);
        for kept in &mut self.lists {
            kept.left_out = None;
            let report = kept.is_in_force().then(|| reports.next()).flatten();
            let is_news = match report {
                None => false,
                Some(Ok(report)) => {
                    lists += 1;
                    kept.found(&report)
                }
                Some(Err(why)) => kept.leave_out(&why),
            };
            if is_news {
                keep(&self.shelf, kept).await;
            }
        }
        self.desk
            .progress
            .send_modify(|progress| progress.compiled += 1);
        tracing::info!(lists, entries, "the lists are in force");
    }

    /// What the compiled rules are made from, in short.
    pub(super) fn tag(&self) -> String {
        let mut hash = Xxh3Default::new();
        for kept in self.lists.iter().filter(|kept| kept.is_in_force()) {
            let copy = kept
                .standing
                .copy
                .as_ref()
                .map(|copy| (copy.hash, copy.size));
            let list = (&kept.list.name, kept.list.action, kept.list.format, copy);
            hash.update(format!("{list:?}").as_bytes());
        }
        format!("{:016x}", hash.digest())
    }

    fn sources(&self) -> Vec<ListSource> {
        let in_force = self.lists.iter().filter(|kept| kept.is_in_force());
        in_force.map(|kept| kept.source(&self.shelf)).collect()
    }
}
