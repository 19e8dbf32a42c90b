//! `AdGuard`'s syntax for DNS filters: `||NAME^`, exceptions, regexes, and modifiers after a `$`.
//!
//! A modifier that DNS has no use for puts the whole rule out of force, as its authors expect:
//! a browser's rule must not become a block of the whole site.

mod modifiers;
mod rewrite;

use super::found::{ALLOW, BLOCK, Found, Skip};
use super::{hostname, hosts, linear, plain};
use crate::matcher::rule::{Action, End, Glob, Limits, Pattern, Reach, Reply, Rule, Start};
use crate::query::Rcode;
use modifiers::{Modifiers, Rewriting};

/// Reads a line.
pub(super) fn read(line: &str, found: &mut Found<'_>) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    let is_cosmetic = plain::is_cosmetic(line);
    if line.starts_with('!') || (line.starts_with('#') && !is_cosmetic) {
        return found.skip(Skip::Comment);
    }
    if line.starts_with('[') && line.ends_with(']') {
        return found.skip(Skip::Header);
    }
    // A regex may hold the markers of browsers' rules.
    if is_cosmetic {
        return found.skip(Skip::Cosmetic);
    }
    if !whole_name(line, found) && !plain_names(line, found) {
        found.take(rule(line));
    }
}

/// Reads `||NAME^` or `@@||NAME^`, as most lines are; says whether it was one.
fn whole_name(line: &str, found: &mut Found<'_>) -> bool {
    let (text, action) = match line.strip_prefix("@@") {
        Some(rest) => (rest, &ALLOW),
        None => (line, &BLOCK),
    };
    let name = text
        .strip_prefix("||")
        .and_then(|rest| rest.strip_suffix('^'));
    // What ends in a digit may be an address.
    name.is_some_and(|name| {
        !name.ends_with(|c: char| c.is_ascii_digit() || c == '.')
            && found.quick_name(Reach::Subtree, name, action)
    })
}

/// Reads a line of a hosts file or a name by itself; says whether it was one.
fn plain_names(line: &str, found: &mut Found<'_>) -> bool {
    let text = line.split('#').next().unwrap_or_default().trim_end();
    let mut tokens = text.split_whitespace();
    let first = tokens.next().unwrap_or_default();
    let rest = tokens.clone().next();
    match (hostname::address(first), rest) {
        (Some(address), None) => {
            found.rule(Rule::block(Pattern::Address(hostname::network(address))));
        }
        (Some(_), Some(_)) => tokens
            .filter(|token| hostname::address(token).is_none())
            .for_each(|token| hosts::entry(token, found)),
        (None, None) if hostname::full_name(first).is_ok() => hosts::entry(first, found),
        (None, None) if hostname::is_local(first) => found.skip(Skip::Local),
        (None, None) if is_top(first) => found.name(Reach::Exact, first, &BLOCK),
        _ => return false,
    }
    true
}

/// Whether a word can be a name of one label to `AdGuard`, which then means that name only. Other
/// words are found anywhere in a name.
fn is_top(word: &str) -> bool {
    let is_international = || word.starts_with("xn--") && hostname::name(word).is_ok();
    word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic()) || is_international()
}

/// Reads a rule with a pattern and modifiers.
fn rule(line: &str) -> Result<Rule, String> {
    let (is_exception, text) = match line.strip_prefix("@@") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (text, modifiers) = split(text);
    let modifiers = modifiers::read(modifiers.unwrap_or_default())?;
    let pattern = match regex_text(text) {
        Some(regex) => linear::regex(regex, false)?,
        None => pattern(text, &modifiers.limits)?,
    };
    let Modifiers {
        limits,
        important,
        cancels,
        rewrite,
    } = modifiers;
    let action = match (rewrite, is_exception) {
        (Rewriting::Unsaid, false) => Action::Block(Vec::new()),
        (Rewriting::Unsaid, true) => Action::Allow,
        (Rewriting::Any, true) => Action::KeepAnswer(None),
        (Rewriting::To(reply), true) => Action::KeepAnswer(Some(reply)),
        (Rewriting::To(reply), false) => Action::Rewrite(reply),
        // AdGuard then answers with nothing.
        (Rewriting::Any, false) => Action::Rewrite(Reply::Code(Rcode::NOERROR)),
    };
    Ok(Rule {
        limits,
        important,
        cancels,
        ..Rule::new(pattern, action)
    })
}

/// The pattern and, behind the first `$` that is not escaped, the modifiers.
fn split(text: &str) -> (&str, Option<&str>) {
    let from = if text.starts_with('/') {
        // Inside a regex a `$` is an anchor: modifiers follow its closing slash.
        match text.rfind("/$") {
            Some(at) if at > 0 => at + 1,
            _ if text.len() > 1 && text.ends_with('/') => return (text, None),
            _ => 0,
        }
    } else {
        0
    };
    let mut escaped = false;
    for (at, c) in text.char_indices().filter(|&(at, _)| at >= from) {
        // With nothing behind it, it is a letter like any other.
        let rest = text.get(at + 1..).filter(|rest| !rest.is_empty());
        if c == '$' && !escaped && rest.is_some() {
            return (text.get(..at).unwrap_or_default(), rest);
        }
        escaped = c == '\\' && !escaped;
    }
    (text, None)
}

