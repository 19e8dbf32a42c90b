//! What becomes of names and entries: those that nothing speaks of go, and floods are kept short.

use super::*;
use crate::query::Match;

/// A query for a name that a rule blocks.
fn blocked(at_ms: i64, name: &str, rule: u32) -> Event {
    let matched = Match {
        generation: 1,
        rule,
    };
    Event {
        verdict: Verdict::Block(matched),
        source: Source::Policy,
        ..event(at_ms, name)
    }
}

/// A day of names and entries that no other day has.
fn day_of_its_own(day: u32) -> Vec<Event> {
    let one = |number: u32| {
        let at_ms = START + i64::from(day) * DAY_MS + i64::from(number) * 1_700_000;
        let name = format!("n{number}.d{day}.example");
        blocked(at_ms, &name, day * 50 + number)
    };
    (0..50).map(one).collect()
}

#[tokio::test]
async fn numbers_of_forgotten_words_are_given_again_and_no_row_gets_another_word() {
    let folder = tempfile::tempdir().unwrap();
    let config = || config::Journal {
        retention: Duration::from_hours(36),
        ..config::Journal::default()
    };
    let mut home = Home::with(folder.path(), config()).await;
    for day in 0..18 {
        let now_ms = START + i64::from(day + 1) * DAY_MS;
        home.record(&day_of_its_own(day)).await;
        home.writer.flush(now_ms).await;
        home.writer.retain(now_ms).await;
        while !home.writer.turn(now_ms).await {}
        if day % 5 == 4 {
            home.stop(now_ms).await;
            home = Home::with(folder.path(), config()).await;
        }
        assert_eq!(home.journal.problem(), None);
        for row in home.rows(&Filter::all(everything()), 500).await {
            let day = u32::try_from((row.at_ms - START) / DAY_MS).unwrap();
            let events = day_of_its_own(day);
            let asked = events.iter().find(|event| event.at_ms == row.at_ms);
            let asked = asked.unwrap();
            assert_eq!(row.name, asked.name.to_string());
            let rule = asked.verdict.matched().unwrap().rule;
            assert_eq!(row.entry.unwrap().entry, format!("e{rule}.example"));
        }
    }
    let state = home.journal.shared.state();
    let (names, entries) = (state.names.iter().count(), state.entries.len());
    assert!(
        (50..200).contains(&names) && entries == names,
        "{names} {entries}"
    );
    let last = (state.names.last(), state.entries.last());
    assert!(last.0 < 400 && last.1 < 400, "{last:?}");
}

#[tokio::test]
async fn a_flood_of_names_that_a_list_has_is_kept_by_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let flood = (0..22_000).map(|number| blocked(START + 1, "a.example", 1000 + number));
    home.record(&flood.collect::<Vec<_>>()).await;
    home.record(&[blocked(START + 2, "b.example", 7)]).await;
    let filter = Filter::all(everything());
    let page = home.journal.queries(&filter, None, 2).await;
    let entries = page.rows.into_iter().map(|row| row.entry.unwrap());
    let told: Vec<_> = entries.map(|label| (label.origin, label.entry)).collect();
    let label = |origin: &str, entry: &str| (origin.to_owned(), entry.to_owned());
    assert_eq!(
        told,
        [label("pack:p7", "e7.example"), label("list:big", UNNAMED)]
    );
    assert_eq!(home.journal.shared.state().entries.len(), 20_002);
}
