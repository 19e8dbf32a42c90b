//! What reads say, against counting by hand.

use super::*;

#[tokio::test]
async fn every_read_is_exact_whether_rows_are_in_memory_or_on_disk_or_days_are_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let events = three_days(12_000);
    let mut home = Home::at(folder.path()).await;
    home.record(&events).await;
    let ranges = [
        everything(),
        range(START, START + 3 * DAY_MS),
        range(START + DAY_MS, START + 2 * DAY_MS),
        range(
            START + 5 * HOUR_MS + 123,
            START + 2 * DAY_MS + 7 * HOUR_MS + 1,
        ),
        range(START + 2 * DAY_MS, START + 3 * DAY_MS - 1),
        range(START + 9 * HOUR_MS + 1, START + 9 * HOUR_MS + 90_000),
        range(START + 8, START + 8),
    ];
    for range in ranges {
        assert_reads_are_exact(&home, &events, range).await;
    }
    home.stop(START + 3 * DAY_MS).await;
    let home = Home::at(folder.path()).await;
    for range in ranges {
        assert_reads_are_exact(&home, &events, range).await;
    }
}

#[tokio::test]
async fn what_came_since_the_reader_looked_at_the_clock_belongs_to_a_range_that_ends_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events: Vec<Event> = (0..20)
        .map(|second| event(START + second * 1000, "a.example"))
        .collect();
    home.record(&events).await;
    let counted = async |until_ms| {
        let range = range(START - DAY_MS, until_ms);
        let names = home.journal.device_names(range, DeviceId(1), 9).await;
        let (counts, _) = home.journal.counts(range, Some(&[DeviceId(1)])).await;
        assert_eq!(names.counts, counts);
        counts.allow
    };
    assert_eq!(counted(START + 16_000).await, 20);
    assert_eq!(counted(START + 13_000).await, 13);
}

#[tokio::test]
async fn rows_that_come_after_a_look_at_their_day_are_found_also_when_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let mut events = three_days(9000);
    home.record(&events).await;
    home.writer.flush(START + 3 * DAY_MS).await;
    let late = range(START + 2 * DAY_MS + HOUR_MS, START + 4 * DAY_MS);
    let later = range(START + 5 * DAY_MS, START + 6 * DAY_MS);
    for range in [late, later] {
        assert_reads_are_exact(&home, &events, range).await;
    }
    for day in [5, 2] {
        let more = sample::day(START + day * DAY_MS, 9000, 40 + day.cast_unsigned());
        home.record(&more).await;
        home.writer.flush(START + (day + 1) * DAY_MS).await;
        events.extend(more);
        for range in [late, later] {
            assert_reads_are_exact(&home, &events, range).await;
        }
    }
}

#[tokio::test]
async fn pages_go_back_row_by_row_and_a_flush_between_them_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 20_000, 3);
    home.record(&events[..19_000]).await;
    let filter = Filter::all(everything());
    let first = home.journal.queries(&filter, None, 300).await;
    home.record(&events[19_000..]).await;
    home.writer.flush(START + 2 * DAY_MS).await;
    let mut rows = first.rows;
    let mut cursor = first.next;
    while let Some(next) = cursor {
        let page = home.journal.queries(&filter, Some(next), 500).await;
        rows.extend(page.rows);
        cursor = page.next;
    }
    rows.reverse();
    assert_eq!(rows.len(), 19_000);
    for (row, event) in rows.iter().zip(&events) {
        assert_eq!((row.at_ms, row.device), (event.at_ms, event.device));
        assert_eq!(
            (row.name.clone(), row.kind),
            (event.name.to_string(), event.kind)
        );
        assert_eq!(
            (row.verdict, row.rcode),
            (event.verdict.word(), event.rcode)
        );
        assert_eq!(
            (row.address, row.transport),
            (Some(event.address), event.transport)
        );
        assert_eq!(row.source, event.source.into());
        assert_eq!(
            row.entry.as_ref().map(|entry| entry.origin.clone()),
            origin(event)
        );
        assert_eq!(
            row.upstream.is_some(),
            matches!(event.source, Source::Upstream(_))
        );
        assert!(row.took_us.abs_diff(event.took_us) * 20 <= event.took_us);
    }
    assert!(rows.windows(2).all(|pair| pair[0].id + 1 == pair[1].id));
}

#[tokio::test]
async fn filters_find_the_same_rows_in_memory_on_disk_and_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 9_500, 4);
    let mut live = home.journal.subscribe();
    let mut rows = Vec::new();
    for part in events.chunks(2000) {
        home.record(part).await;
        while let Ok(row) = live.try_recv() {
            rows.push(row);
        }
    }
    assert_eq!(rows.len(), events.len());
    let base = Filter::all(range(START + HOUR_MS, START + 20 * HOUR_MS));
    let name = |text| Filter {
        name: Some(NameFilter::parse(text)),
        ..base.clone()
    };
    let filters = [
        base.clone(),
        name("n1"),
        name("=n2.s2.example"),
        name(".s3.example"),
        name("nowhere"),
        Filter {
            devices: Some(vec![DeviceId(2), DeviceId(5)]),
            ..base.clone()
        },
        Filter {
            outcomes: vec![Outcome::Verdict(VerdictWord::Block)],
            ..base.clone()
        },
        Filter {
            outcomes: vec![Outcome::Failed, Outcome::Verdict(VerdictWord::Watch)],
            ..base.clone()
        },
        Filter {
            origin: Some("pack:p3".to_owned()),
            ..base.clone()
        },
        Filter {
            origin: Some("pack:p".to_owned()),
            ..base.clone()
        },
        Filter {
            kind: Some(RecordType::HTTPS),
            ..base.clone()
        },
    ];
    let mut found = Vec::new();
    for filter in &filters {
        let wanted: Vec<u64> = rows
            .iter()
            .rev()
            .filter(|row| filter.matches(row))
            .map(|row| row.id)
            .collect();
        assert_eq!(home.ids(filter).await, wanted, "{filter:?}");
        found.push(wanted.len());
    }
    assert_eq!(
        found.iter().filter(|count| **count == 0).count(),
        2,
        "{found:?}"
    );
    home.writer.flush(START + 2 * DAY_MS).await;
    for (filter, count) in filters.iter().zip(found) {
        assert_eq!(home.ids(filter).await.len(), count);
    }
}

