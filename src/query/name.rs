//! A domain name in wire format, held inline: no allocation, at most 255 bytes (RFC 1035 §3.1).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::Spelling;

pub(crate) const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// A domain name in uncompressed wire format, with its final root label.
///
/// Comparison is by bytes: lower-case names first where spelling must not matter.
#[derive(Clone, Copy)]
pub struct Name {
    len: u8,
    bytes: [u8; MAX_NAME],
}

/// Why something is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, or a dot in front.
    #[error("a label is empty")]
    EmptyLabel,
    /// RFC 1035 §2.3.4.
    #[error("a label is longer than 63 bytes")]
    LongLabel,
    /// RFC 1035 §2.3.4.
    #[error("the name is longer than 255 bytes")]
    LongName,
    /// The bytes end inside a label, or before the root label.
    #[error("the name is cut off")]
    Cut,
    /// A compression pointer or a reserved label type (RFC 1035 §4.1.4, RFC 6891 §5).
    #[error("a label is compressed or of a reserved type")]
    NotPlain,
    /// A backslash that is followed by neither a character nor three digits up to 255.
    #[error("an escape is incomplete")]
    BadEscape,
}

impl Name {
    /// The root.
    pub const ROOT: Self = Self {
        len: 1,
        bytes: [0; MAX_NAME],
    };

    /// Reads an uncompressed name from the start of `wire`; what follows it is left alone.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NameError> {
        let mut len = 0;
        loop {
            let label = usize::from(*wire.get(len).ok_or(NameError::Cut)?);
            if label > MAX_LABEL {
                return Err(NameError::NotPlain);
            }
            len += 1 + label;
            if len > MAX_NAME {
                return Err(NameError::LongName);
            }
            if label == 0 {
                break;
            }
        }
        let mut bytes = [0; MAX_NAME];
        let (into, from) = (bytes.get_mut(..len), wire.get(..len));
        let (Some(into), Some(from)) = (into, from) else {
            return Err(NameError::Cut);
        };
        into.copy_from_slice(from);
        Ok(Self {
            len: u8::try_from(len).map_err(|_| NameError::LongName)?,
            bytes,
        })
    }

    /// The bytes, from the first label's length to the root label's zero.
    pub fn as_wire(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The same bytes, and behind them others that mean nothing: whoever reads in blocks need not
    /// mind where the name ends.
    pub(crate) fn as_wire_and_more(&self) -> &[u8; MAX_NAME] {
        &self.bytes
    }

    /// The same name with `A` to `Z` in lower case (RFC 4343).
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        let mut lower = *self;
        lower.lower();
        lower
    }

    /// Puts `A` to `Z` in lower case; gives how the name was spelled.
    pub fn lower(&mut self) -> Spelling {
        let spelling = Spelling::of(self.as_wire());
        if spelling != Spelling::default() {
            // Length bytes are at most 63, below 'A', so they are left as they are.
            self.bytes.make_ascii_lowercase();
        }
        spelling
    }

    /// The same name, which is in lower case, in this spelling.
    #[must_use]
    pub fn spelled(&self, spelling: Spelling) -> Self {
        let mut spelled = *self;
        spelling.apply(&mut spelled.bytes);
        spelled
    }

    /// Adds a label at the end, in lower case; `None` when the name gets too long.
    pub(super) fn push_lower(&mut self, label: &[u8]) -> Option<()> {
        let length = u8::try_from(label.len()).ok()?;
        let root = usize::from(self.len) - 1;
        let end = root + 1 + label.len();
        let into = self.bytes.get_mut(root..=end)?;
        let (first, into) = into.split_first_mut()?;
        *first = length;
        let (into, root) = into.split_at_mut_checked(label.len())?;
        into.copy_from_slice(label);
        into.make_ascii_lowercase();
        root.fill(0);
        self.len = u8::try_from(end + 1).ok()?;
        Some(())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.len == 1
    }

    /// The labels from left to right, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_wire();
        std::iter::from_fn(move || {
            let (&len, after) = rest.split_first()?;
            if len == 0 {
                return None;
            }
            let (label, after) = after.split_at_checked(usize::from(len))?;
            rest = after;
            Some(label)
        })
    }

    /// Whether this is `parent`, or stands below it.
    pub fn is_within(&self, parent: &Self) -> bool {
        let mut rest = self.as_wire();
        if !rest.ends_with(parent.as_wire()) {
            return false;
        }
        // The bytes fit; they count only from the border of a label on.
        loop {
            if rest.len() <= parent.as_wire().len() {
                return rest == parent.as_wire();
            }
            let Some((&len, after)) = rest.split_first() else {
                return false;
            };
            let Some(after) = after.get(usize::from(len)..) else {
                return false;
            };
            rest = after;
        }
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (&len, after) = self.as_wire().split_first()?;
        if len == 0 {
            return None;
        }
        Self::from_wire(after.get(usize::from(len)..)?).ok()
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads dotted text with `\.`, `\\` and `\DDD` escapes (RFC 1035 §5.1); a final dot is optional.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "." {
            return Ok(Self::ROOT);
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        let mut label = Vec::new();
        let mut input = text
            .strip_suffix('.')
            .filter(|t| !t.ends_with('\\'))
            .unwrap_or(text)
            .bytes();
        while let Some(byte) = input.next() {
            match byte {
                b'.' => push_label(&mut wire, &mut label)?,
                b'\\' => label.push(unescape(&mut input)?),
                _ => label.push(byte),
            }
        }
        push_label(&mut wire, &mut label)?;
        wire.push(0);
        Self::from_wire(&wire)
    }
}

