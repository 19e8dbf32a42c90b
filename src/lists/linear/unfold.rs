//! What a linear engine does not have, written out: `(ads|beacon)\1` is one of two texts, and
//! `(ads){~1}` one of a dozen. Where they would be too many, the regex is refused.

use regex_syntax::hir::literal::Extractor;

use super::{parse, posix};

/// A regex may be written out in so many texts.
const MOST_TEXTS: usize = 256;
/// And into so many pieces.
const MOST_PIECES: usize = 4_000;
/// A longer text is not matched approximately.
const LONGEST_TEXT: usize = 32;
/// More edits of a text than this match nearly anything.
const MOST_EDITS: u32 = 3;

/// Whether a piece is one that a linear engine does not have.
pub(super) fn is_needed(piece: &str) -> bool {
    referred(piece).is_some() || is_approximate(piece)
}

/// Writes out the references back to groups: the alternatives, each without a reference.
pub(super) fn references(pieces: Vec<String>) -> Result<Vec<Vec<String>>, String> {
    let mut open = vec![pieces];
    let mut done = Vec::new();
    while let Some(pieces) = open.pop() {
        let Some(group) = pieces.iter().find_map(|piece| referred(piece)) else {
            done.push(pieces);
            continue;
        };
        let refuse = || {
            "the regex refers back to a group, which cannot run in linear time; only a group of \
             few texts can be written out"
                .to_owned()
        };
        let (start, end) = whole_group(&pieces, group).ok_or_else(refuse)?;
        let inside = pieces.get(start + 1..end).unwrap_or_default();
        for text in texts(inside)?.ok_or_else(refuse)? {
            open.push(with_text(&pieces, (start, end), &text));
            let texts = open.len() + done.len();
            if texts > MOST_TEXTS || texts * pieces.len() > MOST_PIECES {
                return Err(refuse());
            }
        }
    }
    done.reverse();
    Ok(done)
}

/// The group that a piece refers back to.
fn referred(piece: &str) -> Option<u32> {
    let digit = piece.strip_prefix('\\')?.chars().next()?.to_digit(10)?;
    (digit > 0).then_some(digit)
}

/// Where a group starts and ends that stands in every match, once, in front of its references.
fn whole_group(pieces: &[String], number: u32) -> Option<(usize, usize)> {
    let (mut depth, mut count, mut start) = (0_u32, 0_u32, None);
    let mut whole = None;
    for (at, piece) in pieces.iter().enumerate() {
        match piece.as_str() {
            "(" | "(?:" => {
                count += u32::from(piece == "(");
                if count == number && piece == "(" && depth == 0 {
                    start = Some(at);
                }
                depth += 1;
            }
            ")" => {
                depth = depth.checked_sub(1)?;
                if depth == 0
                    && let Some(start) = start.take()
                {
                    whole = Some((start, at));
                }
            }
            "|" if depth == 0 => return None,
            _ if referred(piece) == Some(number) && whole.is_none() => return None,
            _ => {}
        }
    }
    let (_, end) = whole?;
    let next = pieces.get(end + 1).map(String::as_str).unwrap_or_default();
    (!next.starts_with(['*', '+', '?', '{'])).then_some(whole?)
}

/// All texts that pieces match, if they are few.
fn texts(pieces: &[String]) -> Result<Option<Vec<String>>, String> {
    let is_open = |piece: &String| {
        ["[^", "\\D", "\\W", "\\S"]
            .iter()
            .any(|sign| piece.starts_with(sign))
    };
    if pieces.iter().any(is_open) {
        return Ok(None);
    }
    let parsed = parse(&posix::write(pieces)?, false)?;
    let mut extractor = Extractor::new();
    extractor
        .limit_class(MOST_TEXTS)
        .limit_repeat(MOST_TEXTS)
        .limit_total(MOST_TEXTS);
    let found = extractor.extract(&parsed);
    if !found.is_exact() {
        return Ok(None);
    }
    let found = found.literals().unwrap_or_default().iter();
    let mut texts: Vec<String> = found
        .filter(|text| text.as_bytes().iter().all(|&byte| is_in_name(byte)))
        .map(|text| String::from_utf8_lossy(text.as_bytes()).to_ascii_lowercase())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    Ok(Some(texts))
}

/// The pieces with a text in the place of a group and of all references to it.
fn with_text(pieces: &[String], (start, end): (usize, usize), text: &str) -> Vec<String> {
    let number = pieces.iter().take(start + 1).filter(|piece| *piece == "(");
    let number = u32::try_from(number.count()).ok();
    let text: Vec<String> = text
        .chars()
        .map(|c| regex_syntax::escape(c.encode_utf8(&mut [0; 4])))
        .collect();
    let inner = pieces.get(start + 1..end).unwrap_or_default();
    let mut written = Vec::new();
    written.extend_from_slice(pieces.get(..=start).unwrap_or_default());
    written.extend_from_slice(&text);
    // Groups that are gone keep their numbers.
    for _ in inner.iter().filter(|piece| *piece == "(") {
        written.extend(["(".to_owned(), ")".to_owned()]);
    }
    for piece in pieces.get(end..).unwrap_or_default() {
        if number.is_some() && referred(piece) == number {
            written.push("(?:".to_owned());
            written.extend_from_slice(&text);
            written.push(")".to_owned());
        } else {
            written.push(piece.clone());
        }
    }
    written
}

