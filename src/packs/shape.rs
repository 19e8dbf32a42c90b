//! The forms a text may have: how long, and of which characters.

/// A form of text.
pub(super) struct Shape {
    min: usize,
    max: usize,
    pattern: fn(&str) -> bool,
    /// The form in words, for findings.
    pub says: &'static str,
}

impl Shape {
    /// A fixed word; the word itself is checked elsewhere.
    pub const WORD: Self = Self::new(1, 40, any, "a word");
    /// An id.
    pub const ID: Self = Self::new(
        1,
        40,
        is_id,
        "an id: small letters, digits and single hyphens, at most 40",
    );
    /// A domain name; its syntax is checked elsewhere.
    pub const DOMAIN: Self = Self::new(1, 300, any, "a domain name");
    /// A name people read.
    pub const NAME: Self = Self::new(2, 60, any, "a name of 2 to 60 characters");
    /// A title or a description people read.
    pub const TITLE: Self = Self::new(2, 200, any, "a text of 2 to 200 characters");
    /// What a pack does, and what keeps working.
    pub const SUMMARY: Self = Self::new(10, 200, any, "a text of 10 to 200 characters");
    /// A word of the vocabulary as people read it.
    pub const PHRASE: Self = Self::new(2, 80, any, "a text of 2 to 80 characters");
    /// Where somebody saw something.
    pub const PLACE: Self = Self::new(3, 160, any, "a text of 3 to 160 characters");
    /// When, or under which setting.
    pub const CIRCUMSTANCE: Self = Self::new(3, 120, any, "a text of 3 to 120 characters");
    /// A device's own switch.
    pub const SWITCH: Self = Self::new(3, 160, any, "a text of 3 to 160 characters");
    /// Who looks after a pack.
    pub const MAINTAINER: Self =
        Self::new(2, 40, is_maintainer, "a GitHub name like \"@somebody\"");
    /// An Android package or a program.
    pub const PACKAGE: Self = Self::new(1, 120, is_package, "a package like \"com.example.app\"");
    /// What a placeholder stands for.
    pub const PART: Self = Self::new(1, 20, is_part, "1 to 20 small letters, digits and hyphens");
    /// The license of all packs.
    pub const LICENCE: Self = Self::new(1, 20, is_cc0, "\"CC0-1.0\"");

    const fn new(min: usize, max: usize, pattern: fn(&str) -> bool, says: &'static str) -> Self {
        Self {
            min,
            max,
            pattern,
            says,
        }
    }

    /// Whether `text` has this form.
    pub fn fits(&self, text: &str) -> bool {
        (self.min..=self.max).contains(&text.chars().count()) && (self.pattern)(text)
    }
}

fn any(_: &str) -> bool {
    true
}

fn is_small(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_id(text: &str) -> bool {
    text.split('-')
        .all(|part| !part.is_empty() && part.bytes().all(is_small))
}

fn is_maintainer(text: &str) -> bool {
    let name = text.strip_prefix('@').unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_package(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

fn is_part(text: &str) -> bool {
    text.bytes().all(|b| is_small(b) || b == b'-')
}

fn is_cc0(text: &str) -> bool {
    text == "CC0-1.0"
}
