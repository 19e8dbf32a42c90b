//! P15: names that list projects make up, to see who copies them.

/// Names of list projects; as a part of a label they are no vendor's.
const PROJECTS: [&str; 12] = [
    "1hosts",
    "adaway",
    "badblock",
    "blocklistproject",
    "blocklist",
    "energized",
    "goodbyeads",
    "hagezi",
    "oisd",
    "shadowwhisperer",
    "stevenblack",
    "watermark",
];

/// Words of a label that name a trap.
const TRAPS: [&str; 3] = ["canarytoken", "copyright-trap", "honeytoken"];

/// The label that gives a planted name away.
pub(super) fn find(name: &str) -> Option<&str> {
    name.split('.').find(|label| {
        let read = without_digits(label);
        TRAPS.iter().any(|trap| label.contains(trap))
            || PROJECTS.iter().any(|project| {
                let project = without_digits(project);
                // Short names may be part of a longer word; long ones are telling anywhere.
                read.split(['-', '_']).any(|part| part == project)
                    || (project.len() > 5 && read.contains(&project))
            })
    })
}

/// Digits that stand for letters, as in `h4g3z1`.
fn without_digits(label: &str) -> String {
    let to_letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '9' => 'g',
        other => other,
    };
    label.chars().map(to_letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_name_is_seen_through_its_digits() {
        assert_eq!(find("h4g3z1-native.q1.web.app"), Some("h4g3z1-native"));
        assert_eq!(find("x.hagezi.example"), Some("hagezi"));
        assert_eq!(find("0i5d.example"), Some("0i5d"));
    }

    #[test]
    fn a_vendors_name_is_not_taken_for_a_planted_one() {
        for name in [
            "metrics.example",
            "void-loisdale.example",
            "1and1hosting.example",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
