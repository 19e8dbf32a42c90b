//! Regexes, which run in linear time or not at all.

mod posix;
mod unfold;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use crate::matcher::rule::Pattern;

pub(super) use posix::{from_posix, is_written_out};

/// One regex may come to so many states; longer ones would slow each query.
const MOST_STATES: usize = 20_000;

/// Reads a regex as it is written, or says why it cannot be used. What is read can be compiled.
pub(super) fn regex(text: &str, inverted: bool) -> Result<Pattern, String> {
    if text.is_empty() {
        return Err("the regex is empty".to_owned());
    }
    if states(&parse(text, true)?) > MOST_STATES {
        return Err("the regex is too large when compiled".to_owned());
    }
    Ok(Pattern::Regex {
        text: text.into(),
        inverted,
    })
}

/// About how many states a regex comes to when it is compiled; none if it cannot be.
pub(super) fn states_of(text: &str) -> usize {
    parse(text, true).map_or(0, |parsed| states(&parsed))
}

fn parse(text: &str, ignores_case: bool) -> Result<Hir, String> {
    ParserBuilder::new()
        .case_insensitive(ignores_case)
        .unicode(false)
        .utf8(false)
        .build()
        .parse(text)
        .map_err(|error| why(&error.to_string()))
}

fn states(parsed: &Hir) -> usize {
    match parsed.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(class) => match class {
            regex_syntax::hir::Class::Unicode(class) => class.ranges().len(),
            regex_syntax::hir::Class::Bytes(class) => class.ranges().len(),
        },
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            let times = usize::try_from(most).unwrap_or(usize::MAX);
            states(&repetition.sub)
                .saturating_add(1)
                .saturating_mul(times)
        }
        HirKind::Capture(group) => states(&group.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(states).fold(1, usize::saturating_add)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn posix(text: &str) -> Result<String, String> {
        from_posix(text).and_then(|text| Ok(regex(&text, false)?.to_string()))
    }

    /// Whether a regex of Pi-hole's is found in each of the names.
    fn found(text: &str, names: &[&str]) -> Vec<bool> {
        let text = from_posix(text).unwrap();
        regex(&text, false).unwrap();
        let compiled = regex::bytes::RegexBuilder::new(&text)
            .case_insensitive(true)
            .unicode(false)
            .build()
            .unwrap();
        names
            .iter()
            .map(|name| compiled.is_match(name.as_bytes()))
            .collect()
    }

    #[test]
    fn brackets_mean_what_posix_says() {
        assert_eq!(
            posix(r"^[a\d]x[]b][[:digit:]]$").unwrap(),
            r"/^[a\\d]x[\]b][[:digit:]]$/"
        );
        assert_eq!(posix("^ads(?#home)[0-9]{2,}").unwrap(), "/^ads[0-9]{2,}/");
        assert_eq!(posix("^a{,3}$").unwrap(), "/^a{0,3}$/");
    }

    #[test]
    fn what_is_not_linear_or_wrong_is_refused() {
        for (text, reason) in [
            (r"(a+)\1", "refers back"),
            (r"(a|b)*\1", "refers back"),
            (r"x|(a)\1", "refers back"),
            (r"((a)b)\2", "refers back"),
            (r"(a)\2", "refers back"),
            ("foo(ba*r){~1}", "approximately"),
            ("foo(bar){~}", "approximately"),
            ("foo(bar){~9}", "approximately"),
            ("foo(bar){ 2i + 1d < 5 }", "approximately"),
            ("(?=a)", "looks ahead"),
            ("a**", "repeated"),
            ("f{x}", "wrong"),
            ("(", "wrong"),
            (")", "wrong"),
            ("[", "no end"),
            ("(a{1000}){1000}", "too large"),
            (".{40000}", "too large"),
        ] {
            let said = posix(text).unwrap_err();
            assert!(said.contains(reason), "{text}: {said}");
        }
    }

    #[test]
    fn a_group_of_few_texts_can_be_referred_back_to() {
        let names = ["foofoo.example", "foobar.example", "FOOFOO.example"];
        assert_eq!(found(r"(foo)\1\.example", &names), [true, false, true]);
        let names = ["1212.example", "1213.example", "91212.example"];
        assert_eq!(
            found(r"^([0-9]{2})\1\.example$", &names),
            [true, false, false]
        );
        let names = ["a-x-a-x", "a-x-b-x", "a-x-a-y", "b-y-b-y"];
        assert_eq!(
            found(r"^(a|b)-([xy])-\1-\2$", &names),
            [true, false, false, true]
        );
        assert_eq!(found(r"^(a.)\1{2}$", &["a-a-a-"]), [true]);
    }

    #[test]
    fn a_text_can_be_matched_approximately() {
        let names = [
            "foobarzap",
            "foobazzap",
            "fooxbarzap",
            "fooarzap",
            "foobarxzap",
            "foxbrazap",
            "fozap",
        ];
        assert_eq!(
            found("^foo(bar){~1}zap$", &names),
            [true, true, true, true, true, false, false]
        );
        assert_eq!(
            found("^foo(bar){+1}zap$", &names),
            [true, false, true, false, true, false, false]
        );
        assert_eq!(
            found("^foo(bar){-1#1~1}zap$", &names),
            [true, true, false, true, false, false, false]
        );
        assert_eq!(
            found("^fo(x){-1}z", &["foz", "foxz", "foyz"]),
            [true, true, false]
        );
    }
}
