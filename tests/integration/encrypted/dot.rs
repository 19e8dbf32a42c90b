//! DNS over TLS.

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{NAME, SLOW, connect, house, house_in, padding, run, trusting, trusting_file};
use crate::house::{House, question, read_frame, told, write_frame};
use crate::stub::Stub;

/// Asks on a connection of its own, by this name of the server.
async fn ask(house: &House, server: &str, name: &str) -> Message {
    let tls = trusting(house, b"dot");
    let address = house.app.encrypted().dot[0];
    let mut stream = connect(address, server, &tls).await.unwrap();
    let message = question(name, RecordType::A).to_vec().unwrap();
    write_frame(&mut stream, &message).await;
    read_frame(&mut stream).await
}

#[tokio::test]
async fn the_same_is_answered_over_tls() {
    let house = house("").await;
    assert_eq!(
        told(&ask(&house, NAME, "home.example.").await).1,
        ["192.0.2.99"]
    );
    assert_eq!(
        told(&ask(&house, NAME, "open.oneplus.net.").await).1,
        ["0.0.0.0"]
    );
}

#[tokio::test]
async fn what_came_padded_is_answered_padded_and_only_where_it_is_encrypted() {
    let house = house("").await;
    let mut message = question("open.oneplus.net.", RecordType::A);
    let edns = message.edns.as_mut().unwrap();
    edns.options_mut()
        .insert(EdnsOption::Unknown(12, vec![0; 40]));
    let message = message.to_vec().unwrap();
    let tls = trusting(&house, b"dot");
    let address = house.app.encrypted().dot[0];
    let mut stream = connect(address, NAME, &tls).await.unwrap();
    write_frame(&mut stream, &message).await;
    assert_eq!(stream.read_u16().await.unwrap(), 468);
    let mut plain = house.connect().await;
    write_frame(&mut plain, &message).await;
    assert_eq!(padding(&read_frame(&mut plain).await), None);
    assert_eq!(padding(&ask(&house, NAME, "open.oneplus.net.").await), None);
}

#[tokio::test]
async fn a_query_that_waits_holds_up_no_other_on_its_connection() {
    let house = house("").await;
    let tls = trusting(&house, b"dot");
    let address = house.app.encrypted().dot[0];
    let mut stream = connect(address, NAME, &tls).await.unwrap();
    let started = Instant::now();
    for (id, name) in [(1, "slow.example."), (2, "open.oneplus.net.")] {
        let mut message = question(name, RecordType::A);
        message.metadata.id = id;
        write_frame(&mut stream, &message.to_vec().unwrap()).await;
    }
    assert_eq!(read_frame(&mut stream).await.metadata.id, 2);
    assert!(started.elapsed() < SLOW);
    assert_eq!(read_frame(&mut stream).await.metadata.id, 1);
    assert!(started.elapsed() >= SLOW);
}

#[tokio::test]
async fn a_device_says_who_it_is_by_the_name_that_it_asks() {
    let config = "[[device]]\nname = \"Kids' tablet\"\nmatch = \"kids-tablet\"\n\
        [[rule]]\nmatch = \"||games.example^\"\naction = \"block\"\ndevices = [\"Kids' tablet\"]\n";
    let house = house(config).await;
    let tablet = format!("kids-tablet.{NAME}");
    for (server, address) in [(tablet.as_str(), "0.0.0.0"), (NAME, "192.0.2.99")] {
        let answer = ask(&house, server, "games.example.").await;
        assert_eq!(told(&answer).1, [address], "{server}");
    }
    let other = format!("other.{NAME}");
    let answer = ask(&house, &other, "games.example.").await;
    assert_eq!(told(&answer).1, ["192.0.2.99"], "a name that nobody has");
}

#[tokio::test]
async fn a_session_is_taken_up_again() {
    let house = house("").await;
    let tls = trusting(&house, b"dot");
    let address = house.app.encrypted().dot[0];
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(address, NAME, &tls).await.unwrap();
        let message = question("open.oneplus.net.", RecordType::A);
        write_frame(&mut stream, &message.to_vec().unwrap()).await;
        read_frame(&mut stream).await;
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
    }
    let expected = [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn a_new_certificate_is_served_and_open_connections_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_in(folder.path(), "").await;
    let address = house.app.encrypted().dot[0];
    let before = trusting(&house, b"dot");
    let mut old = connect(address, NAME, &before).await.unwrap();
    super::write_certificate(folder.path());
    house.app.reload(&house.config).await;
    let message = question("open.oneplus.net.", RecordType::A);
    let message = message.to_vec().unwrap();
    let after = trusting(&house, b"dot");
    let mut new = connect(address, NAME, &after).await.unwrap();
    for stream in [&mut old, &mut new] {
        write_frame(stream, &message).await;
        assert_eq!(told(&read_frame(stream).await).1, ["0.0.0.0"]);
    }
    let stranger = trusting_file(&folder.path().join("cert.pem"), b"http/1.1");
    let refused = connect(address, NAME, &stranger).await;
    assert!(refused.is_err(), "another protocol is none of this port's");
}

#[tokio::test]
async fn without_a_certificate_one_is_made_and_served_again_after_a_restart() {
    let config = "[dns.tls]\ndot = \"127.0.0.1:0\"\ndoh = []\ndoh3 = []\ndoq = []\n";
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with(stub, config).await;
    let tls = trusting_file(&house.folder().join("certificate.pem"), b"dot");
    let house = house.restart(config).await;
    let address = house.app.encrypted().dot[0];
    let mut stream = connect(address, "localhost", &tls).await.unwrap();
    let message = question("home.example.", RecordType::A).to_vec().unwrap();
    write_frame(&mut stream, &message).await;
    assert_eq!(told(&read_frame(&mut stream).await).1, ["192.0.2.99"]);
}

#[tokio::test]
async fn what_is_no_tls_harms_nobody() {
    let house = house("").await;
    let address = house.app.encrypted().dot[0];
    let plain = question("home.example.", RecordType::A).to_vec().unwrap();
    let noise: Vec<u8> = (0..4096_u32)
        .map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    for junk in [plain, noise, b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        write_frame(&mut stream, &junk).await;
        let mut rest = Vec::new();
        // An alert, then the end; or a reset.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.len() < 100);
    }
    let tls = trusting(&house, b"dot");
    let mut stream = connect(address, NAME, &tls).await.unwrap();
    stream
        .write_all(&[0, 5, 1, 2, 3, 4, 5, 0, 0])
        .await
        .unwrap();
    let message = question("open.oneplus.net.", RecordType::A)
        .to_vec()
        .unwrap();
    write_frame(&mut stream, &message).await;
    assert_eq!(told(&read_frame(&mut stream).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn kdig_asks_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_in(folder.path(), "").await;
    let port = house.app.encrypted().dot[0].port().to_string();
    let authority = format!("+tls-ca={}", folder.path().join("cert.pem").display());
    let name = format!("+tls-hostname={NAME}");
    let arguments = [
        "@127.0.0.1",
        "-p",
        &port,
        "+tls",
        &authority,
        &name,
        "+padding",
        "home.example.",
        "A",
    ];
    let said = run("kdig", &arguments).await;
    assert!(said.contains("status: NOERROR"), "{said}");
    assert!(said.contains("192.0.2.99"), "{said}");
    assert!(said.contains("PADDING"), "{said}");
}
