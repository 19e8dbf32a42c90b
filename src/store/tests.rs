//! The store by itself; the journal tests it in use.

use futures_util::FutureExt as _;

use super::*;
use crate::query::DeviceId;

fn device(id: u32) -> DeviceRow {
    DeviceRow {
        id: DeviceId(id),
        key: format!("mac:02:00:00:00:00:{id:02x}"),
        name: Some("Kids' tablet".to_owned()),
        named_by: Some("config".to_owned()),
        mac: Some(format!("02:00:00:00:00:{id:02x}")),
        private_mac: true,
        maker: None,
        addresses: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        first_seen_ms: 1_700_000_000_000,
        last_seen_ms: 1_700_000_000_001,
        alias_of: id.checked_sub(2).map(DeviceId),
    }
}

#[tokio::test]
async fn a_device_reads_back_as_it_was_saved_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    for id in [1, 2] {
        writing.devices().save(&device(id)).await.unwrap();
    }
    let renamed = DeviceRow {
        name: None,
        addresses: Vec::new(),
        ..device(1)
    };
    writing.devices().save(&renamed).await.unwrap();
    writing.commit().await.unwrap();
    store.close().await;
    store.connect().await.unwrap();
    let all = store.read().await.unwrap().devices().all().await.unwrap();
    assert_eq!(all, [renamed, device(2)]);
}

#[tokio::test]
async fn a_list_reads_back_with_the_groups_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let list = |id: &str, groups: Option<&[&str]>| ListRow {
        id: id.to_owned(),
        name: id.to_owned(),
        source: "/srv/list.txt".to_owned(),
        action: "block".to_owned(),
        format: "auto".to_owned(),
        refresh_s: 86_400,
        enabled: true,
        groups: groups.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
        added_ms: 0,
    };
    let lists = [list("a", None), list("b", Some(&["kids", "tv \"2\""]))];
    let mut writing = store.write().await.unwrap();
    for one in &lists {
        writing
            .lists()
            .save(&list(&one.id, Some(&["x"])))
            .await
            .unwrap();
        writing.lists().save(one).await.unwrap();
    }
    assert_eq!(writing.lists().all().await.unwrap(), lists);
    // What an earlier version wrote of a list, it still is.
    let text = Item::List(lists[0].clone()).to_text();
    let before = text.replace("\"groups\":null,", "");
    assert_ne!(text, before);
    assert_eq!(
        Item::from_text(Kind::List, &before),
        Some(Item::List(lists[0].clone()))
    );
}

#[tokio::test]
async fn quiet_addresses_and_made_up_ones_are_forgotten_but_for_those_of_which_something_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    let quiet = |id| DeviceRow {
        key: format!("ip:192.0.2.{id}"),
        name: None,
        alias_of: None,
        ..device(id)
    };
    let made_up = |id| DeviceRow {
        alias_of: None,
        ..device(id)
    };
    let rows = [
        quiet(1),
        DeviceRow {
            last_seen_ms: 1_800_000_000_000,
            ..quiet(2)
        },
        DeviceRow {
            name: Some("nas".to_owned()),
            ..quiet(3)
        },
        DeviceRow {
            private_mac: false,
            ..made_up(4)
        },
        quiet(5),
        quiet(6),
        quiet(7),
        made_up(8),
        made_up(9),
        // It still asks from an address as which it was known before.
        DeviceRow {
            alias_of: Some(DeviceId(9)),
            last_seen_ms: 1_800_000_000_000,
            ..quiet(10)
        },
        quiet(11),
    ];
    for row in rows {
        writing.devices().save(&row).await.unwrap();
    }
    let wish = DeviceWishRow {
        device: DeviceId(5),
        wish: String::new(),
        added_ms: 0,
    };
    writing.device_wishes().save(&wish).await.unwrap();
    let rule = RuleRow {
        id: 1,
        text: "||a.example^".to_owned(),
        action: "block".to_owned(),
        comment: None,
        device: Some(DeviceId(6)),
        until_ms: None,
        added_ms: 0,
    };
    writing.rules().save(&rule).await.unwrap();
    let pause = PauseRow {
        who: "device:7".to_owned(),
        until_ms: i64::MAX,
    };
    writing.pauses().save(&pause).await.unwrap();
    let before_ms = 1_750_000_000_000;
    let gone = writing.devices().remove_quiet(before_ms, 1 << 20).await;
    assert_eq!(gone.unwrap(), [1, 8].map(DeviceId));
    writing.commit().await.unwrap();
    let all = store.read().await.unwrap().devices().all().await.unwrap();
    let left: Vec<u32> = all.iter().map(|row| row.id.0).collect();
    assert_eq!(left, [2, 3, 4, 5, 6, 7, 9, 10, 11]);
}

