//! Pages of rows, read while what they are read from changes.

use super::*;

const DELETED: [DeviceId; 2] = [DeviceId(2), DeviceId(5)];
const NOW: i64 = START + 3 * DAY_MS - 1;

/// What the writer does between two pages.
async fn meddle(home: &mut Home, dice: &mut Dice, round: i64) {
    match dice.below(8) {
        0 => {
            for number in 0..300 {
                let new = event(NOW + number, &format!("new{round}.example"));
                home.recorder.record(&new);
            }
            home.writer.turn(NOW).await;
        }
        1 => home.writer.flush(NOW).await,
        2 => home.journal.erase(DELETED[0], NOW + round).await.unwrap(),
        3 => home.journal.erase(DELETED[1], NOW + round).await.unwrap(),
        4 => home.writer.retain(NOW).await,
        _ => {
            for _ in 0..dice.below(12) {
                home.writer.turn(NOW).await;
            }
        }
    }
}

#[tokio::test]
async fn each_row_that_stays_comes_once_whatever_is_merged_and_deleted_meanwhile() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Journal {
            retention: Duration::from_hours(48),
            ..config::Journal::default()
        };
        let mut home = Home::with(folder.path(), config).await;
        home.writer.tread_softly();
        for part in three_days(3000).chunks(400) {
            home.record(part).await;
            home.writer.flush(part[part.len() - 1].at_ms).await;
        }
        let all = Filter::all(everything());
        let before = home.rows(&all, 10_000).await;
        let before: BTreeMap<u64, Row> = before.into_iter().map(|row| (row.id, row)).collect();
        let (mut dice, mut rows, mut cursor) = (Dice::new(seed), Vec::new(), None);
        for round in 0.. {
            let limit = 1 + usize::try_from(dice.below(700)).unwrap();
            let page = home.journal.queries(&all, cursor, limit).await;
            assert!(page.complete && !page.has_failed);
            rows.extend(page.rows);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            meddle(&mut home, &mut dice, round).await;
        }
        assert!(rows.windows(2).all(|pair| pair[0].id > pair[1].id));
        assert!(rows.iter().all(|row| before.get(&row.id) == Some(row)));
        let came: BTreeSet<u64> = rows.iter().map(|row| row.id).collect();
        home.journal.erase(DELETED[0], NOW + 1000).await.unwrap();
        while !home.writer.turn(NOW).await {}
        home.writer.retain(NOW).await;
        while !home.writer.turn(NOW).await {}
        let stayed = home.rows(&all, 500).await;
        let stayed = stayed.iter().filter(|row| before.contains_key(&row.id));
        let stayed: Vec<&Row> = stayed.collect();
        assert!(stayed.len() > 2000 && stayed.len() < before.len());
        for row in stayed {
            assert_eq!(before.get(&row.id), Some(row));
            assert!(came.contains(&row.id), "seed {seed}: {row:?}");
        }
    }
}

#[tokio::test]
async fn rows_keep_their_numbers_when_others_go_and_new_ones_come_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 3000, 4);
    home.record(&events).await;
    let all = Filter::all(everything());
    let before = home.rows(&all, 500).await;
    let until_ms = START + DAY_MS;
    for device in DELETED {
        home.journal.erase(device, until_ms).await.unwrap();
        while !home.writer.turn(until_ms - 1).await {}
    }
    home.stop(until_ms - 1).await;
    let mut home = Home::at(folder.path()).await;
    home.record(&[event(until_ms, "later.example")]).await;
    home.writer.flush(until_ms).await;
    let mut after = home.rows(&all, 7).await;
    let later = after.remove(0);
    assert_eq!(later.name, "later.example");
    let stay = before.iter().filter(|row| !DELETED.contains(&row.device));
    let stay: Vec<Row> = stay.cloned().collect();
    assert!(stay.len() < before.len() && later.id > stay[0].id);
    assert_eq!(after, stay);
}
