//! A list that somebody only thinks of: compiled by itself, in force nowhere.

use std::io;
use std::sync::Arc;

use super::{Reading, Report, add};
use crate::matcher::{Compiled, Compiler, Live, Matcher, Names, compiled_with};

/// A list that is in force nowhere.
pub struct Draft {
    /// What was found in it.
    pub report: Report,
    /// The names that it has rules for.
    pub names: Names,
    /// Its rules, as the only ones that there are.
    pub alone: Arc<Live>,
}

impl Draft {
    /// Reads a list, and compiles it. `seed` is that of the rules that it is compared with.
    pub fn read(text: impl io::BufRead, reading: Reading, seed: u64) -> io::Result<Self> {
        let mut rules = Compiler::new(seed);
        let report = add(&mut rules, "draft", reading, text)?;
        let (bytes, names) = rules.finish_with_names().map_err(io::Error::other)?;
        let compiled = Compiled::from_bytes(bytes).map_err(io::Error::other)?;
        let alone = Arc::new(Live::default());
        let nothing = Arc::new(compiled_with(seed, |_| {}));
        alone.swap(Matcher::new(Arc::new(compiled), nothing));
        Ok(Self {
            report,
            names,
            alone,
        })
    }
}
