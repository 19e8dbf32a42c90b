//! From the copies of all lists to the rules in force.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use xxhash_rust::xxh3::Xxh3Default;

use super::work::aside;
use super::{Refresher, keep, unkept};
use crate::lists::standing::Stamp;
use crate::lists::subscriptions::{Progress, Step};
use crate::lists::{ListSource, Report};

/// Compiles lists and puts them in force.
pub trait Compile: Send + Sync + 'static {
    /// Puts in force what was compiled from the same before; `false` when there is no such thing,
    /// or it is damaged.
    fn reopen(&self, file: &Path, tag: &str) -> bool;

    /// Whether a damaged part of what is in force was met; it has to be compiled anew.
    fn is_damaged(&self) -> bool;

    /// Compiles lists into a file and puts them in force; `begun` is told the number of each list
    /// before it is read. On failure all stays as it is.
    fn compile(
        &self,
        lists: &[ListSource],
        into: (&Path, &str),
        begun: &mut dyn FnMut(usize),
    ) -> Result<Vec<Report>, String>;
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
        let compiling = move || {
            let mut begun = |number| progress.send_modify(|now| now.done = number);
            compile.compile(&sources, (&file, &tag), &mut begun)
        };
        let compiled = aside(compiling).await;
        match compiled.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(reports) => self.compiled(&reports),
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

    fn compiled(&mut self, reports: &[Report]) {
        (self.compiled_at, self.problem) = (Some(Timestamp::now()), None);
        let in_force = self.lists.iter_mut().filter(|kept| kept.is_in_force());
        for (kept, report) in in_force.zip(reports) {
            if kept.found(report) {
                let again = self.shelf.read_again(&kept.list.id, &report.problems);
                if let Err(error) = again {
                    tracing::warn!(list = %kept.list.name, "{}", unkept(&error));
                }
                keep(&self.shelf, kept);
            }
        }
        self.desk
            .progress
            .send_modify(|progress| progress.compiled += 1);
        let entries: u64 = reports.iter().map(|report| report.counts.entries).sum();
        tracing::info!(lists = reports.len(), entries, "the lists are in force");
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