fn push_label(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), NameError> {
    let len = u8::try_from(label.len()).map_err(|_| NameError::LongLabel)?;
    if len == 0 {
        return Err(NameError::EmptyLabel);
    }
    if usize::from(len) > MAX_LABEL {
        return Err(NameError::LongLabel);
    }
    wire.push(len);
    wire.append(label);
    Ok(())
}

fn unescape(input: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = input.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u32::from(first - b'0');
    for _ in 0..2 {
        let digit = input
            .next()
            .filter(u8::is_ascii_digit)
            .ok_or(NameError::BadEscape)?;
        value = value * 10 + u32::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

impl fmt::Display for Name {
    /// Dotted text without a final dot (`.` for the root); dots, backslashes and bytes outside
    /// printable ASCII are escaped, so the text is safe in a log and reads back as the same name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.is_root() {
            return f.write_char('.');
        }
        for (i, label) in self.labels().enumerate() {
            if i > 0 {
                f.write_char('.')?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                    b'!'..=b'~' => f.write_char(char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_wire() == other.as_wire()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_wire().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::wire::name_of;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn text_and_wire_are_the_same_name() {
        assert_eq!(
            name("www.Home.example.").as_wire(),
            b"\x03www\x04Home\x07example\x00"
        );
        assert_eq!(name(".").as_wire(), b"\x00");
        assert_eq!(name("www.home.example").to_string(), "www.home.example");
    }

    #[test]
    fn a_dot_inside_a_label_is_not_a_border() {
        let odd = name(r"a\.b.example");
        assert_eq!(odd.labels().count(), 2);
        assert_eq!(odd.to_string(), r"a\.b.example");
        assert!(!odd.is_within(&name("b.example")));
    }

    #[test]
    fn control_bytes_are_escaped_in_text() {
        let hostile = Name::from_wire(b"\x04a\n\x1b\xff\x07example\x00").unwrap();
        assert_eq!(hostile.to_string(), r"a\010\027\255.example");
        assert_eq!(name(&hostile.to_string()), hostile);
    }

    #[test]
    fn a_name_is_within_itself_and_its_parents_only() {
        assert!(name("a.b.example").is_within(&name("b.example")));
        assert!(name("b.example").is_within(&name("b.example")));
        assert!(name("b.example").is_within(&Name::ROOT));
        assert!(!name("ab.example").is_within(&name("b.example")));
        assert!(!name("example").is_within(&name("b.example")));
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        assert_eq!("a..b".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!("a".repeat(64).parse::<Name>(), Err(NameError::LongLabel));
        assert_eq!(
            ["abcdefg"; 32].join(".").parse::<Name>(),
            Err(NameError::LongName)
        );
        assert_eq!(Name::from_wire(b"\x03ab"), Err(NameError::Cut));
        assert_eq!(Name::from_wire(b"\xc0\x0c"), Err(NameError::NotPlain));
        assert_eq!(r"a\25".parse::<Name>(), Err(NameError::BadEscape));
        assert_eq!(r"a\256".parse::<Name>(), Err(NameError::BadEscape));
    }

    proptest! {
        #[test]
        fn any_name_reads_back_from_its_text(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=30), 0..8)) {
            let wire = name_of(&labels);
            let parsed = Name::from_wire(&wire).unwrap();
            prop_assert_eq!(parsed.to_string().parse::<Name>().unwrap(), parsed);
            prop_assert_eq!(parsed.labels().count(), labels.len());
        }
    }
}
