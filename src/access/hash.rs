//! The hash of a password: Argon2id with the parameters that OWASP recommends, so that who steals
//! the hash has to guess for long.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::AccessError;

/// The fewest characters of a password.
pub const SHORTEST: usize = 8;

/// The most bytes of a password.
pub const LONGEST: usize = 1024;

/// Whether a password may be one.
pub fn check_length(password: &str) -> Result<(), AccessError> {
    if password.chars().count() < SHORTEST {
        return Err(AccessError::Short);
    }
    if password.len() > LONGEST {
        return Err(AccessError::Long);
    }
    Ok(())
}

/// The hash of a password, with a salt of its own, as a PHC string. It takes a processor for tens
/// of milliseconds, and 19 MiB.
pub fn make(password: &str) -> Result<String, AccessError> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|_| AccessError::Hashing)
}

/// Whether a password is the one of a hash; it takes as long as to make one.
pub(super) fn verify(password: &str, hash: &str) -> bool {
    // The hash says how it was made.
    PasswordHash::new(hash).is_ok_and(|hash| {
        let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
        verified.is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::is_password_hash;

    #[test]
    fn only_the_password_itself_fits_its_hash() {
        let (hash, other) = (
            make("correct horse").unwrap(),
            make("correct horse").unwrap(),
        );
        assert!(is_password_hash(&hash), "{hash}");
        assert_ne!(hash, other);
        assert!(verify("correct horse", &hash));
        for wrong in ["correct hors", "Correct horse", "", "correct horse\0"] {
            assert!(!verify(wrong, &hash), "{wrong}");
        }
        assert!(!verify("correct horse", "damaged"));
        assert!(!verify("", ""));
    }

    #[test]
    fn a_password_has_from_8_characters_to_1024_bytes() {
        assert!(matches!(check_length("1234567"), Err(AccessError::Short)));
        assert!(check_length("12345678").is_ok());
        assert!(check_length("ÄÖÜäöüßé").is_ok());
        let long = "x".repeat(1025);
        assert!(matches!(check_length(&long), Err(AccessError::Long)));
    }
}