#[tokio::test]
async fn a_device_that_turned_out_to_be_another_counts_as_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let words = Words {
        device: Box::new(|id| DeviceId(id.0.min(2))),
        ..Words::for_tests()
    };
    let (journal, mut writer) =
        Journal::new(&config::Journal::default(), Store::at(folder.path()), words);
    let recorder = journal.recorder();
    for device in [1, 2, 3] {
        recorder.record(&Event {
            device: DeviceId(device),
            ..event(START, "a.example")
        });
    }
    writer.finish(START).await;
    let summary = journal.summary(everything(), Some(&[DeviceId(3)]), 5).await;
    assert_eq!(summary.totals.queries(), 2);
    assert_eq!(summary.devices[0].device, DeviceId(2));
    let filter = Filter {
        devices: Some(vec![DeviceId(3)]),
        ..Filter::all(everything())
    };
    let page = journal.queries(&filter, None, 5).await;
    assert_eq!(
        page.rows.iter().map(|row| row.device).collect::<Vec<_>>(),
        [DeviceId(2); 2]
    );
}

#[tokio::test]
async fn one_device_one_entry_and_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(4000);
    home.record(&events).await;
    let of = |device| events.iter().filter(move |event| event.device == device);
    let names = home
        .journal
        .device_names(everything(), DeviceId(4), 9999)
        .await;
    assert_eq!(names.counts, counts(of(DeviceId(4))));
    let matrix = home
        .journal
        .exposure(everything(), Some(&[DeviceId(4)]))
        .await;
    assert!(!matrix.cells.is_empty());
    assert_eq!(names.cells, matrix.cells);
    let covered = of(DeviceId(4)).filter(|event| event.verdict.matched().is_some());
    let covered: BTreeSet<String> = covered.map(|event| event.name.to_string()).collect();
    assert_eq!(
        names
            .covered
            .iter()
            .map(|name| name.name.clone())
            .collect::<BTreeSet<_>>(),
        covered
    );
    let (entries, _) = home.journal.entries(everything(), Some("pack:p2")).await;
    let of_pack = events
        .iter()
        .filter(|event| origin(event).as_deref() == Some("pack:p2"));
    let decided: u64 = entries
        .iter()
        .map(|entry| entry.span.counts.queries())
        .sum();
    assert_eq!(decided, of_pack.count() as u64);
    let seen = home.journal.name_seen(everything(), "n1.s1.example").await;
    let asked: Vec<_> = events
        .iter()
        .filter(|event| event.name == sample::name(1))
        .collect();
    assert_eq!(seen.counts, counts(asked.iter().copied()));
    assert_eq!(seen.last_ms, asked.iter().map(|event| event.at_ms).max());
    let devices: BTreeSet<_> = asked.iter().map(|event| event.device).collect();
    assert_eq!(seen.devices, devices.len() as u64);
    let never = home.journal.name_seen(everything(), "never.example").await;
    assert_eq!((never.counts, never.last_ms), (Counts::default(), None));
}

#[tokio::test]
async fn any_range_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(6000);
    home.record(&events).await;
    let mut dice = Dice::new(12);
    for _ in 0..60 {
        let mut ends = [0; 2].map(|_| START + dice.below(3 * DAY_MS.cast_unsigned()).cast_signed());
        ends.sort_unstable();
        // Now and then an end on a border of a day.
        if dice.below(3) == 0 {
            ends[0] = day_of(ends[0]) * DAY_MS;
        }
        let range = range(ends[0], ends[1]);
        let inside = || events.iter().filter(|event| range.contains(event.at_ms));
        let (totals, extent) = home.journal.counts(range, None).await;
        assert!(extent.complete);
        assert_eq!(totals, counts(inside()));
        let (of_device, _) = home.journal.counts(range, Some(&[DeviceId(2)])).await;
        assert_eq!(
            of_device,
            counts(inside().filter(|event| event.device == DeviceId(2)))
        );
        assert_eq!(home.journal.summary(range, None, 3).await.totals, totals);
    }
}

#[tokio::test]
async fn a_search_that_the_disk_ends_early_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 3000, 1);
    home.record(&events).await;
    home.writer.flush(START + DAY_MS).await;
    let filter = Filter::all(everything());
    let page = home.journal.queries(&filter, None, 10_000).await;
    assert!(page.complete && !page.has_failed);
    let broken = "ALTER TABLE block RENAME TO elsewhere";
    home.store.meddle(broken).await;
    let page = home.journal.queries(&filter, None, 10_000).await;
    assert!(page.has_failed && !page.complete);
    assert_ne!(page.next, None);
}
