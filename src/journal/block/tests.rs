//! Blocks against rows of every kind, and their size on a day of a home.

use proptest::prelude::*;

use super::*;
use crate::journal::blob::Unpacker;
use crate::journal::bytes::Damaged;
use crate::journal::line::Line;
use crate::journal::record::Record;
use crate::journal::row::SourceWord;
use crate::journal::state::State;
use crate::journal::{Words, minutes, sample};
use crate::query::{DeviceId, Rcode, RecordType, Transport, VerdictWord};

fn decode(blob: &[u8], rows: usize) -> Result<Vec<Line>, Damaged> {
    let mut unpacker = Unpacker::new();
    let block = Block::open(blob, u32::try_from(rows).unwrap())?;
    let seen = block.seen(&mut unpacker)?;
    block.lines(&seen, &mut unpacker)
}

fn any_line() -> impl Strategy<Value = Line> {
    let source = prop::sample::select(vec![
        SourceWord::Policy,
        SourceWord::Local,
        SourceWord::Cache,
        SourceWord::Upstream,
        SourceWord::Failure,
    ]);
    let verdicts = vec![VerdictWord::Allow, VerdictWord::Watch, VerdictWord::Block];
    let verdict = prop::sample::select(verdicts);
    let words = (any::<i64>(), 0..4_u32, 0..9_u32, any::<u32>(), any::<u32>());
    let answer = (
        any::<Option<std::net::IpAddr>>(),
        any::<u16>(),
        any::<u16>(),
        verdict,
        source,
    );
    let transport = prop::sample::select(Transport::ALL.to_vec());
    (words, answer, transport, any::<u8>()).prop_map(|(words, answer, transport, latency)| Line {
        at_ms: words.0,
        device: DeviceId(words.1 * 1_000_000_000),
        name: words.2 * 400_000_000,
        entry: words.3,
        upstream: if answer.4 == SourceWord::Upstream {
            words.4
        } else {
            0
        },
        address: answer.0,
        kind: RecordType(answer.1),
        rcode: Rcode(answer.2),
        verdict: answer.3,
        source: answer.4,
        transport,
        latency,
    })
}

proptest! {
    #[test]
    fn any_rows_read_back_as_they_were(lines in prop::collection::vec(any_line(), 0..200)) {
        prop_assert_eq!(decode(&encode(&lines), lines.len()), Ok(lines));
    }

    #[test]
    fn any_bytes_are_read_without_panic(blob: Vec<u8>, rows in 0..100_usize) {
        prop_assert!(decode(&blob, rows).is_err());
    }

    #[test]
    fn columns_that_do_not_fit_each_other_are_damage(
        lines in prop::collection::vec(any_line(), 1..20),
        column in 0..COLUMNS,
        bytes: Vec<u8>,
    ) {
        // A right checksum over wrong columns: what a bug, not a broken disk, would leave.
        let mut unpacker = Unpacker::new();
        let blob = encode(&lines);
        let opened = crate::journal::blob::Blob::open(VERSION, &blob).unwrap();
        let mut columns: Vec<Vec<u8>> = (0..COLUMNS)
            .map(|place| opened.column(place, &mut unpacker).unwrap().into_owned())
            .collect();
        columns[column] = bytes;
        let altered = crate::journal::blob::pack(VERSION, &columns);
        if let Ok(read) = decode(&altered, lines.len()) {
            prop_assert_eq!(read.len(), lines.len());
        }
    }
}

#[test]
fn a_block_with_another_number_of_rows_is_damaged() {
    let mut state = State::default();
    let lines = lines(&mut state, 100);
    let blob = encode(&lines);
    assert_eq!(decode(&blob, 100).as_deref(), Ok(lines.as_slice()));
    assert_eq!(decode(&blob, 99), Err(Damaged));
    assert_eq!(decode(&blob, 101), Err(Damaged));
}

fn lines(state: &mut State, count: usize) -> Vec<Line> {
    let words = Words::for_tests();
    let events = sample::day(0, count, 1);
    let records = events
        .iter()
        .filter_map(|event| Record::of(event, crate::config::Privacy::Full));
    let first = state.push_all(records, &words);
    state.tail.from(first).map(|(_, line)| *line).collect()
}

#[test]
fn a_day_of_a_home_takes_less_than_eight_bytes_a_row() {
    let mut state = State::default();
    let lines = lines(&mut state, 110_000);
    let mut bytes = 0;
    for part in lines.chunks(8192) {
        let blob = encode(part);
        assert_eq!(decode(&blob, part.len()).as_deref(), Ok(part));
        bytes += blob.len() + minutes::encode(part).len();
    }
    let hundredths = bytes * 100 / lines.len();
    assert!(hundredths < 800, "{hundredths} hundredths of a byte a row");
    assert!(
        state.names.last() > 5000,
        "too few names to be a home's day"
    );
}

#[test]
fn what_is_left_of_a_block_has_the_places_that_its_rows_had() {
    let lines = lines(&mut State::default(), 1000);
    let places: Vec<u64> = (0..lines.len() as u64).collect();
    let opened = |blob: &[u8], rows: usize| {
        let block = Block::open(blob, u32::try_from(rows).unwrap()).unwrap();
        block.places(&mut Unpacker::new())
    };
    assert_eq!(opened(&encode(&lines), lines.len()).unwrap(), places);
    let stay = lines.iter().copied().zip(places);
    let stay = stay.filter(|(_, place)| place % 3 == 1 || (700..900).contains(place));
    let (rest, left): (Vec<Line>, Vec<u64>) = stay.unzip();
    let blob = encode_rest(&rest, &left);
    assert_eq!(opened(&blob, rest.len()).unwrap(), left);
    assert_eq!(decode(&blob, rest.len()).unwrap(), rest);
}
