//! What is wrong in a config, told so that it can be put right: where, which key, which value,
//! and what would be right.

use std::fmt;
use std::sync::Arc;

/// Everything that is wrong in a config, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigProblems(pub Vec<Problem>);

/// One thing that is wrong in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The key with its sections, such as `dns.listen[0]`; empty for the file as a whole.
    pub key: String,
    /// The value, and what would be right.
    pub message: String,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, or `environment variable NAME`.
    pub origin: Arc<str>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
}

impl ConfigProblems {
    /// These and others, in the order of the file; variables have no line, and come last.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self.0
            .sort_by_key(|problem| problem.place.line.unwrap_or(usize::MAX));
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.origin),
            None => f.write_str(&self.origin),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if self.key.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{} {}", self.key, self.message)
    }
}

impl Problem {
    /// An unknown key, with the known one that it was perhaps meant to be. `schema` is the key
    /// without numbers, as in `known`.
    pub(super) fn unknown_key(place: Place, key: String, schema: &str, known: &[String]) -> Self {
        let (section, leaf) = split(schema);
        let siblings: Vec<&str> = known
            .iter()
            .map(|path| split(path))
            .filter(|(parent, _)| *parent == section)
            .map(|(_, leaf)| leaf)
            .collect();
        // `web_listen` is a variable's name with one underscore too few.
        let is_it = |path: &&String| split(path).1 == leaf || path.replace('.', "_") == leaf;
        let elsewhere = || known.iter().find(is_it);
        let message = if let Some(near) = nearest(leaf, siblings.iter().copied()) {
            format!("is no known key; did you mean {near}?")
        } else if let Some(path) = elsewhere() {
            format!("is no known key here; did you mean {path}?")
        } else {
            format!("is no known key; known here: {}", siblings.join(", "))
        };
        Self {
            place,
            key,
            message,
        }
    }
}

/// The word that differs from `wrong` by the fewest letters, if these are few.
pub(super) fn nearest<'a>(
    wrong: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let few = (wrong.chars().count() / 3).max(1);
    words
        .into_iter()
        .map(|word| (distance(wrong, word), word))
        .filter(|(distance, _)| *distance <= few)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters have to be added, removed or replaced to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut costs: Vec<usize> = (0..=to.len()).collect();
    for (row, from) in from.chars().enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        for (cost, to) in costs.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = *cost;
            *cost = replaced.min(left + 1).min(*cost + 1);
            left = *cost;
        }
        if let Some(first) = costs.first_mut() {
            *first = row + 1;
        }
    }
    costs.last().copied().unwrap_or(0)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_the_letters_that_differ() {
        let cases = [
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("listne", "listen", 2),
            ("", "abc", 3),
            ("abc", "", 3),
        ];
        for (from, to, expected) in cases {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn nearest_word_is_named_only_if_it_is_near() {
        let words = ["listen", "workers", "allow_from"];
        assert_eq!(nearest("lisen", words), Some("listen"));
        assert_eq!(nearest("allowfrom", words), Some("allow_from"));
        assert_eq!(nearest("colour", words), None);
    }
}
