//! The copies of lists on disk, so that no list is lost because its server is.
//!
//! Each list has `ID.txt`, its last good text; `ID.json`, what is known of it; `ID.refused`, the
//! lines that were refused; and `ID.new.txt` while a new text is held back. Every file is written
//! beside its place and then renamed, so that none is ever half there. What cannot be read is set
//! aside with a warning, and made anew from the text.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::fetch::Fresh;
use super::standing::{Choice, Contents, Discarded, Held, ListCopy, Stamp, Standing};
use super::subscription::Subscription;
use super::{Problem, Reading, read};
use crate::matcher::rule::Rule;

/// Files of a list that nobody wants are kept so long.
const KEPT: Duration = Duration::from_hours(24 * 7);

/// What came of a new copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is the list's copy from now on.
    Taken,
    /// It says the same as the one before.
    Same,
    /// It is held back, for this reason.
    Held(String),
}

/// The folder of the copies.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf in a data folder; nothing on disk is touched.
    pub fn at(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("lists"),
        }
    }

    /// Makes the folder where it is not there.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)
    }

    /// Whether lists were ever kept here.
    pub fn exists(&self) -> bool {
        self.folder.exists()
    }

    /// The text of a list's copy.
    pub fn text(&self, id: &str) -> PathBuf {
        self.file(id, "txt")
    }

    /// Where a new text is put until it is judged.
    pub fn incoming(&self, id: &str) -> PathBuf {
        self.file(id, "part")
    }

    /// The compiled rules of all lists.
    pub fn compiled(&self) -> PathBuf {
        self.folder.join("compiled.rules")
    }

    /// What is known of a list; nothing of one that was never seen.
    pub fn standing(&self, id: &str, reading: Reading) -> Standing {
        let file = self.file(id, "json");
        let read = fs::read(&file).and_then(|text| Ok(serde_json::from_slice(&text)?));
        let mut standing: Standing = read.unwrap_or_else(|error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                set_aside(&file, &error);
            }
            Standing::default()
        });
        standing.copy = self.checked(id, reading, standing.copy);
        let is_there = self.file(id, "new.txt").exists();
        standing.held = standing.held.filter(|_| is_there);
        standing
    }

    /// Holds what is known of a copy against the text; where they differ, the text counts.
    fn checked(&self, id: &str, reading: Reading, known: Option<ListCopy>) -> Option<ListCopy> {
        let text = self.text(id);
        let stamp = Stamp::of(&text).ok()?;
        if let Some(known) = known.filter(|known| known.size == stamp.size) {
            return Some(known);
        }
        match examine(&text, reading, &self.file(id, "refused")) {
            Ok((found, _)) => Some(ListCopy {
                fetched_at: Timestamp::from_nanosecond(stamp.changed_ns.into()).unwrap_or_default(),
                size: stamp.size,
                found,
                ..ListCopy::default()
            }),
            Err(error) => {
                tracing::warn!(list = id, %error, "the kept copy of a list cannot be read");
                None
            }
        }
    }

    /// Keeps what is known of a list.
    pub fn keep(&self, id: &str, standing: &Standing) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(standing)?;
        write(&self.file(id, "json"), |file| file.write_all(&text))
    }

    /// Judges the text that came in, and puts it where it belongs. What is known changes with it.
    pub fn take_in(
        &self,
        list: &Subscription,
        fresh: Fresh,
        standing: &mut Standing,
    ) -> io::Result<Judged> {
        let (id, source) = (list.id.as_str(), list.source.to_string());
        let text = self.incoming(id);
        let is_same = |copy: &&mut ListCopy| (copy.hash, copy.size) == (fresh.hash, fresh.size);
        if let Some(copy) = standing.copy.as_mut().filter(is_same) {
            (copy.validators, copy.stamp) = (fresh.validators, fresh.stamp);
            remove(&text)?;
            self.settled(id, standing, source)?;
            return Ok(Judged::Same);
        }
        let (found, first_refused) = examine(&text, list.reading(), &self.file(id, "new.refused"))?;
        // That a list from elsewhere is shorter says nothing.
        let before = standing.copy.as_ref().filter(|_| standing.source == source);
        let before = before.map(|copy| copy.found.entries);
        let doubt = doubt(before, found.entries, first_refused);
        let copy = ListCopy {
            fetched_at: Timestamp::now(),
            size: fresh.size,
            hash: fresh.hash,
            validators: fresh.validators,
            stamp: fresh.stamp,
            found,
        };
        let Some(reason) = doubt else {
            self.settle(id, &text)?;
            self.settled(id, standing, source)?;
            standing.copy = Some(copy);
            return Ok(Judged::Taken);
        };
        let held = Held { reason, copy };
        let known = standing.discarded.as_mut();
        let known = known.filter(|gone| gone.is_of(list) && gone.says_the_same(&held));
        if let Some(discarded) = known {
            (discarded.held, standing.held) = (held, None);
            remove(&text)?;
            self.remove_new(id)?;
            return Ok(Judged::Same);
        }
        fs::rename(text, self.file(id, "new.txt"))?;
        let reason = held.reason.clone();
        standing.held = Some(held);
        Ok(Judged::Held(reason))
    }

    /// Does with the copy that is held back what somebody wants; `false` when there is none.
    pub fn decide(
        &self,
        list: &Subscription,
        standing: &mut Standing,
        choice: Choice,
    ) -> io::Result<bool> {
        match choice {
            Choice::Confirm => self.confirm(list, standing),
            Choice::Discard => self.discard(list, standing),
        }
    }

    fn confirm(&self, list: &Subscription, standing: &mut Standing) -> io::Result<bool> {
        let Some(held) = standing.held.clone() else {
            return Ok(false);
        };
        self.settle(&list.id, &self.file(&list.id, "new.txt"))?;
        self.settled(&list.id, standing, list.source.to_string())?;
        standing.copy = Some(held.copy);
        Ok(true)
    }

    fn discard(&self, list: &Subscription, standing: &mut Standing) -> io::Result<bool> {
        let Some(held) = standing.held.clone() else {
            return Ok(false);
        };
        self.remove_new(&list.id)?;
        standing.held = None;
        standing.discarded = Some(Discarded::now(list, held));
        Ok(true)
    }

    /// Keeps the lines that were refused when a copy was read in another way than before.
    pub fn read_again(&self, id: &str, refused: &[Problem]) -> io::Result<()> {
        write_refused(&self.file(id, "refused"), refused)
    }

    /// Some of the lines that were refused, from a place on, and the place of what follows.
    pub fn refused(
        &self,
        id: &str,
        place: u64,
        most: usize,
    ) -> io::Result<(Vec<Problem>, Option<u64>)> {
        let mut file = match File::open(self.file(id, "refused")) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            Err(error) => return Err(error),
        };
        let mut place = file.seek(SeekFrom::Start(place))?;
        let mut lines = Vec::new();
        // In bytes: a place that is none of ours may be in the middle of a character.
        let mut line = Vec::new();
        while file.read_until(b'\n', &mut line)? > 0 {
            if lines.len() == most {
                return Ok((lines, Some(place)));
            }
            place += u64::try_from(line.len()).unwrap_or(0);
            // What is left of a line is none.
            lines.extend(serde_json::from_slice::<Problem>(&line));
            line.clear();
        }
        Ok((lines, None))
    }

    /// Reads a list's copy anew, and gives each entry with its line, as people know it.
    pub fn entries(
        &self,
        id: &str,
        reading: Reading,
        give: &mut dyn FnMut(u64, String),
    ) -> io::Result<()> {
        let text = match File::open(self.text(id)) {
            Ok(file) => BufReader::with_capacity(1 << 16, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        read(text, reading, &mut |rule: Rule| {
            give(rule.line, rule.pattern.label());
        })?;
        Ok(())
    }

    /// Forgets a list, with its copies.
    pub fn forget(&self, id: &str) -> io::Result<()> {
        let ends = ["txt", "json", "refused", "new.txt", "new.refused", "part"];
        ends.iter().try_for_each(|end| remove(&self.file(id, end)))
    }

    /// Removes what is left of a text that nobody waits for any more.
    pub fn drop_incoming(&self, id: &str) -> io::Result<()> {
        remove(&self.incoming(id))
    }

    /// Removes what nobody touched for a week and what belongs to no list that is wanted. Until then
    /// a list that was taken out by mistake comes back as it was.
    pub fn sweep(&self, wanted: &HashSet<String>) -> io::Result<()> {
        for item in fs::read_dir(&self.folder)? {
            let item = item?;
            let name = item.file_name();
            let Some((id, _)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            // What is compiled belongs to all lists.
            let is_needed = wanted.contains(id) || item.path() == self.compiled();
            let age = item.metadata()?.modified()?.elapsed().unwrap_or_default();
            if !is_needed && age > KEPT {
                remove(&item.path())?;
            }
        }
        Ok(())
    }

    /// Claims the folder for this process, until what this gives is dropped; `None` while another
    /// has it.
    pub fn claim(&self) -> io::Result<Option<File>> {
        self.make()?;
        let file = File::create(self.folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Puts a text in the place of the list's copy, with the lines that were refused.
    fn settle(&self, id: &str, text: &Path) -> io::Result<()> {
        fs::rename(text, self.text(id))?;
        match fs::rename(self.file(id, "new.refused"), self.file(id, "refused")) {
            // They are there already, where this was cut off before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    /// Nothing is held back any more, and the copy is from this source.
    fn settled(&self, id: &str, standing: &mut Standing, source: String) -> io::Result<()> {
        (standing.held, standing.discarded) = (None, None);
        standing.source = source;
        self.remove_new(id)
    }

    fn remove_new(&self, id: &str) -> io::Result<()> {
        remove(&self.file(id, "new.txt"))?;
        remove(&self.file(id, "new.refused"))
    }

    fn file(&self, id: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{id}.{end}"))
    }
}

/// Reads a text, keeps the lines that are refused, and tells what else is in it, with the
/// reason for which the first line was refused.
fn examine(
    text: &Path,
    reading: Reading,
    refused: &Path,
) -> io::Result<(Contents, Option<String>)> {
    let source = BufReader::with_capacity(1 << 16, File::open(text)?);
    let report = read(source, reading, &mut |_: Rule| {})?;
    write_refused(refused, &report.problems)?;
    let first = report.problems.first();
    Ok((
        Contents::of(&report),
        first.map(|problem| problem.reason.clone()),
    ))
}

/// Why a new copy should be looked at by a person first.
fn doubt(before: Option<u64>, now: u64, first_refused: Option<String>) -> Option<String> {
    match (before, now) {
        (Some(0), 0) => None,
        (_, 0) => Some(match first_refused {
            Some(reason) => format!("it has no entry: {reason}"),
            None => "it has no entry".to_owned(),
        }),
        (Some(before), _) if now < before.div_ceil(2) => Some(format!(
            "it has shrunk by more than half: {now} entries, before there were {before}"
        )),
        _ => None,
    }
}

fn write_refused(file: &Path, problems: &[Problem]) -> io::Result<()> {
    write(file, |file| {
        for problem in problems {
            serde_json::to_writer(&mut *file, problem)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// Writes a file: whole, or not at all.
fn write(file: &Path, put: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push("~");
    let beside = PathBuf::from(beside);
    let mut writer = BufWriter::new(File::create(&beside)?);
    put(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    fs::rename(beside, file)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn set_aside(file: &Path, why: &io::Error) {
    let mut aside = file.as_os_str().to_owned();
    aside.push(".damaged");
    let renamed = fs::rename(file, &aside);
    tracing::warn!(
        file = %file.display(),
        error = %why,
        was_set_aside = renamed.is_ok(),
        "what is known of a list cannot be read, and is made anew from its text"
    );
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::config::{ListAction, ListSource};
    use crate::lists::Validators;

    fn list() -> Subscription {
        Subscription {
            id: "a".to_owned(),
            name: "a".to_owned(),
            source: ListSource::File("/srv/a.txt".into()),
            action: ListAction::Block,
            format: None,
            refresh: Duration::from_hours(24),
            enabled: true,
            declared: true,
            groups: None,
        }
    }

    struct Bench {
        shelf: Shelf,
        standing: Standing,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let shelf = Shelf::at(folder.path());
            shelf.make().unwrap();
            Self {
                shelf,
                standing: Standing::default(),
                _folder: folder,
            }
        }

        fn put(&mut self, text: &str) -> Judged {
            fs::write(self.shelf.incoming("a"), text).unwrap();
            let fresh = Fresh {
                size: text.len() as u64,
                hash: xxhash_rust::xxh3::xxh3_64(text.as_bytes()),
                validators: Validators::default(),
                stamp: None,
            };
            let judged = self.shelf.take_in(&list(), fresh, &mut self.standing);
            self.shelf.keep("a", &self.standing).unwrap();
            judged.unwrap()
        }

        fn decide(&mut self, choice: Choice) -> bool {
            let decided = self.shelf.decide(&list(), &mut self.standing, choice);
            self.shelf.keep("a", &self.standing).unwrap();
            decided.unwrap()
        }

        fn text(&self) -> String {
            fs::read_to_string(self.shelf.text("a")).unwrap()
        }
    }

    fn held(judged: Judged) -> String {
        match judged {
            Judged::Held(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_looks_wrong_is_held_back_and_the_last_good_copy_stays() {
        let mut bench = Bench::new();
        let good = "a.example\nb.example\nc.example\n";
        assert_eq!(bench.put(good), Judged::Taken);
        assert_eq!(bench.put(good), Judged::Same);
        let page = held(bench.put("<!DOCTYPE html><p>Sign in</p>"));
        assert_eq!(page, "it has no entry: this is a web page, not a list");
        assert_eq!(held(bench.put("")), "it has no entry");
        assert_eq!(
            held(bench.put("a.example\n")),
            "it has shrunk by more than half: 1 entries, before there were 3"
        );
        assert_eq!(bench.text(), good);
        assert_eq!(bench.shelf.standing("a", list().reading()), bench.standing);
        assert!(bench.decide(Choice::Confirm));
        assert_eq!(bench.text(), "a.example\n");
        assert!(!bench.decide(Choice::Confirm));
    }

    #[test]
    fn a_good_copy_replaces_the_one_that_was_held_back() {
        let mut bench = Bench::new();
        bench.put("a.example\nb.example\n");
        held(bench.put(""));
        assert_eq!(bench.put("a.example\nc.example\n"), Judged::Taken);
        assert_eq!(bench.standing.held, None);
    }

    #[test]
    fn a_copy_that_was_discarded_is_gone_and_the_same_is_no_news() {
        let mut bench = Bench::new();
        let good = "a.example\nb.example\nc.example\n";
        bench.put(good);
        assert!(!bench.decide(Choice::Discard));
        held(bench.put("a.example\n"));
        assert!(bench.decide(Choice::Discard));
        assert_eq!(bench.text(), good);
        for end in ["new.txt", "new.refused"] {
            assert!(!bench.shelf.file("a", end).exists(), "{end}");
        }
        assert!(!bench.decide(Choice::Confirm));
        assert_eq!(bench.put("a.example\n"), Judged::Same);
        assert_eq!(bench.standing.held, None);
        assert_eq!(bench.text(), good);
        // Also after a restart.
        bench.standing = bench.shelf.standing("a", list().reading());
        assert_eq!(bench.put("a.example\n"), Judged::Same);
    }

    #[test]
    fn what_differs_from_a_discarded_copy_is_held_back_again() {
        let mut bench = Bench::new();
        let good = "a.example\nb.example\nc.example\n";
        bench.put(good);
        held(bench.put("a.example\n"));
        bench.decide(Choice::Discard);
        held(bench.put("b.example\n"));
        // The source is back at what nobody wanted.
        assert_eq!(bench.put("a.example\n"), Judged::Same);
        assert_eq!(bench.standing.held, None);
        assert!(!bench.shelf.file("a", "new.txt").exists());
        // It was whole in between, so that it has shrunk is news.
        assert_eq!(bench.put(good), Judged::Same);
        held(bench.put("a.example\n"));
        assert_eq!(bench.put("a.example\nb.example\n"), Judged::Taken);
        assert_eq!(bench.standing.discarded, None);
    }

    #[test]
    fn pages_that_are_no_lists_are_discarded_whatever_is_written_on_them() {
        let mut bench = Bench::new();
        bench.put("a.example\nb.example\n");
        held(bench.put("<!DOCTYPE html><p>Sign in, visitor 1</p>"));
        bench.decide(Choice::Discard);
        let again = bench.put("<!DOCTYPE html><p>Sign in, visitor 2</p>");
        assert_eq!(again, Judged::Same);
        // Nothing at all is something else.
        assert_eq!(held(bench.put("")), "it has no entry");
    }

    #[test]
    fn the_newest_copy_is_told_by_the_source_that_it_came_from() {
        let mut bench = Bench::new();
        bench.put("a.example\nb.example\nc.example\n");
        held(bench.put("a.example\n"));
        let size =
            |bench: &Bench, list: &Subscription| bench.standing.newest(list).map(|copy| copy.size);
        let elsewhere = Subscription {
            source: ListSource::File("/srv/b.txt".into()),
            ..list()
        };
        let for_another = |action| Subscription { action, ..list() };
        assert_eq!(size(&bench, &list()), Some(10));
        bench.decide(Choice::Discard);
        for (list, expected) in [
            (list(), Some(10)),
            (for_another(ListAction::Watch), Some(10)),
            // What was read so then says nothing of it.
            (for_another(ListAction::Allow), Some(30)),
            (elsewhere, None),
        ] {
            assert_eq!(size(&bench, &list), expected, "{list:?}");
        }
        bench.put("a.example\nb.example\n");
        assert_eq!(size(&bench, &list()), Some(20));
    }

    #[test]
    fn a_copy_that_is_held_back_can_be_taken_after_it_was_half_taken() {
        let mut bench = Bench::new();
        bench.put("a.example\nb.example\nc.example\n");
        held(bench.put("a.example\n"));
        let file = |end| bench.shelf.file("a", end);
        fs::rename(file("new.refused"), file("refused")).unwrap();
        bench.standing = bench.shelf.standing("a", list().reading());
        assert!(bench.decide(Choice::Confirm));
        assert_eq!(bench.text(), "a.example\n");
    }

    #[test]
    fn what_belongs_to_no_list_is_gone_after_a_week() {
        let mut bench = Bench::new();
        bench.put("a.example\n");
        let names = [
            "a.refused",
            "b.txt",
            "b.new.refused",
            "preview~3.part",
            "compiled.rules",
        ];
        for name in names.into_iter().chain(["c.txt"]) {
            fs::write(bench.shelf.folder.join(name), "").unwrap();
        }
        let old = SystemTime::now() - KEPT - Duration::from_mins(1);
        for name in names {
            let file = File::options()
                .write(true)
                .open(bench.shelf.folder.join(name));
            file.unwrap().set_modified(old).unwrap();
        }
        bench.shelf.sweep(&HashSet::from(["a".to_owned()])).unwrap();
        let left = fs::read_dir(&bench.shelf.folder).unwrap();
        let left = left.map(|item| item.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = left.collect();
        left.sort();
        assert_eq!(
            left,
            ["a.json", "a.refused", "a.txt", "c.txt", "compiled.rules"]
        );
    }

    #[test]
    fn the_folder_is_one_process_s_at_a_time() {
        let bench = Bench::new();
        let claim = bench.shelf.claim().unwrap();
        assert!(claim.is_some());
        assert!(bench.shelf.claim().unwrap().is_none());
        drop(claim);
        assert!(bench.shelf.claim().unwrap().is_some());
    }

    #[test]
    fn a_damaged_state_is_set_aside_and_made_anew_from_the_text() {
        let mut bench = Bench::new();
        bench.put("a.example\nb.example\n||c^$third-party\n");
        let file = bench.shelf.file("a", "json");
        fs::write(&file, "{ half").unwrap();
        let standing = bench.shelf.standing("a", list().reading());
        let copy = standing.copy.unwrap();
        assert_eq!(copy.found, bench.standing.copy.unwrap().found);
        assert_eq!(copy.validators, Validators::default());
        assert!(bench.shelf.file("a", "json.damaged").exists());
    }

    #[test]
    fn refused_lines_are_told_page_by_page() {
        let mut bench = Bench::new();
        bench.put("a.example\n0.0.0.0\nb.example\n_\n*\n");
        let refused = bench.standing.copy.as_ref().unwrap().found.refused;
        let (first, next) = bench.shelf.refused("a", 0, 1).unwrap();
        let (rest, end) = bench.shelf.refused("a", next.unwrap(), 9).unwrap();
        assert_eq!(u64::try_from(first.len() + rest.len()).unwrap(), refused);
        assert!(refused > 1 && end.is_none() && first[0].line < rest[0].line);
    }

    #[test]
    fn refused_lines_are_told_from_any_place_on() {
        let mut bench = Bench::new();
        bench.put("a.example\n\u{fc}ber all\n_\n*\n");
        let file = bench.shelf.file("a", "refused");
        let text = fs::read_to_string(&file).unwrap();
        let inside = text.find('\u{fc}').unwrap() + 1;
        assert!(!text.is_char_boundary(inside));
        let (rest, _) = bench.shelf.refused("a", inside as u64, 9).unwrap();
        let (all, _) = bench.shelf.refused("a", 0, 9).unwrap();
        assert_eq!(rest[0].line, all[1].line);
    }
}
