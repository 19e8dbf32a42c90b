//! The keys that are trusted without proof.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use hickory_proto::dnssec::rdata::{DNSSECRData, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, TrustAnchors};
use hickory_proto::rr::RData;

use crate::config;
use crate::query::{Name, RecordType};
use crate::upstream::error::AskError;

use super::chain::Chain;

/// The keys that are trusted without proof: the root's, or those of a file.
#[derive(Clone, Default)]
pub struct Anchors {
    keys: TrustAnchors,
    /// Fingerprints of keys, with the names of their zones.
    prints: Vec<(Name, DS)>,
    /// The zones of all keys in a file; none where the root's are trusted.
    zones: Vec<Name>,
}

/// Why a file of trust anchors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read.
    #[error("reading the trust anchors: {0}")]
    Read(std::io::Error),
    /// A line is neither a DS nor a DNSKEY record.
    #[error("line {line}: {why}; write DS or DNSKEY records, one a line")]
    Wrong {
        /// The line.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

impl Anchors {
    /// Those that the config says, or what is wrong with their file.
    pub fn of(config: &config::Upstream) -> Result<Self, config::Problem> {
        let Some(file) = &config.trust_anchors else {
            return Ok(Self::default());
        };
        Self::read(&file.path).map_err(|error| file.problem(&error))
    }

    /// Those of a file: DS and DNSKEY records, one a line; what follows a semicolon is a comment.
    pub fn read(path: &Path) -> Result<Self, AnchorError> {
        let text = std::fs::read_to_string(path).map_err(AnchorError::Read)?;
        Self::parse(&text).map_err(|(line, why)| AnchorError::Wrong { line, why })
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut prints = Vec::new();
        let mut zones = Vec::new();
        let mut keys = String::new();
        let is_comment = |line: &str| line.split(';').next().unwrap_or_default().trim().is_empty();
        if text.lines().all(is_comment) {
            return Err((1, "there is none".to_owned()));
        }
        for (at, line) in text.lines().enumerate() {
            let line = line.split(';').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(place) = words
                .iter()
                .position(|word| word.eq_ignore_ascii_case("DS"))
            else {
                TrustAnchors::from_str(line).map_err(|why| (at + 1, why.to_string()))?;
                let zone = words.first().and_then(|zone| zone.parse::<Name>().ok());
                zones.extend(zone.map(|zone| zone.to_lowercase()));
                keys.push_str(line);
                keys.push('\n');
                continue;
            };
            let print = read_print(words.first().copied(), words.get(place + 1..));
            let print = print.ok_or_else(|| (at + 1, "this is no DS record".to_owned()))?;
            zones.push(print.0);
            prints.push(print);
        }
        let keys = TrustAnchors::from_str(&keys).map_err(|why| (1, why.to_string()))?;
        Ok(Self {
            keys,
            prints,
            zones,
        })
    }

    /// Whether a key is trusted for `name` or a zone above it: else nothing can be proved of it
    /// (RFC 4035 §4.3, "indeterminate").
    pub(super) fn cover(&self, name: &Name) -> bool {
        self.zones.is_empty() || self.zones.iter().any(|zone| name.is_within(zone))
    }

    /// The keys, with those of which only the fingerprints are known.
    pub(super) async fn keys(&self, chain: &Chain) -> Result<Arc<TrustAnchors>, AskError> {
        let mut keys = self.keys.clone();
        for (zone, print) in &self.prints {
            let response = chain.look_up(*zone, RecordType::DNSKEY).await?;
            for record in &response.answers {
                let RData::DNSSEC(DNSSECRData::DNSKEY(key)) = &record.data else {
                    continue;
                };
                if print.covers(&record.name, key).unwrap_or(false) {
                    keys.insert_with_name(key.public_key(), (&record.name).into());
                }
            }
        }
        Ok(Arc::new(keys))
    }
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Anchors({} fingerprints)", self.prints.len())
    }
}

/// `example. IN DS 20326 8 2 E06D…`, from the zone and the words after `DS`.
fn read_print(zone: Option<&str>, words: Option<&[&str]>) -> Option<(Name, DS)> {
    let [tag, algorithm, kind, digest @ ..] = words? else {
        return None;
    };
    let digest = digest.concat();
    let digest: Option<Vec<u8>> = (0..digest.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digest.get(at..at + 2)?, 16).ok())
        .collect();
    let algorithm = Algorithm::from_u8(algorithm.parse().ok()?);
    let kind = DigestType::from(kind.parse::<u8>().ok()?);
    let digest = digest.filter(|digest| !digest.is_empty())?;
    let zone: Name = zone?.parse().ok()?;
    let print = DS::new(tag.parse().ok()?, algorithm, kind, digest);
    Some((zone.to_lowercase(), print))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "; the root's key of 2017\n\
        . IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";

    #[test]
    fn fingerprints_and_keys_are_read() {
        let anchors = Anchors::parse(ROOT).unwrap();
        assert_eq!(anchors.prints[0].0, Name::ROOT);
        assert_eq!(anchors.prints[0].1.key_tag(), 20326);
        assert_eq!(anchors.prints[0].1.digest().len(), 32);
        let key = "example. 3600 IN DNSKEY 257 3 13 \
            mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+\
            KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
        assert!(Anchors::parse(key).unwrap().prints.is_empty());
    }

    #[test]
    fn what_is_no_record_is_told_with_its_line() {
        let wrong = format!("{ROOT}. IN DS 20326 8 2 xyz");
        assert_eq!(Anchors::parse(&wrong).unwrap_err().0, 3);
        assert_eq!(Anchors::parse("\n. IN A 192.0.2.1").unwrap_err().0, 2);
        assert!(Anchors::parse("; nothing\n").is_err());
    }
}
