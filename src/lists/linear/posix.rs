//! POSIX extended regexes with the additions of Pi-hole's engine, in the `regex` crate's syntax.

use super::unfold;

/// Turns a POSIX extended regex into the `regex` crate's syntax. What its engine does not have,
/// references back and approximate matching, is written out where it comes to few texts.
pub(in crate::lists) fn from_posix(text: &str) -> Result<String, String> {
    let pieces = unfold::approximate(pieces(text)?)?;
    let alternatives = unfold::references(pieces)?;
    let texts: Result<Vec<String>, String> = alternatives.iter().map(|one| write(one)).collect();
    Ok(match &texts?[..] {
        [only] => only.clone(),
        several => several
            .iter()
            .map(|text| format!("(?:{text})"))
            .collect::<Vec<_>>()
            .join("|"),
    })
}

/// Whether a regex has something that has to be written out.
pub(in crate::lists) fn is_written_out(text: &str) -> bool {
    pieces(text).is_ok_and(|pieces| pieces.iter().any(|piece| unfold::is_needed(piece)))
}

/// Cuts a regex into characters, escapes, brackets, braces, and the openings of groups; comments
/// are left out.
fn pieces(text: &str) -> Result<Vec<String>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '(' if rest.starts_with("(?#") => {
                let end = rest.find(')').ok_or("a comment in the regex has no end")?;
                rest = rest.get(end + 1..).unwrap_or_default();
                continue;
            }
            '(' if rest.starts_with("(?:") => 3,
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' => bracket_len(rest)?,
            '{' => rest.find('}').map_or(rest.len(), |end| end + 1),
            other => other.len_utf8(),
        };
        let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        pieces.push(piece.to_owned());
        rest = after;
    }
    Ok(pieces)
}

/// Puts pieces together, each in the new syntax.
pub(super) fn write(pieces: &[String]) -> Result<String, String> {
    let mut out = String::new();
    let mut repeated = false;
    for piece in pieces {
        let repeats = matches!(piece.as_str(), "*" | "+");
        if repeated && repeats {
            return Err("the regex is wrong: a repetition is repeated".to_owned());
        }
        repeated = repeats;
        if piece.starts_with('[') {
            bracket(piece, &mut out);
        } else if let Some(rest) = piece.strip_prefix("{,") {
            out.push_str("{0,");
            out.push_str(rest);
        } else {
            out.push_str(piece);
        }
    }
    Ok(out)
}

/// How long a bracket expression is. A `]` in front stands for itself (POSIX §9.3.5).
fn bracket_len(rest: &str) -> Result<usize, String> {
    let start = if rest.starts_with("[^") { 2 } else { 1 };
    let mut at = start;
    while let Some(inner) = rest.get(at..).filter(|inner| !inner.is_empty()) {
        if inner.starts_with("[:") {
            at += inner.find(":]").ok_or("a class in the regex has no end")? + 2;
        } else if inner.starts_with(']') && at > start {
            return Ok(at + 1);
        } else {
            at += inner.chars().next().map_or(1, char::len_utf8);
        }
    }
    Err("a bracket in the regex has no end".to_owned())
}

/// Writes a bracket expression, in which a backslash and an inner `[` are plain.
fn bracket(piece: &str, out: &mut String) {
    let inside = piece
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(piece);
    let (sign, mut rest) = match inside.strip_prefix('^') {
        Some(rest) => ("[^", rest),
        None => ("[", inside),
    };
    out.push_str(sign);
    while let Some(c) = rest.chars().next() {
        let class = rest.starts_with("[:").then(|| rest.find(":]")).flatten();
        let len = class.map_or(c.len_utf8(), |end| end + 2);
        let (taken, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        if class.is_none() && matches!(c, '\\' | '[' | ']' | '&' | '~') {
            out.push('\\');
        }
        out.push_str(taken);
        rest = after;
    }
    out.push(']');
}
