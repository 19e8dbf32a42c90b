//! Rules that are no single name: texts with stars, and regexes.
//!
//! One pass over the name finds which of them can match at all, by a text that each needs; only
//! those are tried. Where there are none, a look-up does not come here.

use std::cell::Cell;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::rule::{End, Glob, Pattern, Start};

/// A text shorter than this is in so many names that looking for it saves nothing.
const MIN_NEEDED: usize = 2;
/// A regex with more alternatives than this is simply run.
const MAX_NEEDED: usize = 64;

/// Patterns, each with the place of its rule.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    all: Vec<(u32, Compiled)>,
    /// Finds texts of which a pattern needs one.
    needed: Option<AhoCorasick>,
    /// The pattern that each of these texts belongs to.
    owners: Vec<usize>,
    /// Patterns that need no text.
    always: Vec<usize>,
}

#[derive(Debug)]
enum Compiled {
    Glob(Glob),
    Regex { regex: Regex, inverted: bool },
}

impl Patterns {
    /// Compiles those of the rules that are patterns; the others are passed over.
    pub fn new<'a>(rules: impl Iterator<Item = (u32, &'a Pattern)>) -> Self {
        let mut patterns = Self::default();
        let mut texts = Vec::new();
        for (place, pattern) in rules {
            let Some((compiled, needed)) = compile(pattern) else {
                continue;
            };
            let at = patterns.all.len();
            if needed.is_empty() {
                patterns.always.push(at);
            }
            for text in needed {
                texts.push(text);
                patterns.owners.push(at);
            }
            patterns.all.push((place, compiled));
        }
        if !texts.is_empty() {
            // Only a set of texts beyond all memory cannot be built; then all patterns are tried.
            patterns.needed = AhoCorasickBuilder::new()
                .match_kind(MatchKind::Standard)
                .build(&texts)
                .ok();
            if patterns.needed.is_none() {
                patterns.always = (0..patterns.all.len()).collect();
            }
        }
        patterns
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Calls `visit` with the place of each pattern that matches `text`: a name in lower case,
    /// dotted, without the root dot.
    pub fn find(&self, text: &[u8], visit: &mut dyn FnMut(u32)) {
        if let Some(needed) = &self.needed {
            let mut tried = TRIED.take();
            tried.begin(self.all.len());
            for found in needed.find_overlapping_iter(text) {
                if let Some(&owner) = self.owners.get(found.pattern().as_usize())
                    && tried.is_new(owner)
                {
                    self.try_one(owner, text, visit);
                }
            }
            TRIED.set(tried);
        }
        for &at in &self.always {
            self.try_one(at, text, visit);
        }
    }

    fn try_one(&self, at: usize, text: &[u8], visit: &mut dyn FnMut(u32)) {
        if let Some((place, compiled)) = self.all.get(at)
            && compiled.matches(text)
        {
            visit(*place);
        }
    }
}

thread_local! {
    static TRIED: Cell<Tried> = const { Cell::new(Tried::NONE) };
}

/// The patterns that were tried on a name: a name may have the text that one needs in hundreds of
/// places. Kept by each thread, so that a look-up allocates nothing.
#[derive(Default)]
struct Tried {
    /// The look-up that this is; 0 = none.
    turn: u32,
    /// For each pattern, the look-up in which it was tried last.
    turns: Vec<u32>,
}

impl Tried {
    const NONE: Self = Self {
        turn: 0,
        turns: Vec::new(),
    };

    fn begin(&mut self, patterns: usize) {
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.turns.fill(0);
            self.turn = 1;
        }
        if self.turns.len() < patterns {
            self.turns.resize(patterns, 0);
        }
    }

    fn is_new(&mut self, pattern: usize) -> bool {
        let turn = self.turns.get_mut(pattern);
        turn.is_some_and(|turn| std::mem::replace(turn, self.turn) != self.turn)
    }
}

impl Compiled {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Glob(glob) => glob_matches(glob, text),
            Self::Regex { regex, inverted } => regex.is_match(text) != *inverted,
        }
    }
}