/// Writes out approximate matches: `(ads){~1}`, `(ads){+1-1#1}`.
pub(super) fn approximate(pieces: Vec<String>) -> Result<Vec<String>, String> {
    let mut written: Vec<String> = Vec::new();
    for piece in pieces {
        if !is_approximate(&piece) {
            written.push(piece);
            continue;
        }
        let refuse = || {
            "the regex matches approximately, which cannot run in linear time; only a short text \
             with few edits can be written out"
                .to_owned()
        };
        let edits = Edits::read(&piece).ok_or_else(refuse)?;
        let (open, text) = take_text(&mut written).ok_or_else(refuse)?;
        let mut texts = Vec::new();
        edits.write(&text, Vec::new(), &mut texts);
        if texts.len() > MOST_TEXTS {
            return Err(refuse());
        }
        written.push(open);
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                written.push("|".to_owned());
            }
            written.extend(text);
        }
        written.push(")".to_owned());
    }
    Ok(written)
}

/// Whether braces hold a cost (`{~1}`, `{+2-1}`, `{ 2i + 1d < 5 }`) and not a count.
fn is_approximate(piece: &str) -> bool {
    piece.starts_with('{') && piece.contains(['~', '+', '-', '#', '<'])
}

/// Takes the last group or character off, if it is a plain text; gives the group's opening, too.
fn take_text(written: &mut Vec<String>) -> Option<(String, Vec<String>)> {
    let last = written.pop()?;
    if last != ")" {
        return is_plain(&last).then(|| ("(?:".to_owned(), vec![last]));
    }
    let start = written
        .iter()
        .rposition(|piece| piece == "(" || piece == "(?:")?;
    let text = written.split_off(start + 1);
    let open = written.pop()?;
    let is_good = text.len() <= LONGEST_TEXT && text.iter().all(|piece| is_plain(piece));
    is_good.then_some((open, text))
}

/// Whether a piece stands for one character of a name.
fn is_plain(piece: &str) -> bool {
    let is_letter = piece != "." && piece.bytes().all(is_in_name);
    is_letter || piece == r"\." || piece == r"\-"
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// How many edits a text may have.
#[derive(Clone, Copy)]
struct Edits {
    inserted: u32,
    deleted: u32,
    replaced: u32,
    all: u32,
}

impl Edits {
    /// Reads `{+I-D#R~ALL}`. A kind that is not named is not allowed, unless none is.
    fn read(piece: &str) -> Option<Self> {
        let mut rest = piece.strip_prefix('{')?.strip_suffix('}')?;
        let (mut kinds, mut all) = ([None; 3], None);
        while let Some(sign) = rest.chars().next() {
            rest = rest.get(sign.len_utf8()..)?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = rest.get(..digits)?;
            let place = match sign {
                ' ' | ',' if number.is_empty() => continue,
                '+' => kinds.get_mut(0)?,
                '-' => kinds.get_mut(1)?,
                '#' => kinds.get_mut(2)?,
                '~' => &mut all,
                _ => return None,
            };
            *place = Some(number.parse().ok()?);
            rest = rest.get(digits..)?;
        }
        let unnamed = if kinds == [None; 3] { u32::MAX } else { 0 };
        let [inserted, deleted, replaced] = kinds.map(|kind| kind.unwrap_or(unnamed));
        let most = inserted.saturating_add(deleted).saturating_add(replaced);
        let all = all.unwrap_or(u32::MAX).min(most);
        (all <= MOST_EDITS).then_some(Self {
            inserted,
            deleted,
            replaced,
            all,
        })
    }

    /// All texts that come of these edits, behind what is `done`; stops when they are too many.
    fn write(self, text: &[String], done: Vec<String>, texts: &mut Vec<Vec<String>>) {
        if texts.len() > MOST_TEXTS {
            return;
        }
        let any = |mut done: Vec<String>| {
            done.push(".".to_owned());
            done
        };
        let all = self.all.saturating_sub(1);
        if self.all > 0 && self.inserted > 0 {
            let inserted = self.inserted - 1;
            Self {
                inserted,
                all,
                ..self
            }
            .write(text, any(done.clone()), texts);
        }
        let Some((first, rest)) = text.split_first() else {
            return texts.push(done);
        };
        if self.all > 0 && self.deleted > 0 {
            let deleted = self.deleted - 1;
            Self {
                deleted,
                all,
                ..self
            }
            .write(rest, done.clone(), texts);
        }
        if self.all > 0 && self.replaced > 0 {
            let replaced = self.replaced - 1;
            Self {
                replaced,
                all,
                ..self
            }
            .write(rest, any(done.clone()), texts);
        }
        let mut kept = done;
        kept.push(first.clone());
        self.write(rest, kept, texts);
    }
}
