//! What the plain dialects share: comments, headers, and browsers' rules that stray into them.

use memchr::{memchr, memchr2, memchr2_iter};

use super::found::{Found, Skip};

/// What stands between a site and a browser's rule for it, the longest first.
const COSMETIC: &[&str] = &[
    "#@?#", "#@$#", "#@%#", "#@#", "#?#", "#$#", "#%#", "##", "$@$", "$$",
];

/// The text of a line without its comment; nothing where there is none to read.
pub(super) fn text<'a>(line: &'a str, found: &mut Found<'_>) -> Option<&'a str> {
    let line = line.trim();
    if line.starts_with(['!', ';']) || (line.starts_with('#') && !is_cosmetic(line)) {
        found.skip(Skip::Comment);
        return None;
    }
    if line.starts_with('[') && line.ends_with(']') && !line.contains("[:") {
        found.skip(Skip::Header);
        return None;
    }
    if memchr2(b'#', b'$', line.as_bytes()).is_none() {
        return (!line.is_empty()).then_some(line);
    }
    let end = memchr(b'#', line.as_bytes()).unwrap_or(line.len());
    let (text, comment) = line.split_at_checked(end).unwrap_or((line, ""));
    // What comes later in a comment is for people, whatever it looks like.
    let is_marker = |rest: &str| rest.starts_with(['#', '@', '?', '$', '%']);
    if comment.strip_prefix('#').is_some_and(is_marker) || is_cosmetic(text) {
        found.skip(Skip::Cosmetic);
        return None;
    }
    let text = text.trim_end();
    (!text.is_empty()).then_some(text)
}

/// Whether a line is a rule on what a page shows. Regexes are not looked into.
pub(super) fn is_cosmetic(line: &str) -> bool {
    let begins = |at: usize| {
        let rest = line.get(at..).unwrap_or_default();
        COSMETIC.iter().any(|marker| rest.starts_with(marker))
    };
    !line.starts_with('/') && memchr2_iter(b'#', b'$', line.as_bytes()).any(begins)
}