#[tokio::test]
async fn nothing_is_kept_of_a_forgotten_device_but_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    for id in [1, 2, 3] {
        writing.devices().save(&device(id)).await.unwrap();
        for item in set_of(id) {
            writing.put(&Author::TIME, &item).await.unwrap();
            let item = (item.kind(), item.key());
            writing.let_end(item.0, &item.1).await.unwrap();
        }
    }
    let row = ForgottenRow {
        device: DeviceId(2),
        numbers: vec![DeviceId(2), DeviceId(3)],
        at_ms: 7,
    };
    let item = Item::Forgotten(row.clone());
    writing.put(&Author::TIME, &item).await.unwrap();
    // Whoever has not heard of it yet saves it once more.
    writing.devices().save(&device(3)).await.unwrap();
    assert_eq!(writing.devices().all().await.unwrap(), [device(1)]);
    assert_eq!(writing.forgotten().all().await.unwrap(), [row]);
    let changes = writing.changes().before(i64::MAX, 100).await.unwrap();
    let told: Vec<_> = changes.iter().map(|one| (one.kind, &*one.item)).collect();
    let expected = [
        (Kind::Forgotten, "2"),
        (Kind::Pause, "device:1"),
        (Kind::Rule, "1"),
        (Kind::Device, "1"),
    ];
    assert_eq!(told, expected);
}

/// What people may set of a device.
fn set_of(id: u32) -> [Item; 3] {
    [
        Item::Device(DeviceWishRow {
            device: DeviceId(id),
            wish: String::new(),
            added_ms: 0,
        }),
        Item::Rule(RuleRow {
            id: i64::from(id),
            text: "||a.example^".to_owned(),
            action: "block".to_owned(),
            comment: None,
            device: Some(DeviceId(id)),
            until_ms: None,
            added_ms: 0,
        }),
        Item::Pause(PauseRow {
            who: format!("device:{id}"),
            until_ms: i64::MAX,
        }),
    ]
}

#[tokio::test]
async fn what_is_not_committed_never_happened() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    writing.devices().save(&device(1)).await.unwrap();
    drop(writing);
    assert_eq!(
        store.read().await.unwrap().devices().all().await.unwrap(),
        []
    );
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    assert!(!store.is_open());
    let error = store.write().await.err().unwrap();
    assert!(matches!(error, StoreError::Closed { .. }), "{error}");
    assert!(error.to_string().contains("squelch.db"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    store
        .meddle(
            "INSERT INTO _sqlx_migrations \
             (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', 1, x'00', 0)",
        )
        .await;
    store.close().await;
    let error = store.connect().await.unwrap_err();
    assert_eq!(error.cause(), Cause::Newer);
    assert!(
        error.advice().contains("Run the version"),
        "{}",
        error.advice()
    );
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert!(
        files
            .map(|file| file.unwrap().file_name())
            .all(|name| { !name.to_string_lossy().contains("broken") })
    );
}

#[tokio::test]
async fn a_new_file_is_told_from_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    let names = [(1, "a.example".to_owned())];
    writing.names().add(&names).await.unwrap();
    writing.commit().await.unwrap();
    let before = store.generation();
    let reason = StoreError::Closed {
        file: store.file().to_owned(),
    };
    store.begin_anew(&reason).await.unwrap();
    assert_ne!(store.generation(), before);
    let mut reading = store.read().await.unwrap();
    let none = |_, name: &str| panic!("{name}");
    reading.names().each(none).await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("data")).await.unwrap_err();
    assert_eq!(error.cause(), Cause::ReadOnly);
    assert!(
        error.to_string().contains(file.to_str().unwrap()),
        "{error}"
    );
    assert!(error.advice().contains("data_dir"), "{}", error.advice());
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_home_asks_is_for_our_user_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("data")).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("data")), 0o700);
    assert_eq!(mode(store.file()), 0o600);
}

