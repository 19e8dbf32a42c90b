//! Where the records of our own come from, and the table that is made of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::file::{File, FileKind, FileState};
use super::leases::Lease;
use super::record::Record;
use super::table::Table;
use crate::config::{self, Config, ConfigProblems};
use crate::query::Name;

/// A change of a file is in force after this long at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The records of our own. The table is swapped whole, and read without a lock.
#[derive(Debug)]
pub struct Book {
    domain: Name,
    sources: Mutex<Sources>,
    table: ArcSwap<Table>,
    leases: watch::Sender<Vec<Lease>>,
}

/// In the order in which they have their way.
#[derive(Debug)]
struct Sources {
    declared: Vec<Record>,
    kept: Vec<Record>,
    files: Vec<Arc<File>>,
    next_end_s: Option<i64>,
}

/// The records of the config in its order, or everything that is none.
pub fn declared(records: &[config::Record]) -> Result<Vec<Record>, ConfigProblems> {
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    for record in records {
        match read(record) {
            Ok(understood) => good.push(understood),
            Err(error) => problems.push(record.refused(error.key(), &error.to_string())),
        }
    }
    if problems.is_empty() {
        Ok(good)
    } else {
        Err(ConfigProblems(problems))
    }
}

/// Understands a record of the config.
pub(super) fn read(record: &config::Record) -> Result<Record, super::RecordError> {
    let ttl = u32::try_from(record.ttl.as_secs()).unwrap_or(u32::MAX);
    Record::parse(&record.name, record.kind.as_deref(), &record.value, ttl)
}

impl Book {
    /// What the config says, with the files as they are now.
    pub(super) fn new(config: &Config, domain: Name) -> Self {
        let files = |paths: &[std::path::PathBuf], kind| {
            let files = paths.iter().map(|path| Arc::new(File::new(path, kind)));
            files.collect::<Vec<_>>()
        };
        let mut sources = Sources {
            declared: good(&config.records),
            kept: Vec::new(),
            files: files(&config.local.hosts, FileKind::Hosts),
            next_end_s: None,
        };
        sources
            .files
            .extend(files(&config.local.leases, FileKind::Leases));
        look_at(&mut sources.files);
        let table = sources.table(&domain, now_s());
        let leases = sources.leases(now_s());
        Self {
            domain,
            leases: watch::Sender::new(leases),
            sources: Mutex::new(sources),
            table: ArcSwap::from_pointee(table),
        }
    }

    /// Takes the records of a config that was read again.
    pub fn declare(&self, records: &[config::Record]) {
        let mut sources = self.sources();
        sources.declared = good(records);
        self.remake(&mut sources);
    }

    /// Takes the records that were added while running.
    pub fn keep(&self, records: Vec<Record>) {
        let mut sources = self.sources();
        sources.kept = records;
        self.remake(&mut sources);
    }

    /// The home's domain.
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    /// The files that are watched, and what is wrong with them.
    pub fn files(&self) -> Vec<FileState> {
        let files = self.sources().files.clone();
        files.iter().map(|file| file.state()).collect()
    }

    /// What DHCP servers gave out, as it changes.
    pub fn leases(&self) -> watch::Receiver<Vec<Lease>> {
        self.leases.subscribe()
    }

    /// Reads the files that have changed, and leaves out what has ended.
    pub fn look(&self) {
        let mut files = self.sources().files.clone();
        // Nobody waits meanwhile for what may be on a disk that sleeps.
        let has_changed = look_at(&mut files);
        let mut sources = self.sources();
        sources.files = files;
        if has_changed || sources.next_end_s.is_some_and(|end| end <= now_s()) {
            self.remake(&mut sources);
        }
    }