/// A pattern made ready, and the texts of which a name needs one; none where nothing is needed.
fn compile(pattern: &Pattern) -> Option<(Compiled, Vec<Vec<u8>>)> {
    match pattern {
        Pattern::Glob(glob) => {
            let longest = glob.text.split('*').max_by_key(|piece| piece.len());
            let needed = longest.filter(|piece| piece.len() >= MIN_NEEDED);
            let needed = needed.map(|piece| piece.as_bytes().to_vec());
            Some((Compiled::Glob(glob.clone()), needed.into_iter().collect()))
        }
        Pattern::Regex { text, inverted } => {
            // The reader of the list has parsed and weighed it, so this does not fail.
            let regex = RegexBuilder::new(text)
                .case_insensitive(true)
                .unicode(false)
                .build()
                .ok()?;
            let needed = if *inverted { None } else { needed_by(text) };
            let compiled = Compiled::Regex {
                regex,
                inverted: *inverted,
            };
            Some((compiled, needed.unwrap_or_default()))
        }
        Pattern::Exact(_) | Pattern::Subtree(_) | Pattern::Below(_) | Pattern::Address(_) => None,
    }
}

/// Texts, one of which is in every name that a regex matches.
fn needed_by(text: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(text)
        .ok()?;
    let mut texts = needed_in(&hir)?;
    for text in &mut texts {
        text.make_ascii_lowercase();
    }
    texts.sort();
    texts.dedup();
    Some(texts)
}

fn needed_in(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let texts = match hir.kind() {
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Capture(capture) => needed_in(&capture.sub)?,
        HirKind::Repetition(repetition) if repetition.min > 0 => needed_in(&repetition.sub)?,
        HirKind::Concat(parts) => best(parts.iter().filter_map(needed_in))?,
        HirKind::Alternation(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(needed_in).collect();
            all?.concat()
        }
        _ => return None,
    };
    let fits = texts.len() <= MAX_NEEDED && texts.iter().all(|text| text.len() >= MIN_NEEDED);
    fits.then_some(texts)
}

/// The choice whose shortest text is the longest: the one that is found least often.
fn best(choices: impl Iterator<Item = Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    choices.max_by_key(|texts| texts.iter().map(Vec::len).min())
}

