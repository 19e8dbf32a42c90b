//! What the table answers to each kind of record.

use hickory_proto::op::{Message, ResponseCode};

use super::*;

fn table(records: &[(&str, &str, &str)]) -> Table {
    from_sources(&[records])
}

fn from_sources(sources: &[&[(&str, &str, &str)]]) -> Table {
    let read = |&(name, kind, value): &(&str, &str, &str)| {
        Record::parse(name, Some(kind), value, 300).unwrap()
    };
    let sources: Vec<Vec<Record>> = sources
        .iter()
        .map(|records| records.iter().map(read).collect())
        .collect();
    Table::new(&"home.arpa".parse().unwrap(), &sources)
}

fn ask(table: &Table, name: &str, kind: RecordType) -> (Found, Option<Message>) {
    let query = Query::internal(name.parse().unwrap(), kind);
    let mut out = AnswerBuf::new();
    let found = table.write(&query, &mut out);
    let message = (found == Found::Written).then(|| Message::from_vec(out.as_slice()).unwrap());
    (found, message)
}

/// The answers as `NAME TYPE DATA`.
fn told(table: &Table, name: &str, kind: RecordType) -> Vec<String> {
    let (_, message) = ask(table, name, kind);
    let answers = message.unwrap().answers;
    let line = |record: &hickory_proto::rr::Record| {
        format!("{} {} {}", record.name, record.record_type(), record.data)
    };
    answers.iter().map(line).collect()
}

#[test]
fn each_type_is_answered_and_others_are_nothing_with_an_soa() {
    let table = table(&[
        ("nas.example", "A", "192.0.2.10"),
        ("nas.example", "A", "192.0.2.11"),
        ("nas.example", "MX", "10 mail.example"),
    ]);
    assert_eq!(
        told(&table, "nas.example", RecordType::A),
        ["nas.example. A 192.0.2.10", "nas.example. A 192.0.2.11"]
    );
    assert_eq!(
        told(&table, "nas.example", RecordType::MX),
        ["nas.example. MX 10 mail.example."]
    );
    let (_, message) = ask(&table, "nas.example", RecordType::AAAA);
    let message = message.unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    assert_eq!((message.answers.len(), message.authorities.len()), (0, 1));
    assert_eq!(
        ask(&table, "www.nas.example", RecordType::A).0,
        Found::Nothing
    );
}

#[test]
fn addresses_have_reverse_names() {
    let table = from_sources(&[
        &[
            ("nas", "A", "192.0.2.10"),
            ("tv.example", "AAAA", "2001:db8::1"),
        ],
        &[
            ("other.example", "A", "192.0.2.10"),
            ("192.0.2.11", "PTR", "given.example"),
        ],
        &[
            ("late.example", "A", "192.0.2.11"),
            ("self.example", "A", "127.0.0.1"),
        ],
    ]);
    let ptr = |ip: &str| {
        let name = reverse_name(ip.parse().unwrap()).to_string();
        let told = told(&table, &name, RecordType::PTR);
        let target = |line: &String| line.rsplit(' ').next().unwrap().to_owned();
        told.iter().map(target).collect::<Vec<_>>()
    };
    assert_eq!(ptr("192.0.2.10"), ["nas.home.arpa."]);
    assert_eq!(ptr("2001:db8::1"), ["tv.example."]);
    assert_eq!(ptr("192.0.2.11"), ["given.example."]);
    let own = reverse_name([127, 0, 0, 1].into());
    assert!(!table.covers(&own));
}

#[test]
fn a_name_without_a_dot_counts_below_the_home_too() {
    let table = table(&[("nas", "A", "192.0.2.10")]);
    for name in ["nas", "nas.home.arpa"] {
        assert_eq!(told(&table, name, RecordType::A).len(), 1, "{name}");
    }
    assert!(table.is_parent(&"home.arpa".parse().unwrap()));
    assert!(!table.is_parent(&"nas.home.arpa".parse().unwrap()));
}

#[test]
fn a_wildcard_is_for_all_below_that_have_nothing_of_their_own() {
    let table = table(&[
        ("*.nas.example", "A", "192.0.2.10"),
        ("*.deep.nas.example", "A", "192.0.2.11"),
        ("own.nas.example", "A", "192.0.2.12"),
    ]);
    let address = |name: &str| told(&table, name, RecordType::A);
    assert_eq!(address("a.nas.example"), ["a.nas.example. A 192.0.2.10"]);
    assert_eq!(
        address("a.b.nas.example"),
        ["a.b.nas.example. A 192.0.2.10"]
    );
    assert_eq!(
        address("a.deep.nas.example"),
        ["a.deep.nas.example. A 192.0.2.11"]
    );
    assert_eq!(
        address("own.nas.example"),
        ["own.nas.example. A 192.0.2.12"]
    );
    assert_eq!(ask(&table, "nas.example", RecordType::A).0, Found::Nothing);
    assert_eq!(ask(&table, "xnas.example", RecordType::A).0, Found::Nothing);
}

#[test]
fn an_alias_of_ours_is_followed_here_and_another_leads_outside() {
    let table = table(&[
        ("www.example", "CNAME", "Web.example"),
        ("web.example", "CNAME", "nas.example"),
        ("nas.example", "A", "192.0.2.10"),
        ("out.example", "CNAME", "elsewhere.test"),
        ("loop.example", "CNAME", "pool.example"),
        ("pool.example", "CNAME", "loop.example"),
    ]);
    assert_eq!(
        told(&table, "www.example", RecordType::A),
        [
            "www.example. CNAME web.example.",
            "web.example. CNAME nas.example.",
            "nas.example. A 192.0.2.10",
        ]
    );
    assert_eq!(
        told(&table, "out.example", RecordType::CNAME),
        ["out.example. CNAME elsewhere.test."]
    );
    assert_eq!(ask(&table, "out.example", RecordType::A).0, Found::Leads);
    let query = Query::internal("out.example".parse().unwrap(), RecordType::A);
    let (target, ttl) = table.alias(&query).unwrap();
    assert_eq!((target.to_string().as_str(), ttl), ("elsewhere.test", 300));
    let (_, loops) = ask(&table, "loop.example", RecordType::A);
    assert_eq!(
        loops.unwrap().metadata.response_code,
        ResponseCode::ServFail
    );
}

#[test]
fn the_first_source_has_its_way() {
    let table = from_sources(&[
        &[
            ("nas.example", "A", "192.0.2.1"),
            ("www.example", "CNAME", "nas.example"),
        ],
        &[
            ("nas.example", "A", "192.0.2.2"),
            ("nas.example", "AAAA", "2001:db8::1"),
            ("www.example", "A", "192.0.2.3"),
            ("nas.example", "CNAME", "other.example"),
        ],
    ]);
    assert_eq!(
        told(&table, "nas.example", RecordType::A),
        ["nas.example. A 192.0.2.1"]
    );
    assert_eq!(told(&table, "nas.example", RecordType::AAAA).len(), 1);
    assert_eq!(told(&table, "www.example", RecordType::A).len(), 2);
}

#[test]
fn the_name_behind_a_star_is_there() {
    let table = table(&[("*.nas.example", "A", "192.0.2.10")]);
    assert!(table.is_parent(&"nas.example".parse().unwrap()));
    assert!(!table.is_parent(&"x.nas.example".parse().unwrap()));
}