/// A rule as the first version with rules kept it.
const OLD_RULE: &str = "INSERT INTO rule (node, id, text, action, added_ms) \
     VALUES (0, 1, '||ads.example^', 'block', 7)";

#[tokio::test]
async fn a_database_of_every_earlier_schema_opens_with_what_it_has() {
    let versions: Vec<i64> = connect::MIGRATIONS.iter().map(|one| one.version).collect();
    assert!(versions.len() >= 6);
    for version in versions {
        let folder = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(folder.path().join(FILE))
            .create_if_missing(true);
        let old = SqlitePool::connect_with(options).await.unwrap();
        connect::MIGRATIONS.run_to(version, &old).await.unwrap();
        if version >= 2 {
            sqlx::raw_sql(OLD_RULE).execute(&old).await.unwrap();
        }
        old.close().await;
        let store = Store::open(folder.path()).await.unwrap();
        let mut reading = store.read().await.unwrap();
        let rules = reading.rules().all().await.unwrap();
        assert_eq!(rules.len(), usize::from(version >= 2), "version {version}");
        assert!(rules.iter().all(|rule| rule.until_ms.is_none()));
        assert_eq!(reading.outbox().size().await.unwrap(), (0, 0));
    }
}

#[tokio::test]
async fn half_written_changes_are_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let pause = |who: String| PauseRow { who, until_ms: 7 };
    for turn in 0..20 {
        let mut writing = store.write_through().await.unwrap();
        for half in ["a", "b"] {
            let pause = pause(format!("group:{turn}{half}"));
            writing.pauses().save(&pause).await.unwrap();
        }
        writing.commit().await.unwrap();
    }
    let read = |suffix: &str| std::fs::read(folder.path().join(format!("{FILE}{suffix}"))).unwrap();
    let (file, log) = (read(""), read("-wal"));
    let mut counts = Vec::new();
    for part in 0..=40 {
        // The power failed while this much of the log was on disk, and the next page was garbage.
        let end = log.len() * part / 40;
        let mut half = log[..end].to_vec();
        half.resize((end + 4096).min(log.len()), 0x5a);
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join(FILE), &file).unwrap();
        std::fs::write(other.path().join(format!("{FILE}-wal")), &half).unwrap();
        let store = Store::open(other.path()).await.unwrap();
        let pauses = store.read().await.unwrap().pauses().all().await.unwrap();
        assert_eq!(pauses.len() % 2, 0, "{part}: {pauses:?}");
        counts.push(pauses.len());
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert_eq!(counts.last(), Some(&40));
}

fn rule(id: i64) -> RuleRow {
    RuleRow {
        id,
        text: format!("||ads{id}.example^"),
        action: "block".to_owned(),
        comment: Some(format!("it's “{id}”: {}", "why ".repeat(60))),
        device: (id == 7).then_some(DeviceId(7)),
        until_ms: (id == 7).then_some(1_700_000_000_000),
        added_ms: id,
    }
}

/// Makes garbage of the page that has this text.
fn break_page_with(file: &Path, text: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let text = text.as_bytes();
    let found = bytes.windows(text.len()).position(|part| part == text);
    let page = found.unwrap() / 4096 * 4096;
    bytes[page..page + 4096].fill(0xff);
    std::fs::write(file, bytes).unwrap();
}

async fn save_what_people_set(store: &Store) {
    let mut writing = store.write_shared().await.unwrap();
    for id in 1..=300 {
        let author = Author::TIME;
        writing.put(&author, &Item::Rule(rule(id))).await.unwrap();
    }
    for who in ["all", "device:7"] {
        let (who, until_ms) = (who.to_owned(), 7);
        let pause = PauseRow { who, until_ms };
        writing.pauses().save(&pause).await.unwrap();
    }
    let password = PasswordRow {
        source: PasswordSource::Set,
        hash: "$argon2id$".to_owned(),
        set_s: 7,
    };
    writing.passwords().save(&password).await.unwrap();
    writing.devices().save(&device(7)).await.unwrap();
    writing.commit().await.unwrap();
}

