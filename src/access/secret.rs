//! What nobody can guess: secrets of sessions and tokens, and the code for the first password.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::AccessError;

/// A secret of 256 bits, in letters that need no quotes anywhere.
pub(super) fn make() -> Result<String, AccessError> {
    Ok(BASE64URL_NOPAD.encode(&random::<32>()?))
}

/// By which people name something; it is no secret.
pub(super) fn id() -> Result<String, AccessError> {
    Ok(HEXLOWER.encode(&random::<6>()?))
}

fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| AccessError::Random)?;
    Ok(bytes)
}

/// The SHA-256 of a secret: enough to know it again, and no help to who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// That of a secret.
    pub(super) fn of(secret: &str) -> Self {
        let digest = digest(&SHA256, secret.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// In hex, as the store keeps it.
    pub(super) fn to_text(self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// Reads what the store keeps.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// The code that the console shows: 40 bits, which are plenty where one may try a few times a
/// minute, and few enough to type on a phone.
pub(super) struct Code(String);

impl Code {
    /// A new code, such as `K7QX-M2PA`.
    pub(super) fn make() -> Result<Self, AccessError> {
        let mut letters = BASE32_NOPAD.encode(&random::<5>()?);
        letters.insert(4, '-');
        Ok(Self(letters))
    }

    /// As it is shown.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody typed this code, in whatever letters.
    pub(super) fn is(&self, typed: &str) -> bool {
        // Digests are compared, so that the time it takes tells nothing.
        Digest::of(&letters(typed)) == Digest::of(&letters(&self.0))
    }
}

/// There is no 0 and no 1 in a code: who types one means the letter that looks like it.
fn letters(code: &str) -> String {
    let read = |letter: char| match letter {
        '0' => Some('O'),
        '1' => Some('I'),
        letter if letter.is_ascii_alphanumeric() => Some(letter.to_ascii_uppercase()),
        _ => None,
    };
    code.chars().take(64).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
        assert_ne!(Digest::of(&one), Digest::of(&other));
    }

    #[test]
    fn a_digest_reads_back_and_damaged_ones_do_not() {
        let digest = Digest::of("secret");
        assert_eq!(Digest::from_text(&digest.to_text()), Some(digest));
        for damaged in ["", "00", &"0".repeat(66), "not hex at all"] {
            assert_eq!(Digest::from_text(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_code_may_be_typed_in_any_way() {
        let code = Code("KO7X-M2IA".to_owned());
        for typed in ["KO7X-M2IA", "ko7xm2ia", " k07x m21a "] {
            assert!(code.is(typed), "{typed}");
        }
        for wrong in ["", "KO7X", "KO7X-M2IB", "KO7X-M2IAA"] {
            assert!(!code.is(wrong), "{wrong}");
        }
        assert_eq!(Code::make().unwrap().as_str().len(), 9);
    }
}
