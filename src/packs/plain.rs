//! What plain words are: texts go to the dashboard and to terminals as they are.

/// Why a text is not words alone.
pub(super) fn sentence_fault(text: &str) -> Option<&'static str> {
    const LINKS: [&str; 4] = ["://", "www.", "mailto:", "]("];
    let small = text.to_lowercase();
    if LINKS.iter().any(|link| small.contains(link)) {
        return Some("has a link");
    }
    markup_fault(text)
}

/// Why a text is not words alone; links are well.
pub(super) fn markup_fault(text: &str) -> Option<&'static str> {
    const MARKS: [&str; 6] = ["<", "|", "`", "**", "__", "&#"];
    if text.chars().any(char::is_control) {
        return Some("has a line break or a control character");
    }
    if text.trim() != text || text.contains("  ") {
        return Some("has a space at its edge, or two in a row");
    }
    if MARKS.iter().any(|mark| text.contains(mark)) {
        return Some("has markup");
    }
    // `Settings > Privacy` is a way through menus, `>` elsewhere is markup.
    if text.replace(" > ", " ").contains('>') {
        return Some("has a `>` that does not stand alone between two steps of a menu");
    }
    None
}
