//! Reads the keys of one table, and gathers what is wrong instead of stopping at it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::problem::{ConfigProblems, Place, Problem};
use super::tree::{Item, Table, Value};

/// A value that was understood, or what would be right.
pub(super) type Read<T> = Result<T, String>;

/// What is noticed while reading: problems, unknown keys and the keys that there are.
#[derive(Default)]
pub(super) struct Notes {
    problems: RefCell<Vec<Problem>>,
    /// Place, key, and key without numbers.
    unknown: RefCell<Vec<(Place, String, String)>>,
    known: RefCell<Vec<String>>,
}

impl Notes {
    /// Notes that begin with problems of the syntax.
    pub fn new(problems: Vec<Problem>) -> Self {
        Self {
            problems: RefCell::new(problems),
            ..Self::default()
        }
    }

    /// Adds a problem.
    pub fn add(&self, place: &Place, key: &str, message: String) {
        self.problems.borrow_mut().push(Problem {
            place: place.clone(),
            key: key.to_owned(),
            message,
        });
    }

    /// Every key that was asked for, with its sections.
    pub fn known(&self) -> Vec<String> {
        let mut known = self.known.borrow().clone();
        known.sort();
        known.dedup();
        known
    }

    /// Everything that is wrong, in the order of the file.
    pub fn into_problems(self) -> ConfigProblems {
        let known = self.known();
        let mut problems = self.problems.into_inner();
        // Where the syntax is broken, a value that was guessed from it says nothing.
        let broken: Vec<Place> = problems
            .iter()
            .filter(|problem| problem.key.is_empty())
            .map(|problem| problem.place.clone())
            .collect();
        problems.retain(|problem| problem.key.is_empty() || !broken.contains(&problem.place));
        for (place, key, schema) in self.unknown.into_inner() {
            problems.push(Problem::unknown_key(place, key, &schema, &known));
        }
        // Variables have no line, and come last.
        problems.sort_by_key(|problem| problem.place.line.unwrap_or(usize::MAX));
        ConfigProblems(problems)
    }
}

/// One table, whose keys are taken out as they are read.
pub(super) struct Section<'a> {
    /// The key of this table as people find it, such as `device[0]`.
    key: String,
    /// The same without numbers.
    schema: String,
    place: Place,
    table: Table,
    /// Where the keys stood that were taken out.
    taken: BTreeMap<String, Place>,
    notes: &'a Notes,
}

