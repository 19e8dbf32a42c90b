//! The packs in the binary, and folders in their place.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::*;
use crate::packs::lint::lint;

fn builtin() -> &'static Packs {
    static PACKS: LazyLock<Packs> = LazyLock::new(|| Packs::builtin().unwrap());
    &PACKS
}

fn entry<'p>(packs: &'p Packs, name: &str) -> (&'p Pack, &'p Entry) {
    packs.find(name, Level::Standard).unwrap()
}

#[test]
fn the_packs_in_the_binary_pass_every_lint() {
    let report = lint(&Files::builtin(), Date::MAX);
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(report.packs >= 36, "{} packs", report.packs);
    assert!(report.names >= 3600, "{} names", report.names);
}

#[test]
fn a_pack_is_found_by_its_id_and_its_file_is_named() {
    let packs = builtin();
    let pack = packs.pack("oneplus").unwrap();
    assert_eq!(packs.file(pack), "blocklists/packs/oneplus.toml");
    assert!(packs.pack("oneplu").is_none());
    assert_eq!(&*packs.nearest("oneplu").unwrap().id, "oneplus");
    assert_eq!(&*packs.nearest("poco").unwrap().id, "xiaomi");
}

#[test]
fn an_entry_points_at_the_line_of_its_domain() {
    let packs = builtin();
    let (pack, entry) = entry(packs, "open.oneplus.net");
    let text = fs::read_to_string(packs.file(pack)).unwrap();
    let line = text.lines().nth(entry.line as usize - 1).unwrap();
    assert_eq!(line, "domain = \"open.oneplus.net\"");
}

#[test]
fn the_most_specific_entry_decides_and_stops_at_label_borders() {
    let packs = builtin();
    let found = |name| {
        packs
            .find(name, Level::Standard)
            .map(|(_, entry)| &*entry.domain)
    };
    assert_eq!(found("a.b.open.oneplus.net"), Some("open.oneplus.net"));
    assert_ne!(found("notopen.oneplus.net"), Some("open.oneplus.net"));
    assert_eq!(found("home.example"), None);
}

#[test]
fn an_exact_entry_does_not_reach_below_its_name() {
    let packs = builtin();
    let all = packs.packs().iter().flat_map(|pack| &pack.entries);
    let mut exact = all.filter(|entry| entry.scope == Scope::Exact && entry.retired.is_none());
    let entry = exact.next().unwrap();
    let below = format!("below.{}", entry.domain);
    let found = packs.find(&below, Level::Strict);
    assert!(found.is_none_or(|(_, other)| other.domain != entry.domain));
}

#[test]
fn a_block_above_the_chosen_level_counts_as_not_there() {
    let packs = builtin();
    let all = packs.packs().iter().flat_map(|pack| &pack.entries);
    let strict = Action::Block {
        level: Level::Strict,
    };
    let mut strict = all.filter(|entry| entry.action == strict && entry.retired.is_none());
    let entry = strict.next().unwrap();
    let at = |level| {
        packs
            .find(&entry.domain, level)
            .map(|(_, found)| found.action)
    };
    assert_eq!(at(Level::Strict), Some(entry.action));
    assert_ne!(at(Level::Standard), Some(entry.action));
}

#[test]
fn every_reason_names_its_pack_and_fits_into_an_answer() {
    let packs = builtin();
    for pack in packs.packs() {
        for entry in &pack.entries {
            let reason = reason(pack, entry);
            assert!(reason.len() <= 100, "{reason}");
            assert!(reason.contains(&*pack.id), "{reason}");
        }
    }
    let (pack, entry) = entry(packs, "open.oneplus.net");
    let reason = reason(pack, entry);
    assert!(
        reason.starts_with("OnePlus phones: ") && reason.contains("usage analytics"),
        "{reason}"
    );
}

#[test]
fn names_of_a_family_share_what_is_known_of_them() {
    let packs = builtin();
    let mut all = packs.packs().iter().flat_map(|pack| &pack.entries);
    let family = all.find(|entry| entry.pattern.is_some()).unwrap();
    assert!(Arc::strong_count(&family.facts) > 1);
    assert!(!family.domain.contains('{'));
}

/// The built-in packs as a folder, with a change in one file.
fn folder(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("blocklists");
    fs::create_dir(folder.path().join("packs")).unwrap();
    for inside in ["vocab.toml", "sources.toml", "packs/oneplus.toml"] {
        let mut text = fs::read_to_string(source.join(inside)).unwrap();
        if inside == file {
            assert!(text.contains(from));
            text = text.replacen(from, to, 1);
        }
        fs::write(folder.path().join(inside), text).unwrap();
    }
    folder
}

#[test]
fn a_newer_folder_takes_the_place_of_the_built_in_packs() {
    let reviewed = builtin().pack("oneplus").unwrap().reviewed.to_string();
    let folder = folder("packs/oneplus.toml", &reviewed, "2090-01-01");
    let today = "2090-01-01".parse().unwrap();
    let (packs, warning) = Packs::load_on(today, Some(folder.path())).unwrap();
    assert!(warning.is_none());
    assert_eq!(packs.packs().len(), 1);
    assert_eq!(packs.version().to_string(), "2090-01-01");
    let file = packs.file(packs.pack("oneplus").unwrap());
    assert_eq!(Path::new(&file), folder.path().join("packs/oneplus.toml"));
}

