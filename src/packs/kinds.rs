//! What a device probably is, from its maker, its names and what it asks for: `devices.toml`.
//!
//! A guess always comes with the clues that it rests on, because people know better.

use std::collections::HashSet;

use super::format::PackKind;
use super::names::self_and_parents;
use super::read::{Fields, File, Lined, nearest};
use super::shape::Shape;
use super::vocabulary::check_order;
use super::{Code, Files, Finding};

/// How much a clue says: the part of the doubt that it takes away.
const MAKER_ALONE: f64 = 0.5;
const MAKER: f64 = 0.3;
const HOST_NAME: f64 = 0.6;
const ASKS: f64 = 0.4;
/// More names of the same kind say little more.
const MOST_ASKS: usize = 3;

/// All kinds of devices that are recognised.
#[derive(Debug, Default)]
pub struct Kinds {
    kinds: Box<[DeviceKind]>,
    asks: HashSet<Box<str>>,
}

/// A kind of device, and how it is recognised.
#[derive(Debug)]
pub struct DeviceKind {
    /// `amazon-echo`
    pub id: Box<str>,
    /// What people read.
    pub name: Box<str>,
    /// What it is.
    pub kind: PackKind,
    /// Ids of packs to suggest, the most telling first.
    pub packs: Box<[Box<str>]>,
    /// Words in its maker's name, in lower case.
    makers: Box<[Box<str>]>,
    /// Names that it gives itself, in lower case; `*` stands for anything.
    host_names: Box<[Box<str>]>,
    /// Names that it asks for; anything below counts too.
    asks: Box<[Box<str>]>,
    maker_alone: bool,
}

/// What is known of one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Its maker, as the registry of hardware addresses has it.
    pub maker: Option<&'a str>,
    /// The name that it gave itself, or that the router knows.
    pub host_name: Option<&'a str>,
    /// The names that it asked for, of those that [`Kinds::is_telling`] picks.
    pub asked: &'a [String],
}

/// What a device may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess<'a> {
    /// The kind.
    pub kind: &'a DeviceKind,
    /// How sure that is, from 0 to 1.
    pub sure: f64,
    /// What it rests on; never empty.
    pub clues: Vec<Clue>,
}

/// Something that speaks for a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Clue {
    /// What sort of clue.
    pub from: ClueSort,
    /// The maker, or the name.
    pub value: String,
    /// The part of the doubt that it takes away.
    pub weight: f64,
}

fn check_suggested(file: &File<'_>, suggested: &[Lined<String>], packs: &[&str]) {
    let is_there = |id: &&Lined<String>| packs.contains(&id.value.as_str());
    for id in suggested.iter().filter(|id| !is_there(id)) {
        let hint = nearest(&id.value, packs).map(|near| format!("; did you mean `{near}`?"));
        let hint = hint.unwrap_or_default();
        let message = format!("there is no pack `{}`{hint}", id.value);
        file.refuse(id.line, Code::P08, message);
    }
}

/// The sorts of clues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClueSort {
    /// Who made it, by its hardware address.
    Maker,
    /// The name that it gave itself.
    HostName,
    /// A name that it asked for.
    Asks,
}

impl PartialEq for DeviceKind {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Kinds {
    /// Reads `devices.toml`; a folder without it recognises nothing. What is wrong goes to
    /// `findings`: it is held to the same rules as the packs (P02, P05, P08).
    pub(super) fn read(files: &Files, findings: &mut Vec<Finding>) -> Self {
        let Some((label, text)) = files.text("devices.toml") else {
            return Self::default();
        };
        let file = File::new(&label, text);
        let packs: Vec<&str> = files.pack_ids().collect();
        let (mut kinds, mut ids) = (Vec::new(), Vec::new());
        if let Some(mut root) = file.root() {
            root.schema();
            for mut table in root.tables("device") {
                let id = table.text("id", &Shape::ID);
                let suggested = table.some_texts("packs", &Shape::ID).unwrap_or_default();
                check_suggested(&file, &suggested, &packs);
                ids.extend(id.clone());
                kinds.extend(DeviceKind::read(&mut table, id, suggested));
                table.finish();
            }
            check_order(&file, ids.iter());
            root.finish();
        }
        findings.extend(file.into_findings());
        Self {
            asks: kinds
                .iter()
                .flat_map(|kind| kind.asks.iter().cloned())
                .collect(),
            kinds: kinds.into(),
        }
    }

    /// Whether it says something of a device that it asks for this name, in lower case.
    pub fn is_telling(&self, name: &str) -> bool {
        self_and_parents(name).any(|name| self.asks.contains(name))
    }

    /// What a device may be, the likeliest first; of those as likely, in the order of the file.
    pub fn guesses(&self, seen: &Seen<'_>) -> Vec<Guess<'_>> {
        let guesses = self.kinds.iter().filter_map(|kind| kind.guess(seen));
        let mut guesses: Vec<_> = guesses.collect();
        guesses.sort_by(|one, other| other.sure.total_cmp(&one.sure));
        guesses
    }
}

impl DeviceKind {
    fn read(
        table: &mut Fields<'_, '_>,
        id: Option<Lined<String>>,
        suggested: Vec<Lined<String>>,
    ) -> Option<Self> {
        let plain = |texts: Vec<Lined<String>>| {
            let texts = texts.into_iter();
            texts.map(|text| text.value.to_lowercase().into()).collect()
        };
        let name = table.plain_text("name", &Shape::NAME);
        let kind = table.word::<PackKind>("kind");
        let makers = plain(table.texts("makers", &Shape::NAME));
        let host_names = plain(table.texts("host_names", &Shape::NAME));
        let asks = plain(table.texts("asks", &Shape::DOMAIN));
        let maker_alone = table.said_flag("maker_alone");
        Some(Self {
            id: id?.value.into(),
            name: name?.value.into(),
            kind: kind?.value,
            packs: plain(suggested),
            makers,
            host_names,
            asks,
            maker_alone: maker_alone.unwrap_or(false),
        })
    }

