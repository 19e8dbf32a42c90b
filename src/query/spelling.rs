//! How a name was spelled: answers repeat a question as it came.

/// Which letters of a name were upper-case, a bit for each byte of its wire format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spelling([u64; 4]);

impl Spelling {
    /// How this name in wire format is spelled.
    pub fn of(wire: &[u8]) -> Self {
        let mut spelling = Self::default();
        // Most names have none; whether any is there is seen for many bytes at once.
        let is_upper = |byte: &u8| byte.is_ascii_uppercase();
        if !wire.iter().fold(false, |any, byte| any | is_upper(byte)) {
            return spelling;
        }
        for (word, bytes) in spelling.0.iter_mut().zip(wire.chunks(64)) {
            for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| is_upper(byte)) {
                *word |= 1 << at;
            }
        }
        spelling
    }

    /// Spells a name in wire format, which is in lower case.
    pub fn apply(self, wire: &mut [u8]) {
        for (mut word, bytes) in self.0.into_iter().zip(wire.chunks_mut(64)) {
            while word != 0 {
                if let Some(byte) = bytes.get_mut(word.trailing_zeros() as usize) {
                    byte.make_ascii_uppercase();
                }
                word &= word - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::query::Name;
    use crate::query::wire::name_of;

    proptest! {
        #[test]
        fn a_name_is_spelled_again_as_it_was(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=60), 0..5)) {
            let wire = name_of(&labels);
            prop_assume!(wire.len() <= 255);
            let mut name = Name::from_wire(&wire).unwrap();
            let spelling = name.lower();
            prop_assert!(!name.as_wire().iter().any(u8::is_ascii_uppercase));
            let again = name.spelled(spelling);
            prop_assert_eq!(again.as_wire(), wire);
        }
    }
}
