//! Packs that a group, or a schedule of it, names.

use serde_json::{Map, Value};

use crate::api::body::Body;
use crate::packs::Packs;

/// What a group says of packs that is no id of one.
const WORDS: [&str; 2] = ["default", "level"];

/// Tells of packs that do not exist. Those that the group named before may stay: they may have been
/// there once.
pub(super) fn check(
    body: &mut Body,
    packs: &Packs,
    (says, before): (&Map<String, Value>, &Map<String, Value>),
) {
    let before = named(before);
    for (place, id) in named(says) {
        // As a variable of the environment may write it.
        let is_known = WORDS.contains(&id) || packs.pack(&id.replace('_', "-")).is_some();
        if is_known || before.iter().any(|(_, known)| *known == id) {
            continue;
        }
        let near = packs.nearest(id);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{}`?", near.id));
        // RFC 6901 §3.
        let part = id.replace('~', "~0").replace('/', "~1");
        body.wrong_at(
            format!("{place}/packs/{part}"),
            format!("there is no pack `{id}`{hint}"),
        );
    }
}

/// What is named in a group and in its schedules, with where that stands.
fn named(says: &Map<String, Value>) -> Vec<(String, &str)> {
    let schedules = says.get("schedule").and_then(Value::as_array);
    let schedules = schedules.into_iter().flatten().enumerate();
    let schedules = schedules.map(|(at, one)| (format!("/schedule/{at}"), one.get("packs")));
    let places = std::iter::once((String::new(), says.get("packs"))).chain(schedules);
    let mut all = Vec::new();
    for (place, packs) in places {
        let packs = packs.and_then(Value::as_object);
        let ids = packs.into_iter().flat_map(Map::keys);
        all.extend(ids.map(|id| (place.clone(), id.as_str())));
    }
    all
}