#[tokio::test]
async fn what_people_set_goes_from_a_damaged_file_into_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    save_what_people_set(&store).await;
    store.close().await;
    break_page_with(store.file(), "||ads150.example^block");
    let reason = StoreError::Closed {
        file: store.file().to_owned(),
    };
    store.connect().await.unwrap();
    let error = store.read().await.unwrap().rules().all().await.unwrap_err();
    assert_eq!(error.cause(), Cause::Damaged);
    store.begin_anew(&reason).await.unwrap();
    let mut reading = store.read().await.unwrap();
    let rules = reading.rules().all().await.unwrap();
    assert!((250..300).contains(&rules.len()), "{}", rules.len());
    assert!(rules.iter().all(|one| *one == rule(one.id)));
    assert_eq!(rules.last().unwrap().id, 1);
    assert_eq!(rules[0].id, 300);
    assert_eq!(reading.pauses().all().await.unwrap().len(), 2);
    assert_eq!(reading.devices().all().await.unwrap(), [device(7)]);
    let password = reading.passwords().find(PasswordSource::Set).await.unwrap();
    assert_eq!(password.unwrap().hash, "$argon2id$");
    let changes = reading.changes().before(i64::MAX, 5000).await.unwrap();
    assert_eq!(changes.len(), 300);
}

#[tokio::test]
async fn what_people_set_outlives_an_update_that_finds_the_file_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join(FILE))
        .create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    connect::MIGRATIONS.run_to(2, &old).await.unwrap();
    let day = "INSERT INTO day (day, node, data) VALUES (1, 0, 'sums of a day')";
    for statement in [OLD_RULE, day] {
        sqlx::raw_sql(statement).execute(&old).await.unwrap();
    }
    old.close().await;
    break_page_with(&folder.path().join(FILE), "sums of a day");
    let store = Store::open(folder.path()).await.unwrap();
    assert_ne!(store.generation(), 0);
    let rules = store.read().await.unwrap().rules().all().await.unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].id, rules[0].until_ms), (1, None));
}

#[tokio::test]
async fn nobody_opens_a_damaged_file_while_it_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let reading = store.read().await.unwrap();
    let reason = StoreError::Closed {
        file: store.file().to_owned(),
    };
    let mut moved = std::pin::pin!(store.begin_anew(&reason));
    // The file cannot be closed before its last reader has gone.
    assert!(futures_util::poll!(&mut moved).is_pending());
    assert!(store.shared.opening.try_lock().is_err());
    drop(reading);
    moved.await.unwrap();
    assert!(store.is_open());
}

#[tokio::test]
async fn writers_come_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let first = store.write().await.unwrap();
    let mut change = Box::pin(store.write_through());
    assert!(change.as_mut().now_or_never().is_none());
    let mut next = Box::pin(store.write());
    assert!(next.as_mut().now_or_never().is_none());
    first.commit().await.unwrap();
    let change = change.await.unwrap();
    assert!(next.as_mut().now_or_never().is_none());
    // One that is given up leaves the way free, too.
    drop(change);
    next.await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn changes_of_an_unknown_kind_leave_no_gap_in_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let pause = |until_ms| {
        Item::Pause(PauseRow {
            who: "all".to_owned(),
            until_ms,
        })
    };
    let mut writing = store.write().await.unwrap();
    for until_ms in 1..=3 {
        writing.put(&Author::TIME, &pause(until_ms)).await.unwrap();
    }
    writing.commit().await.unwrap();
    store
        .meddle("UPDATE change SET kind = 'later' WHERE id = 2")
        .await;
    let mut reading = store.read().await.unwrap();
    let page = reading.changes().before(i64::MAX, 2).await.unwrap();
    let numbers: Vec<i64> = page.iter().map(|change| change.id).collect();
    assert_eq!(numbers, [3, 1]);
}