    /// Watches the files until told to stop.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        if self.sources().files.is_empty() {
            return;
        }
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let book = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || book.look())
                .await
                .is_err()
            {
                tracing::error!("the files of names could not be looked at");
            }
        }
    }

    pub(super) fn table(&self) -> arc_swap::Guard<Arc<Table>> {
        self.table.load()
    }

    fn remake(&self, sources: &mut Sources) {
        self.table
            .store(Arc::new(sources.table(&self.domain, now_s())));
        let leases = sources.leases(now_s());
        self.leases.send_if_modified(|known| {
            let is_other = *known != leases;
            *known = leases;
            is_other
        });
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sources {
    fn leases(&self, now_s: i64) -> Vec<Lease> {
        let files = self.files.iter();
        files.flat_map(|file| file.leases(now_s)).collect()
    }

    fn table(&mut self, domain: &Name, now_s: i64) -> Table {
        self.next_end_s = self
            .files
            .iter()
            .filter_map(|file| file.next_end(now_s))
            .min();
        let mut all = vec![self.declared.clone(), self.kept.clone()];
        all.extend(self.files.iter().map(|file| file.records(now_s)));
        Table::new(domain, &all)
    }
}

/// Reads the files that have changed. Says whether any says something else now.
fn look_at(files: &mut [Arc<File>]) -> bool {
    let mut has_changed = false;
    for file in files {
        if let Some(looked) = file.look() {
            has_changed |= looked.differs_from(file);
            *file = Arc::new(looked);
        }
    }
    has_changed
}

/// The records that are some; a config with others is refused before it comes here.
fn good(records: &[config::Record]) -> Vec<Record> {
    records
        .iter()
        .filter_map(|record| read(record).ok())
        .collect()
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::query::RecordType;

    fn book(config: &Config) -> Book {
        Book::new(config, "home.arpa".parse().unwrap())
    }

    fn covers(book: &Book, name: &str) -> bool {
        book.table().covers(&name.parse().unwrap())
    }

    fn config(hosts: &[PathBuf], leases: &[PathBuf]) -> Config {
        let mut config = Config::default();
        config.local.hosts = hosts.to_vec();
        config.local.leases = leases.to_vec();
        config
    }

    #[test]
    fn a_file_that_changes_says_its_new_names_and_none_of_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        fs::write(&file, "192.0.2.10 old\n").unwrap();
        let book = book(&config(std::slice::from_ref(&file), &[]));
        assert!(covers(&book, "old.home.arpa"));
        // As long as before, and within one tick of the file's clock.
        fs::write(&file, "192.0.2.10 new\n").unwrap();
        book.look();
        assert!(covers(&book, "new.home.arpa") && !covers(&book, "old.home.arpa"));
        fs::remove_file(&file).unwrap();
        book.look();
        assert!(!covers(&book, "new.home.arpa"));
        assert!(book.files()[0].error.is_some());
    }

    #[test]
    fn nobody_waits_for_a_file_that_takes_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hosts");
        fs::write(&file, "192.0.2.10 old\n").unwrap();
        let book = book(&config(std::slice::from_ref(&file), &[]));
        fs::remove_file(&file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        std::thread::scope(|scope| {
            scope.spawn(|| book.look());
            // That opens once the other end is being read.
            let mut pipe = fs::File::options().write(true).open(&file).unwrap();
            book.keep(Vec::new());
            assert_eq!(book.files().len(), 1);
            std::io::Write::write_all(&mut pipe, b"192.0.2.10 new\n").unwrap();
        });
        assert!(covers(&book, "new.home.arpa"));
    }

    #[test]
    fn what_the_config_says_comes_before_what_was_added_and_before_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leases");
        fs::write(
            &file,
            "0 aa:bb:cc:dd:ee:01 192.0.2.3 nas *\n0 aa:bb:cc:dd:ee:02 192.0.2.4 tv *\n",
        )
        .unwrap();
        let book = book(&config(&[], &[file]));
        let record = |value: &str| Record::parse("nas.home.arpa", None, value, 300).unwrap();
        let owner = |ip: [u8; 4]| {
            let name = super::super::reverse::reverse_name(ip.into());
            book.table().covers(&name)
        };
        assert!(owner([192, 0, 2, 3]));
        book.keep(vec![record("192.0.2.2")]);
        let query = crate::query::Query::internal("nas.home.arpa".parse().unwrap(), RecordType::A);
        let mut out = crate::query::AnswerBuf::new();
        book.table().write(&query, &mut out);
        assert!(out.as_slice().ends_with(&[192, 0, 2, 2]));
        assert!(covers(&book, "tv.home.arpa"));
    }

    #[test]
    fn a_lease_that_is_over_is_not_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leases");
        let (past, future) = (now_s() - 5, now_s() + 3600);
        let text = format!(
            "{past} aa:bb:cc:dd:ee:01 192.0.2.3 gone *\n{future} aa:bb:cc:dd:ee:02 192.0.2.4 here *\n"
        );
        fs::write(&file, text).unwrap();
        let book = book(&config(&[], &[file]));
        assert!(covers(&book, "here.home.arpa") && !covers(&book, "gone.home.arpa"));
        assert_eq!(book.sources().next_end_s, Some(future));
    }
}