fn regex_text(text: &str) -> Option<&str> {
    text.strip_prefix('/')?.strip_suffix('/')
}

fn pattern(written: &str, limits: &Limits) -> Result<Pattern, String> {
    if written.chars().count() < 3 && limits.is_empty() {
        return Err("the pattern is too short: it would stop too much".to_owned());
    }
    if matches!(written, "|" | "||") {
        return Ok(Pattern::everything());
    }
    let lower = written.to_lowercase();
    let (text, start) = start(&lower)?;
    let (text, end) = end(text);
    if text.contains("..") {
        return Err("a label is empty".to_owned());
    }
    if let Ok(address) = text.parse() {
        return Ok(Pattern::Address(hostname::network(address)));
    }
    let is_open = start == Start::Anywhere || text.contains('*');
    // A star at an edge unties it.
    let (text, start) = match text.strip_prefix('*') {
        Some(rest) => (rest.trim_start_matches('*'), Start::Anywhere),
        None => (text, start),
    };
    let (text, end) = untied(text, end);
    if text.is_empty() && is_open {
        return Ok(Pattern::everything());
    }
    tied(&international(text)?, start, end)
}

fn untied(text: &str, end: End) -> (&str, End) {
    match text.strip_suffix('*') {
        Some(rest) => (rest.trim_end_matches('*'), End::Anywhere),
        None => (text, end),
    }
}

fn tied(text: &str, start: Start, end: End) -> Result<Pattern, String> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
    if is_part_of_ipv6(text) {
        return Ok(Pattern::Glob(Glob {
            text: text.into(),
            start,
            end,
        }));
    }
    if let Some(strange) = text.chars().find(|&c| !in_name(c)) {
        return Err(match strange {
            '/' => "a path: DNS sees names only".to_owned(),
            ':' => "a port or a scheme: DNS sees names only".to_owned(),
            '^' | '|' => format!("`{strange}` in the middle matches no name"),
            c if c.is_whitespace() => {
                "white space in a rule; a comment cannot follow one".to_owned()
            }
            c => format!("`{}` cannot stand in a name", c.escape_default()),
        });
    }
    // The root dot counts only where the pattern is tied to the end.
    let (text, end) = match end {
        End::Name => untied(text.strip_suffix('.').unwrap_or(text), end),
        End::Anywhere => (text, end),
    };
    if text.is_empty() {
        return Err("there is no name".to_owned());
    }
    let below = text.strip_prefix('.').map(hostname::name);
    Ok(match (start, end) {
        (Start::Label, End::Name) if !text.contains('*') => Pattern::Subtree(hostname::name(text)?),
        (Start::Name, End::Name) if !text.contains('*') => Pattern::Exact(hostname::name(text)?),
        (Start::Anywhere, End::Name) if matches!(below, Some(Ok(_))) => {
            Pattern::Below(below.unwrap_or_else(|| Ok("".into()))?)
        }
        _ => Pattern::Glob(Glob {
            text: text.into(),
            start,
            end,
        }),
    })
}

fn start(text: &str) -> Result<(&str, Start), String> {
    let (text, start) = if let Some(rest) = text.strip_prefix("||") {
        (rest, Start::Label)
    } else if let Some(rest) = text.strip_prefix('|') {
        (rest, Start::Name)
    } else {
        (text, Start::Anywhere)
    };
    // AdGuard puts `http://` in front of the name that is asked for, and finds the end of that in
    // `/NAME.`, too.
    let scheme = ["http://", "://"]
        .iter()
        .find(|&&mark| text.starts_with(mark));
    let whole = match scheme {
        Some(scheme) => text.strip_prefix(scheme),
        None => text.strip_prefix('/').filter(|rest| is_beginning(rest)),
    };
    if let Some(rest) = whole.filter(|_| start == Start::Anywhere) {
        return Ok((rest, Start::Name));
    }
    if text.contains("://") {
        return Err("a URL: DNS sees names only".to_owned());
    }
    Ok((text, start))
}

/// Whether a text is `NAME.`, as the beginning of a name may be.
fn is_beginning(text: &str) -> bool {
    let in_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    text.len() > 2 && text.ends_with('.') && text.chars().all(in_host)
}

/// Whether a text can only be found in an IPv6 address.
fn is_part_of_ipv6(text: &str) -> bool {
    text.matches(':').count() > 1
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '*'))
}

fn end(text: &str) -> (&str, End) {
    let tied = text.strip_suffix('|').or_else(|| text.strip_suffix("/*"));
    let rest = tied.unwrap_or(text);
    // Behind the end of a name there is nothing, which fits each further mark.
    let bare = rest.trim_end_matches(['^', '*']);
    let marks = rest.get(bare.len()..).unwrap_or_default();
    match marks.find('^') {
        Some(at) => (rest.get(..bare.len() + at).unwrap_or(bare), End::Name),
        None if tied.is_some() => (rest, End::Name),
        None => (text, End::Anywhere),
    }
}

fn international(text: &str) -> Result<String, String> {
    if text.is_ascii() {
        return Ok(text.to_owned());
    }
    let bare = text.trim_start_matches('.');
    let name = hostname::name(bare)?;
    Ok(format!(
        "{}{name}",
        if bare.len() < text.len() { "." } else { "" }
    ))
}
