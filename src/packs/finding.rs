//! What is wrong with a pack or a file beside it, and where.

use std::fmt;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The file, as the person who asked named its folder.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The rule.
    pub code: Code,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            code,
            message,
        } = self;
        write!(f, "{file}:{line}: {code:?} {message}")
    }
}

/// The rules that packs must pass. Codes are never given to another rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Code {
    /// The file can be read, and is TOML.
    P01,
    /// Every key is known, present where it must be, and has a value of the right form.
    P02,
    /// A pack's file has the name of its id.
    P03,
    /// No date lies in the future.
    P04,
    /// What is sorted stays sorted.
    P05,
    /// Components exist, once, and are used.
    P06,
    /// Placeholders and what they stand for belong together.
    P07,
    /// Words, lists and packs that are referred to exist.
    P08,
    /// Sources exist, and can give this kind of evidence.
    P09,
    /// An entry rests on something.
    P10,
    /// Some purposes are never blocked.
    P11,
    /// The level follows the confidence.
    P12,
    /// What breaks limits what may be blocked.
    P13,
    /// Texts are plain words.
    P14,
    /// No name that a list project planted to find copies.
    P15,
    /// A name is a domain name in lower case.
    P16,
    /// No name that strangers register below.
    P17,
    /// A whole domain is blocked on more than thin evidence.
    P18,
    /// No name twice in a pack.
    P19,
    /// What may never be blocked is not.
    P20,
    /// Packs agree on a name.
    P21,
    /// No entry that only repeats the one above it.
    P22,
    /// A pack does not live on one list.
    P23,
    /// The examples come out as they say.
    P24,
}
