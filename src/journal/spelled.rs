//! Names as text, many at a time, on their way into the dictionary.

use crate::query::Name;

/// Names as text, with the time at which each was asked.
#[derive(Debug, Default)]
pub(super) struct Spelled {
    text: String,
    /// Where each ends, and when it was asked.
    ends: Vec<(usize, i64)>,
}

impl Spelled {
    /// Adds a name in wire format; no name becomes no text.
    pub(super) fn push(&mut self, name: Option<&[u8]>, at_ms: i64) {
        let start = self.text.len();
        if let Some(name) = name
            && push_plain(name, &mut self.text).is_none()
        {
            self.text.truncate(start);
            if let Ok(name) = Name::from_wire(name) {
                self.text.push_str(&name.to_string());
            }
        }
        self.ends.push((self.text.len(), at_ms));
    }

    /// The names, each with its time, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, at_ms)| {
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            (text, at_ms)
        })
    }

    /// Forgets them, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// Writes a name of plain letters, which is what nearly all are; `None` where it is not, and what
/// was written is worth nothing.
fn push_plain(wire: &[u8], text: &mut String) -> Option<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
    // Lengths of labels are ASCII, too.
    let wire = str::from_utf8(wire).ok()?;
    let mut at = 0;
    loop {
        let length = usize::from(*wire.as_bytes().get(at)?);
        if length == 0 {
            if at == 0 {
                text.push('.');
            }
            return Some(());
        }
        if at > 0 {
            text.push('.');
        }
        let label = wire.get(at + 1..at + 1 + length)?;
        // All bytes are looked at, so that it can be done to many at once.
        let is_plain = label.bytes().fold(true, |all, byte| all & plain(byte));
        if !is_plain {
            return None;
        }
        text.push_str(label);
        at += 1 + length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::wire::name_of;

    #[test]
    fn names_are_spelled_one_after_the_other() {
        let mut spelled = Spelled::default();
        for (at_ms, text) in (0..).zip(["www.home.example", ".", r"a\.b.example"]) {
            let name: Name = text.parse().unwrap();
            spelled.push(Some(name.as_wire()), at_ms);
        }
        spelled.push(None, 3);
        let seen: Vec<_> = spelled.iter().collect();
        let expected = [
            ("www.home.example", 0),
            (".", 1),
            (r"a\.b.example", 2),
            ("", 3),
        ];
        assert_eq!(seen, expected);
        spelled.clear();
        assert_eq!(spelled.iter().count(), 0);
    }

    proptest! {
        #[test]
        fn any_name_is_spelled_as_it_is_shown(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=20), 0..8)) {
            let wire = name_of(&labels);
            let mut spelled = Spelled::default();
            spelled.push(Some(&wire), 0);
            let shown = Name::from_wire(&wire).unwrap().to_string();
            prop_assert_eq!(spelled.iter().next(), Some((shown.as_str(), 0)));
        }
    }
}