    fn guess(&self, seen: &Seen<'_>) -> Option<Guess<'_>> {
        let maker = seen.maker.filter(|maker| self.made_by(maker));
        let host_name = seen.host_name.filter(|name| self.is_called(name));
        let asked = seen.asked.iter().filter(|name| self.asks_for(name));
        let maker_weight = if self.maker_alone { MAKER_ALONE } else { MAKER };
        let clue = |from, weight| {
            move |value: &str| Clue {
                from,
                value: value.to_owned(),
                weight,
            }
        };
        let maker = maker.map(clue(ClueSort::Maker, maker_weight));
        let is_strengthened_only = maker.is_some() && !self.maker_alone;
        let asked = asked.take(MOST_ASKS).map(String::as_str);
        let clues = maker.into_iter();
        let clues = clues.chain(host_name.map(clue(ClueSort::HostName, HOST_NAME)));
        let clues: Vec<Clue> = clues.chain(asked.map(clue(ClueSort::Asks, ASKS))).collect();
        if clues.is_empty() || (clues.len() == 1 && is_strengthened_only) {
            return None;
        }
        let doubt: f64 = clues.iter().map(|clue| 1.0 - clue.weight).product();
        Some(Guess {
            kind: self,
            sure: 1.0 - doubt,
            clues,
        })
    }

    fn made_by(&self, maker: &str) -> bool {
        let maker = maker.to_lowercase();
        self.makers.iter().any(|words| maker.contains(&**words))
    }

    /// Looks at the first label: routers add their own domain.
    fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let label = name.split('.').next().unwrap_or_default();
        let mut patterns = self.host_names.iter();
        patterns.any(|pattern| fits(pattern, label))
    }

    fn asks_for(&self, name: &str) -> bool {
        self_and_parents(name).any(|name| self.asks.iter().any(|asks| **asks == *name))
    }
}

/// Whether a text is as a pattern says, where `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, mut pattern)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(before) else {
        return false;
    };
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        (pattern, text) = (rest, after);
    }
    text.ends_with(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::Packs;

    /// The best guess, as `apple 64%`.
    fn best(seen: Seen<'_>) -> String {
        let packs = Packs::builtin().unwrap();
        let guesses = packs.kinds().guesses(&seen);
        guesses.first().map_or_else(String::new, |best| {
            format!("{} {:.0}%", best.kind.id, best.sure * 100.0)
        })
    }

    #[test]
    fn a_host_name_or_a_question_is_enough_and_the_maker_makes_surer() {
        let named = Seen {
            host_name: Some("Echo-Kitchen.lan"),
            ..Seen::default()
        };
        assert_eq!(best(named), "amazon-echo 60%");
        let asked = ["x.avs-alexa-eu.amazon.com".to_owned()];
        let asked = Seen {
            asked: &asked,
            ..Seen::default()
        };
        assert_eq!(best(asked), "amazon-echo 40%");
        let made = Seen {
            maker: Some("Amazon Technologies"),
            ..named
        };
        assert_eq!(best(made), "amazon-echo 80%");
        assert_eq!(best(Seen::default()), "");
    }

    #[test]
    fn a_maker_of_many_things_is_not_enough() {
        let packs = Packs::builtin().unwrap();
        let mut kinds = packs.kinds().kinds.iter();
        let shy = kinds.find(|kind| !kind.maker_alone && !kind.makers.is_empty());
        let seen = Seen {
            maker: Some(&shy.unwrap().makers[0]),
            ..Seen::default()
        };
        let guesses = packs.kinds().guesses(&seen);
        assert!(
            guesses.iter().all(|guess| guess.kind.maker_alone),
            "{guesses:?}"
        );
    }

    #[test]
    fn more_names_make_surer_up_to_a_point() {
        let asked = [
            "captive.apple.com",
            "courier.push.apple.com",
            "gateway.icloud.com",
            "time.apple.com",
        ]
        .map(str::to_owned);
        let sure = [1, 2, 3, 4].map(|count| {
            best(Seen {
                asked: &asked[..count],
                ..Seen::default()
            })
        });
        assert_eq!(sure, ["apple 40%", "apple 64%", "apple 78%", "apple 78%"]);
    }

    #[test]
    fn patterns_fit_as_people_expect() {
        for (pattern, text) in [
            ("echo-*", "echo-1"),
            ("*-iphone*", "anns-iphone"),
            ("homepod", "homepod"),
            ("a*b*c", "a1b2c"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("echo-*", "echo"),
            ("homepod", "homepod2"),
            ("*-iphone*", "iphone"),
            ("a*b*c", "acb"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn only_names_that_some_device_asks_for_are_telling() {
        let packs = Packs::builtin().unwrap();
        assert!(packs.kinds().is_telling("captive.apple.com"));
        assert!(packs.kinds().is_telling("x.captive.apple.com"));
        assert!(!packs.kinds().is_telling("apple.com"));
        assert!(!packs.kinds().is_telling("www.example"));
    }
}
