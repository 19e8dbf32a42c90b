//! What devices probably are, and on what that rests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::Api;
use crate::device;
use crate::journal;
use crate::packs::{self, ClueSort, PackKind, Seen};
use crate::query::DeviceId;

/// What devices asked for in this time counts.
const SPAN_MS: i64 = 7 * 24 * 3_600_000;
/// Looking it up goes through all names: it is not done for each page.
const KEPT: Duration = Duration::from_mins(5);

/// What a device probably is. People know better: a kind that they set counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Guess {
    /// `amazon-echo`
    pub id: String,
    /// What people read.
    pub name: String,
    /// What kind of device that is.
    pub kind: PackKind,
    /// How sure that is, from 0 to 1.
    pub sure: f64,
    /// What it rests on.
    pub clues: Vec<Clue>,
    /// Packs that fit what it may be, the most telling first.
    pub packs: Vec<String>,
}

/// Something that a guess rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Clue {
    /// What sort of clue.
    pub from: ClueSort,
    /// The maker, or the name.
    pub value: String,
    /// The part of the doubt that it takes away, from 0 to 1.
    pub weight: f64,
}

/// The telling names that each device asked for.
pub(super) type Asked = BTreeMap<DeviceId, Vec<String>>;

/// What was looked up last.
#[derive(Debug, Default)]
pub(super) struct KeptAsked(Mutex<Option<(Instant, Arc<Asked>)>>);

impl KeptAsked {
    /// The telling names that each device asked for in the last week.
    pub(super) async fn get(&self, api: &Api, now: jiff::Timestamp) -> Arc<Asked> {
        if let Some(asked) = self.find() {
            return asked;
        }
        let until_ms = now.as_millisecond() + 1;
        let range = journal::Range {
            since_ms: until_ms - SPAN_MS,
            until_ms,
        };
        let kinds = api.packs.kinds();
        let named = api
            .journal
            .names_by_device(range, |name| kinds.is_telling(name));
        let asked = Arc::new(named.await.0);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), Arc::clone(&asked)));
        asked
    }

    fn find(&self) -> Option<Arc<Asked>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT);
        kept.map(|(_, asked)| Arc::clone(asked))
    }
}

/// The likeliest guess at a device, with the packs of all that fit.
pub(super) fn guess(device: &device::Device, asked: &Asked, kinds: &packs::Kinds) -> Option<Guess> {
    let seen = Seen {
        maker: device.maker.as_deref(),
        // What people call it says nothing.
        host_name: device.host_name.as_deref(),
        asked: asked.get(&device.id).map(Vec::as_slice).unwrap_or_default(),
    };
    let guesses = kinds.guesses(&seen);
    let mut packs: Vec<String> = Vec::new();
    for pack in guesses.iter().flat_map(|guess| guess.kind.packs.iter()) {
        if !packs.iter().any(|known| **known == **pack) {
            packs.push(pack.to_string());
        }
    }
    let best = guesses.into_iter().next()?;
    Some(Guess {
        id: best.kind.id.to_string(),
        name: best.kind.name.to_string(),
        kind: best.kind.kind,
        sure: best.sure,
        clues: best.clues.into_iter().map(Clue::from).collect(),
        packs,
    })
}

impl From<packs::Clue> for Clue {
    fn from(clue: packs::Clue) -> Self {
        Self {
            from: clue.from,
            value: clue.value,
            weight: clue.weight,
        }
    }
}
