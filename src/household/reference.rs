//! How groups and lists refer to each other: what is kept are ids, which stay as they are, so that
//! either may get another name, and a change of long ago may be taken back.

use serde_json::{Map, Value};

use crate::store::ListRow;

/// The lists of the dashboard. Those of the file have no other name there, and are kept by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownLists(Vec<Known>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    id: String,
    name: String,
    /// The ids of the groups that it names.
    groups: Option<Vec<String>>,
}

impl KnownLists {
    /// Those that are kept.
    pub fn of(rows: Vec<ListRow>) -> Self {
        let known = rows.into_iter().map(|row| Known {
            id: row.id,
            name: row.name,
            groups: row.groups,
        });
        Self(known.collect())
    }

    /// The names of those that name groups, with the ids of these.
    pub fn with_groups(&self) -> impl Iterator<Item = (&str, &[String])> {
        let known = self.0.iter();
        known.filter_map(|list| Some((list.name.as_str(), list.groups.as_deref()?)))
    }

    /// What a group says, with the names of lists as they are now.
    pub fn spell(&self, says: Map<String, Value>) -> Map<String, Value> {
        with_lists(says, |said| {
            let mut known = self.0.iter();
            known.find(|list| list.id == said).map(|list| &*list.name)
        })
    }

    /// What a group says, with the ids of lists.
    pub fn refer(&self, says: Map<String, Value>) -> Map<String, Value> {
        with_lists(says, |said| {
            let mut known = self.0.iter();
            known.find(|list| list.name == said).map(|list| &*list.id)
        })
    }
}

/// Puts other words for the lists of a group and of its schedules, where there are some.
fn with_lists<'a>(
    mut says: Map<String, Value>,
    word: impl Fn(&str) -> Option<&'a str>,
) -> Map<String, Value> {
    let replace = |lists: Option<&mut Value>| {
        let lists = lists.and_then(Value::as_array_mut);
        for list in lists.into_iter().flatten() {
            if let Some(other) = list.as_str().and_then(&word) {
                *list = other.into();
            }
        }
    };
    replace(says.get_mut("lists"));
    let schedules = says.get_mut("schedule").and_then(Value::as_array_mut);
    for schedule in schedules.into_iter().flatten() {
        replace(schedule.get_mut("lists"));
    }
    says
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_kept_by_their_ids_and_told_by_their_names() {
        let known = |id: &str, name: &str| Known {
            id: id.to_owned(),
            name: name.to_owned(),
            groups: None,
        };
        let names = KnownLists(vec![known("ads", "Advertising"), known("b", "B")]);
        let says = |lists: [&str; 3]| {
            let says = json!({
                "lists": lists,
                "rules": ["ads"],
                "schedule": [{ "action": "pause" }, { "lists": lists }],
            });
            says.as_object().unwrap().clone()
        };
        let (told, kept) = (
            ["Advertising", "of the file", "B"],
            ["ads", "of the file", "b"],
        );
        assert_eq!(names.refer(says(told)), says(kept));
        assert_eq!(names.spell(says(kept)), says(told));
        let nothing = Map::from_iter([("lists".to_owned(), Value::Null)]);
        assert_eq!(names.refer(nothing.clone()), nothing);
    }
}
