//! How long something counts, as a body says it: `for` or `until`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::body::Body;
use crate::config;

/// What a body says of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// There is none.
    Never,
    /// At this time.
    At(Timestamp),
}

/// Reads `for` and `until`; nothing where neither is there, or it is wrong.
pub(super) fn read(body: &mut Body, now: Timestamp) -> Option<Ends> {
    let longest = Duration::from_hours(24 * 365);
    let after = body.given("for");
    let at = body.given("until");
    if matches!((&after, &at), (Some(Some(_)), Some(Some(_)))) {
        body.wrong("until", "stands beside `for`: write one of both");
        return None;
    }
    let end = match (after, at) {
        (Some(Some(text)), _) => {
            let duration = config::duration_within(&text, Duration::from_secs(1)..=longest);
            duration
                .map(|duration| now.saturating_add(signed(duration)).unwrap_or(now))
                .map_err(|right| ("for", right))
        }
        (_, Some(Some(text))) => match text.parse::<Timestamp>() {
            Ok(at) if at > now && at.duration_since(now) <= signed(longest) => Ok(at),
            _ => Err((
                "until",
                "write a time to come within a year, such as \"2026-11-20T10:30:00Z\"".to_owned(),
            )),
        },
        (Some(None), _) | (_, Some(None)) => return Some(Ends::Never),
        (None, None) => return None,
    };
    match end {
        Ok(end) => Some(Ends::At(end)),
        Err((member, right)) => {
            body.wrong(member, right);
            None
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