impl<'a> Section<'a> {
    /// Reads the whole config with `read`.
    pub fn root<T>(
        table: Table,
        place: Place,
        notes: &'a Notes,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let root = Self {
            key: String::new(),
            schema: String::new(),
            place,
            table,
            taken: BTreeMap::new(),
            notes,
        };
        root.read(read)
    }

    fn read<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = read(&mut self);
        self.finish();
        value
    }

    /// Where this table stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the value of a key stands that was taken; else where this table does.
    pub fn place_of(&self, key: &str) -> &Place {
        self.taken.get(key).unwrap_or(&self.place)
    }

    /// The key of a value of this table, with its sections.
    pub fn path(&self, key: &str) -> String {
        join(&self.key, key)
    }

    /// Whether a key stands in this table, and was not taken yet.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The texts that stand under `inner` in each of the tables of `key`, which are not taken yet.
    pub fn texts(&self, key: &str, inner: &str) -> Vec<String> {
        let Some(Value::List(tables)) = self.table.get(key).map(|item| &item.value) else {
            return Vec::new();
        };
        let texts = tables.iter().filter_map(|item| match &item.value {
            Value::Table(table) => table.get(inner)?.text().map(str::to_owned),
            _ => None,
        });
        texts.collect()
    }

    /// Whether no key is left.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Notes something wrong about a key of this table.
    pub fn wrong(&self, key: &str, message: impl Into<String>) {
        self.wrong_at(self.place_of(key), key, message);
    }

    fn wrong_at(&self, place: &Place, key: &str, message: impl Into<String>) {
        self.notes.add(place, &join(&self.key, key), message.into());
    }

    /// The value of a key, or nothing where it is absent.
    pub fn take(&mut self, key: &str) -> Option<Item> {
        self.notes.known.borrow_mut().push(join(&self.schema, key));
        let item = self.table.remove(key)?;
        self.taken.insert(key.to_owned(), item.place.clone());
        Some(item)
    }

    /// The value of a key; the default where it is absent or wrong.
    pub fn value<T>(&mut self, key: &str, default: T, read: impl Fn(&Item) -> Read<T>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a key that has no default; nothing where it is wrong.
    pub fn optional<T>(&mut self, key: &str, read: impl Fn(&Item) -> Read<T>) -> Option<T> {
        let item = self.take(key)?;
        self.check(key, &item, read)
    }

    /// The value of a key that must be there; `right` says what to write.
    pub fn required<T>(
        &mut self,
        key: &str,
        right: &str,
        read: impl Fn(&Item) -> Read<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.wrong(key, format!("is missing: write {right}"));
        }
        self.optional(key, read)
    }

    /// The values of a key that takes one value or a list, at least one; the default where it is
    /// absent or wrong. `right` says what to write.
    pub fn some<T>(
        &mut self,
        key: &str,
        right: &str,
        default: Vec<T>,
        read: impl Fn(&Item) -> Read<T>,
    ) -> Vec<T> {
        let Some(item) = self.take(key) else {
            if default.is_empty() {
                self.wrong(key, format!("is missing: write {right}"));
            }
            return default;
        };
        if matches!(&item.value, Value::List(items) if items.is_empty()) {
            self.wrong(key, format!("is empty: write {right}"));
        }
        self.check_each(key, &item, read).unwrap_or(default)
    }

    /// The values of a key that takes one value or a list; the default where it is absent or
    /// wrong.
    pub fn values<T>(
        &mut self,
        key: &str,
        default: Vec<T>,
        read: impl Fn(&Item) -> Read<T>,
    ) -> Vec<T> {
        let item = self.take(key);
        item.and_then(|item| self.check_each(key, &item, read))
            .unwrap_or(default)
    }

    /// The table of a key, empty where it is absent.
    pub fn section<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let empty = Item::table(self.place.clone(), Table::new());
        let item = self.take(key).unwrap_or(empty);
        self.inner(key, key, item, read)
    }

    /// Reads each of the tables of a key that may stand several times.
    pub fn each(&mut self, key: &str, mut read: impl FnMut(&mut Self)) {
        let Some(item) = self.take(key) else {
            return;
        };
        let Value::List(items) = item.value else {
            self.wrong(
                key,
                format!("is one table, not a list of them: write [[{key}]]"),
            );
            return;
        };
        for (at, item) in items.into_iter().enumerate() {
            self.inner(&format!("{key}[{at}]"), key, item, &mut read);
        }
    }

    /// The keys that were not asked for: these are names that people chose.
    pub fn rest(&mut self) -> Table {
        std::mem::take(&mut self.table)
    }

    /// Reads a table that stands below this one.
    pub fn inner<T>(
        &self,
        key: &str,
        schema: &str,
        item: Item,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if !matches!(item.value, Value::Table(_)) {
            let message = format!("= {item}: write a table, with keys and values");
            self.wrong_at(&item.place, key, message);
        }
        let section = Self {
            key: join(&self.key, key),
            schema: join(&self.schema, schema),
            place: item.place,
            table: match item.value {
                Value::Table(table) => table,
                _ => Table::new(),
            },
            taken: BTreeMap::new(),
            notes: self.notes,
        };
        section.read(read)
    }

    /// Understands a value, or notes why not.
    pub fn check<T>(&self, key: &str, item: &Item, read: impl Fn(&Item) -> Read<T>) -> Option<T> {
        read(item)
            .map_err(|right| self.wrong_at(&item.place, key, format!("= {item}: {right}")))
            .ok()
    }

    fn check_each<T>(
        &self,
        key: &str,
        item: &Item,
        read: impl Fn(&Item) -> Read<T>,
    ) -> Option<Vec<T>> {
        let Value::List(items) = &item.value else {
            return self.check(key, item, read).map(|value| vec![value]);
        };
        let numbered = items.iter().enumerate();
        let values: Vec<T> = numbered
            .filter_map(|(at, item)| self.check(&format!("{key}[{at}]"), item, &read))
            .collect();
        (values.len() == items.len()).then_some(values)
    }

    fn finish(self) {
        for (key, item) in &self.table {
            let schema = join(&self.schema, key);
            let unknown = (item.place.clone(), join(&self.key, key), schema);
            self.notes.unknown.borrow_mut().push(unknown);
        }
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() || key.is_empty() {
        format!("{section}{key}")
    } else {
        format!("{section}.{key}")
    }
}
