//! Regexes, which run in linear time or not at all.

use regex::bytes::RegexBuilder;

use crate::matcher::rule::Pattern;

/// A compiled regex may take this much; longer ones would slow each query.
const SIZE_LIMIT: usize = 1 << 20;

/// Reads a regex as it is written, or says why it cannot be used.
pub(super) fn regex(text: &str, inverted: bool) -> Result<Pattern, String> {
    if text.is_empty() {
        return Err("the regex is empty".to_owned());
    }
    let compiled = RegexBuilder::new(text)
        .case_insensitive(true)
        .unicode(false)
        .size_limit(SIZE_LIMIT)
        .build();
    match compiled {
        Ok(_) => Ok(Pattern::Regex {
            text: text.into(),
            inverted,
        }),
        Err(regex::Error::CompiledTooBig(_)) => {
            Err("the regex is too large when compiled".to_owned())
        }
        Err(error) => Err(why(&error.to_string())),
    }
}

fn why(error: &str) -> String {
    if error.contains("look-around") {
        return "the regex looks ahead or behind, which cannot run in linear time".to_owned();
    }
    if error.contains("backreferences") {
        return "the regex refers back to a group, which cannot run in linear time".to_owned();
    }
    let reason = error.rsplit_once("error: ").map_or(error, |(_, last)| last);
    format!("the regex is wrong: {}", reason.trim())
}

/// Turns a POSIX extended regex with Pi-hole's additions into the `regex` crate's syntax.
pub(super) fn from_posix(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut repeated = false;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let mut repeats = false;
        match c {
            '(' if rest.starts_with("(?#") => {
                taken = rest.find(')').ok_or("a comment in the regex has no end")? + 1;
                repeats = repeated;
            }
            '\\' => {
                taken += rest.chars().nth(1).map_or(0, char::len_utf8);
                out.push_str(rest.get(..taken).unwrap_or_default());
            }
            '[' => {
                taken = bracket(rest, &mut out)?;
            }
            '*' | '+' if repeated => {
                return Err("the regex is wrong: a repetition is repeated".to_owned());
            }
            '{' if is_approximate(rest) => {
                return Err(
                    "the regex matches approximately, which cannot run in linear time".to_owned(),
                );
            }
            _ => {
                repeats = matches!(c, '*' | '+');
                out.push(c);
            }
        }
        repeated = repeats;
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(out)
}

/// Whether braces hold a cost of TRE (`{~1}`, `{+2-1}`, `{ 2i + 1d < 5 }`) and not a count.
fn is_approximate(rest: &str) -> bool {
    let inside = rest.split('}').next().unwrap_or_default();
    inside.contains(['~', '+', '-', '#', '<'])
}

/// Copies a bracket expression, in which a backslash and an inner `[` are plain (POSIX §9.3.5).
fn bracket(rest: &str, out: &mut String) -> Result<usize, String> {
    let mut at = 1;
    out.push('[');
    if rest.get(at..).is_some_and(|rest| rest.starts_with('^')) {
        out.push('^');
        at += 1;
    }
    let first = at;
    while let Some(inner) = rest.get(at..).filter(|inner| !inner.is_empty()) {
        if inner.starts_with("[:") {
            let end = inner.find(":]").ok_or("a class in the regex has no end")? + 2;
            out.push_str(inner.get(..end).unwrap_or_default());
            at += end;
            continue;
        }
        let c = inner.chars().next().unwrap_or(']');
        at += c.len_utf8();
        match c {
            ']' if at - 1 > first => {
                out.push(']');
                return Ok(at);
            }
            '\\' | '[' | ']' | '&' | '~' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    Err("a bracket in the regex has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posix(text: &str) -> Result<String, String> {
        from_posix(text).and_then(|text| Ok(regex(&text, false)?.to_string()))
    }

    #[test]
    fn brackets_mean_what_posix_says() {
        assert_eq!(
            posix(r"^[a\d]x[]b][[:digit:]]$").unwrap(),
            r"/^[a\\d]x[\]b][[:digit:]]$/"
        );
        assert_eq!(posix("^ads(?#home)[0-9]{2,}").unwrap(), "/^ads[0-9]{2,}/");
    }

    #[test]
    fn what_is_not_linear_or_wrong_is_refused() {
        for (text, reason) in [
            (r"(a)\1", "refers back"),
            ("foo(bar){~1}", "approximately"),
            ("(?=a)", "looks ahead"),
            ("a**", "repeated"),
            ("f{x}", "wrong"),
            ("(", "wrong"),
            ("[", "no end"),
            ("(a{1000}){1000}", "too large"),
        ] {
            let said = posix(text).unwrap_err();
            assert!(said.contains(reason), "{text}: {said}");
        }
    }
}
