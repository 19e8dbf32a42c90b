//! `[[rule]]`: people's own rules, which come before every pack and list.

use super::device::Device;
use super::group::{group_name, one_of};
use super::list::ListAction;
use super::problem::{Place, Problem};
use super::section::Section;
use super::value;

/// A rule of people's own. Its text is understood where lists are, not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Adblock syntax, or a regex between slashes.
    pub text: String,
    /// What it does with the names that it covers.
    pub action: ListAction,
    /// Why it is there.
    pub comment: Option<String>,
    /// The names of the devices that it counts for; `None` = all.
    pub devices: Option<Vec<String>>,
    /// The names of the groups that it counts for; none = all.
    pub groups: Vec<String>,
    /// The place of the only schedule of its group in which it counts.
    pub schedule: Option<usize>,
    /// Where it stands in the config.
    pub place: Place,
    /// The key of its text.
    pub key: String,
    /// Which of the rules it is, from 0.
    pub number: usize,
}

impl Rule {
    /// Reads all of `[[rule]]`, which may name these devices and groups.
    pub(super) fn read_all(
        root: &mut Section<'_>,
        devices: &[Device],
        groups: &[String],
    ) -> Vec<Self> {
        let mut rules = Vec::new();
        let mut number = 0;
        root.each("rule", |section| {
            rules.extend(Self::read(section, (devices, groups), number));
            number += 1;
        });
        rules
    }

    fn read(
        section: &mut Section<'_>,
        (known, groups): (&[Device], &[String]),
        number: usize,
    ) -> Option<Self> {
        let right = "adblock syntax such as \"||telemetry.example^\", or a \"/regex/\"";
        let text = section.required("match", right, value::text);
        let action = section.value("action", ListAction::Block, ListAction::read);
        let comment = section.optional("comment", value::text);
        let devices = section.values("devices", Vec::new(), |item| {
            let names = known.iter().map(|device| device.name.as_str());
            one_of(item, names, "[[device]]")
        });
        let groups = section.values("groups", Vec::new(), |item| group_name(item, groups));
        Some(Self {
            text: text?,
            action,
            comment,
            devices: (!devices.is_empty()).then_some(devices),
            groups,
            schedule: None,
            place: section.place_of("match").clone(),
            key: section.path("match"),
            number,
        })
    }

    /// The problem to tell when the text is no rule, for this reason.
    pub fn refused(&self, reason: &str) -> Problem {
        Problem {
            place: self.place.clone(),
            key: self.key.clone(),
            message: format!("= {:?}: {reason}", self.text),
        }
    }
}