/// Whether a text with stars matches. Each piece is taken where it first fits, so the time grows
/// with the length of the name and of the text, not with their number of combinations.
fn glob_matches(glob: &Glob, text: &[u8]) -> bool {
    match glob.start {
        Start::Name => pieces_match(glob, text, Tie::Here),
        Start::Anywhere => pieces_match(glob, text, Tie::Anywhere),
        Start::Label => {
            let starts = text.iter().enumerate().filter(|&(_, &byte)| byte == b'.');
            let starts = std::iter::once(0).chain(starts.map(|(at, _)| at + 1));
            starts
                .filter_map(|at| text.get(at..))
                .any(|rest| pieces_match(glob, rest, Tie::Here))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    Here,
    Anywhere,
}

fn pieces_match(glob: &Glob, text: &[u8], tie: Tie) -> bool {
    let mut rest = text;
    let mut tie = tie;
    let mut pieces = glob.text.as_bytes().split(|&byte| byte == b'*').peekable();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        if is_last && glob.end == End::Name {
            let fits = match tie {
                Tie::Here => rest == piece,
                Tie::Anywhere => rest.ends_with(piece),
            };
            return fits;
        }
        let at = match tie {
            Tie::Here => rest.starts_with(piece).then_some(0),
            Tie::Anywhere => find(rest, piece),
        };
        let Some(after) = at.and_then(|at| rest.get(at + piece.len()..)) else {
            return false;
        };
        rest = after;
        tie = Tie::Anywhere;
    }
    true
}

fn find(text: &[u8], piece: &[u8]) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    text.windows(piece.len()).position(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(patterns: &[Pattern], text: &str) -> Vec<u32> {
        let compiled = Patterns::new((0..).zip(patterns));
        let mut found = Vec::new();
        compiled.find(text.as_bytes(), &mut |place| found.push(place));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn regex(text: &str) -> Pattern {
        Pattern::Regex {
            text: text.into(),
            inverted: false,
        }
    }

    fn glob(text: &str, start: Start, end: End) -> Pattern {
        Pattern::Glob(Glob {
            text: text.into(),
            start,
            end,
        })
    }

    #[test]
    fn globs_are_tied_where_they_say() {
        for (text, start, end, yes, no) in [
            (
                "ads",
                Start::Label,
                End::Anywhere,
                "x.ads.example",
                "xads.example",
            ),
            (
                "ads.example",
                Start::Label,
                End::Anywhere,
                "ads.example.net",
                "a.bads.example",
            ),
            (
                "ads*.example",
                Start::Name,
                End::Name,
                "ads1.example",
                "x.ads1.example",
            ),
            (
                "ads.example",
                Start::Anywhere,
                End::Name,
                "myads.example",
                "ads.example.net",
            ),
            ("a*b*c", Start::Name, End::Name, "axbbxc", "axcxb"),
            (
                "-ad-",
                Start::Anywhere,
                End::Anywhere,
                "x-ad-y.example",
                "x-ads-y.example",
            ),
        ] {
            let pattern = [glob(text, start, end)];
            assert_eq!(found(&pattern, yes), [0], "{text} should match {yes}");
            assert_eq!(
                found(&pattern, no),
                [0_u32; 0],
                "{text} should not match {no}"
            );
        }
    }

    #[test]
    fn regexes_are_found_with_and_without_a_text_that_they_need() {
        let patterns = [
            regex(r"^ad[sv]?[0-9]*\."),
            regex("(track|metric)s?"),
            regex(r"^\d+$"),
            regex("TRACK"),
            Pattern::Regex {
                text: r"\.example$".into(),
                inverted: true,
            },
        ];
        assert_eq!(found(&patterns, "ads1.tracks.example"), [0, 1, 3]);
        assert_eq!(found(&patterns, "12"), [2, 4]);
        assert_eq!(found(&patterns, "metric.test"), [1, 4]);
    }

    #[test]
    fn a_pattern_is_tried_once_however_often_its_text_is_there() {
        let all = [glob("aa", Start::Anywhere, End::Anywhere), regex("aaa?")];
        let patterns = Patterns::new((0..).zip(&all));
        let name = "a".repeat(250);
        for _ in 0..2 {
            let mut told = Vec::new();
            patterns.find(name.as_bytes(), &mut |place| told.push(place));
            told.sort_unstable();
            assert_eq!(told, [0, 1]);
        }
    }

    #[test]
    fn turns_begin_anew_when_they_come_to_their_end() {
        let mut tried = Tried {
            turn: u32::MAX,
            turns: vec![1, u32::MAX],
        };
        tried.begin(3);
        let is_new = [0, 1, 2].map(|at| tried.is_new(at));
        assert_eq!(is_new, [true, true, true]);
        assert!(!tried.is_new(1));
    }

    #[test]
    fn what_a_regex_needs_is_seen() {
        let needs = |text| needed_by(text).map(|texts| texts.len());
        assert_eq!(needs(r"(^|\.)ads\.example$"), Some(1));
        assert_eq!(needs("(a|bb)"), None);
        assert_eq!(needs("(aa|bb)x*"), Some(2));
        assert_eq!(needs("[a-z]+"), None);
    }

    proptest! {
        #[test]
        fn a_glob_matches_as_the_regex_that_says_the_same(
            text in "[ab.]{0,3}(\\*[ab.]{0,2}){0,3}",
            name in "[ab]{1,3}(\\.[ab]{1,3}){0,3}",
            start in prop::sample::select(vec![Start::Name, Start::Label, Start::Anywhere]),
            end in prop::sample::select(vec![End::Name, End::Anywhere]),
        ) {
            let head = match start { Start::Name => "^", Start::Label => r"(^|\.)", Start::Anywhere => "" };
            let tail = match end { End::Name => "$", End::Anywhere => "" };
            let body = text.replace('.', r"\.").replace('*', ".*");
            let oracle = Regex::new(&format!("{head}{body}{tail}")).unwrap();
            let glob = Glob { text: text.as_str().into(), start, end };
            prop_assert_eq!(glob_matches(&glob, name.as_bytes()), oracle.is_match(name.as_bytes()));
        }
    }
}