#[test]
fn an_older_folder_is_left_alone_with_a_warning() {
    let reviewed = builtin().pack("oneplus").unwrap().reviewed.to_string();
    let folder = folder("packs/oneplus.toml", &reviewed, "2020-01-01");
    let (packs, warning) = Packs::load(Some(folder.path())).unwrap();
    assert!(packs.packs().len() >= 36);
    let warning = warning.unwrap().to_string();
    assert!(
        warning.contains("are of 2020-01-01, older than the built-in ones"),
        "{warning}"
    );
}

#[test]
fn a_folder_of_a_day_that_has_not_come_is_left_alone() {
    let reviewed = builtin().pack("oneplus").unwrap().reviewed.to_string();
    let folder = folder("packs/oneplus.toml", &reviewed, "2062-11-20");
    let load = |today: &str| {
        let loaded = Packs::load_on(today.parse().unwrap(), Some(folder.path()));
        loaded.unwrap().1.map(|warning| warning.to_string())
    };
    let warning = load("2061-01-01").unwrap();
    assert!(
        warning.ends_with("oneplus.toml` was reviewed on 2062-11-20, but today is 2061-01-01"),
        "{warning}"
    );
    assert_eq!(load("2062-11-19"), None);
    // A machine without a battery starts in 1970.
    assert_eq!(load("1970-01-01"), None);
}

#[test]
fn two_packs_with_one_id_are_left_alone() {
    let folder = folder("packs/oneplus.toml", "", "");
    let packs = folder.path().join("packs");
    fs::copy(packs.join("oneplus.toml"), packs.join("twoplus.toml")).unwrap();
    let (_, warning) = Packs::load(Some(folder.path())).unwrap();
    let warning = warning.unwrap().to_string();
    assert!(warning.contains("the id `oneplus` belongs to"), "{warning}");
}

#[test]
fn devices_that_are_written_wrong_are_told_when_a_folder_is_loaded() {
    let folder = folder("packs/oneplus.toml", "", "");
    let text = "schema = 1\n[[device]]\nid = \"phone\"\nname = \"A phone\"\nkind = \"phone\"\n\
        packs = [\"oneplus\"]\nmaker_alone = false\nasked = [\"a.example\"]\n";
    fs::write(folder.path().join("devices.toml"), text).unwrap();
    let (_, warning) = Packs::load(Some(folder.path())).unwrap();
    let warning = warning.unwrap().to_string();
    assert!(warning.contains("devices.toml:8: P02"), "{warning}");
}

#[test]
fn a_broken_folder_is_left_alone_and_its_faults_are_told() {
    let folder = folder("packs/oneplus.toml", "summary = ", "sumary = ");
    let (packs, warning) = Packs::load(Some(folder.path())).unwrap();
    assert!(packs.packs().len() >= 36);
    let warning = warning.unwrap().to_string();
    assert!(warning.contains("oneplus.toml:6: P02"), "{warning}");
    assert!(warning.contains("did you mean `summary`?"), "{warning}");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let (packs, warning) = Packs::load(Some(Path::new("/nowhere/at-all"))).unwrap();
    assert!(packs.packs().len() >= 36);
    assert!(warning.unwrap().to_string().contains("/nowhere/at-all"));
}

#[test]
fn what_is_given_to_programs_has_the_names_of_the_interface() {
    let packs = builtin();
    let (pack, entry) = entry(packs, "open.oneplus.net");
    let info = packs.entry_info(pack, entry, Some(Effective::Block));
    let json = serde_json::to_value(info).unwrap();
    assert_eq!(json["domain"], "open.oneplus.net");
    assert_eq!(json["match"], "subtree");
    assert_eq!(json["action"], "block");
    assert_eq!(json["effective"], "block");
    assert_eq!(json["confidence"], "A");
    assert_eq!(json["file"], "blocklists/packs/oneplus.toml");
    assert_eq!(json["purposes"][0]["id"], "usage-analytics");
    assert!(json["evidence"][0]["where"].is_string());
    let data = json["evidence"][0]["data"].as_array().unwrap();
    assert!(
        data.iter()
            .any(|kind| kind["id"] == "imei" && kind["sensitive"] == true)
    );
    assert!(json["breaks"][0]["severity_text"].is_string());
    assert!(json["sentence"].as_str().unwrap().contains("the IMEI"));
    assert!(json.get("retired").is_none());
}

#[test]
fn counts_of_a_pack_add_up() {
    for pack in builtin().packs() {
        let info = pack.info();
        let (by, levels) = (info.by_action, info.by_level);
        let retired = pack
            .entries
            .iter()
            .filter(|entry| entry.retired.is_some())
            .count();
        assert_eq!(
            by.block + by.watch + by.allow + retired,
            info.names,
            "{}",
            pack.id
        );
        assert_eq!(
            levels.safe + levels.standard + levels.strict,
            by.block,
            "{}",
            pack.id
        );
        assert!(info.entries <= info.names);
    }
}
