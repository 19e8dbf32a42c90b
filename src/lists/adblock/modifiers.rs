//! What stands behind the `$` of a rule.

use super::rewrite;
use crate::lists::hostname;
use crate::matcher::rule::{Asker, Choice, Limits, Reply};
use crate::query::RecordType;

/// The modifiers of one rule.
#[derive(Default)]
pub(super) struct Modifiers {
    pub(super) limits: Limits,
    pub(super) important: bool,
    pub(super) cancels: bool,
    pub(super) rewrite: Rewriting,
}

/// What a `$dnsrewrite` says.
#[derive(Default)]
pub(super) enum Rewriting {
    /// There is none.
    #[default]
    Unsaid,
    /// It has no value: rewrites of any kind are meant.
    Any,
    /// Its value.
    To(Reply),
}

/// Reads modifiers; one that DNS has no use for is an error.
pub(super) fn read(text: &str) -> Result<Modifiers, String> {
    let mut modifiers = Modifiers::default();
    for part in split(text, ',') {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (part, None),
        };
        let needed = || {
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("`${key}` has no value"))
        };
        let limits = &mut modifiers.limits;
        match key {
            "" => {}
            "important" => modifiers.important = true,
            "badfilter" => modifiers.cancels = true,
            "dnstype" => limits.types = types(needed()?)?,
            "client" => limits.devices = choice(needed()?, |text| Ok(asker(text)))?,
            "ctag" => limits.tags = choice(needed()?, tag)?,
            "denyallow" => limits.except = names(needed()?)?,
            "dnsrewrite" => {
                modifiers.rewrite = match value.unwrap_or_default() {
                    "" => Rewriting::Any,
                    value => Rewriting::To(rewrite::read(value)?),
                };
            }
            _ => {
                return Err(format!(
                    "`${key}` is not for DNS, so the rule is not in force"
                ));
            }
        }
    }
    Ok(modifiers)
}

/// Splits where `at` is not escaped. Quotes do not protect it, as `AdGuard` has it.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (index, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == at {
            parts.push(text.get(from..index).unwrap_or_default());
            from = index + c.len_utf8();
        }
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}

fn choice<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Choice<T>, String> {
    let mut choice = Choice::default();
    for part in split(value, '|') {
        if part.is_empty() {
            continue;
        }
        let (part, list) = match part.strip_prefix('~') {
            Some(rest) => (rest, &mut choice.not),
            None => (part, &mut choice.only),
        };
        if part.is_empty() {
            return Err("a value is empty".to_owned());
        }
        list.push(read(part)?);
    }
    if choice.only.is_empty() && choice.not.is_empty() {
        return Err("there is no value".to_owned());
    }
    Ok(choice)
}

fn types(value: &str) -> Result<Choice<RecordType>, String> {
    if value.split('|').any(str::is_empty) {
        return Err("a record type is empty".to_owned());
    }
    let mut types = choice(value, |word| {
        word.parse::<RecordType>()
            .ok()
            // AdGuard knows types by name only.
            .filter(|_| !word.to_ascii_uppercase().starts_with("TYPE"))
            .ok_or_else(|| format!("`{word}` is no record type that has a name"))
    })?;
    if !types.only.is_empty() {
        types.not.clear();
    }
    Ok(types)
}

fn asker(text: &str) -> Asker {
    let quoted = ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    let mut name = String::new();
    let mut escaped = false;
    for c in quoted.unwrap_or(text).chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            name.push(c);
        }
    }
    if let Ok(address) = name.parse() {
        Asker::Network(hostname::network(address))
    } else if let Ok(network) = name.parse::<ipnet::IpNet>() {
        Asker::Network(network.trunc())
    } else {
        Asker::Name(name.into())
    }
}

fn tag(text: &str) -> Result<Box<str>, String> {
    let in_tag = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.chars().all(in_tag) {
        Ok(text.into())
    } else {
        Err(format!("`{text}` is no tag: a to z, digits and _ only"))
    }
}

fn names(value: &str) -> Result<Vec<Box<str>>, String> {
    value
        .split('|')
        .map(|name| match name.strip_prefix('~') {
            Some(_) => Err("`$denyallow` knows no `~`".to_owned()),
            None => hostname::name(name),
        })
        .collect()
}
