//! DNS over QUIC, and over HTTP/3.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode};
use bytes::Buf as _;
use hickory_proto::op::{Edns, Message};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{NAME, SLOW, house, run, trusting};
use crate::house::{House, question, told};

const BLOCKED: &str = "open.oneplus.net.";
/// RFC 9250 §8.4: `DOQ_PROTOCOL_ERROR`.
const PROTOCOL_ERROR: u32 = 2;

fn bytes(name: &str) -> Vec<u8> {
    let mut message = question(name, RecordType::A);
    message.metadata.id = 0;
    message.to_vec().unwrap()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    [&length, message].concat()
}

/// A connection to the server by this name.
async fn connect_to(
    house: &House,
    (address, server): (SocketAddr, &str),
    protocol: &[u8],
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let tls = trusting(house, protocol);
    let crypto = QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint.connect(address, server).unwrap().await
}

async fn doq(house: &House) -> quinn::Connection {
    let address = house.app.encrypted().doq[0];
    connect_to(house, (address, NAME), b"doq").await.unwrap()
}

/// Sends bytes on a stream of their own, and gives what comes back.
async fn send(connection: &quinn::Connection, bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut send, mut receive) = connection.open_bi().await.ok()?;
    send.write_all(bytes).await.ok()?;
    send.finish().ok()?;
    receive.read_to_end(70_000).await.ok()
}

async fn ask(connection: &quinn::Connection, name: &str) -> Message {
    let answer = send(connection, &framed(&bytes(name))).await.unwrap();
    let (length, message) = answer.split_first_chunk().unwrap();
    assert_eq!(usize::from(u16::from_be_bytes(*length)), message.len());
    Message::from_vec(message).unwrap()
}

#[tokio::test]
async fn the_same_is_answered_over_quic() {
    let house = house("").await;
    let connection = doq(&house).await;
    let answer = ask(&connection, "home.example.").await;
    assert_eq!(told(&answer).1, ["192.0.2.99"]);
    assert_eq!(told(&ask(&connection, BLOCKED).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn a_query_that_waits_holds_up_no_other_on_its_connection() {
    let house = house("").await;
    let connection = doq(&house).await;
    let started = Instant::now();
    let slow = async {
        ask(&connection, "slow.example.").await;
        started.elapsed()
    };
    let quick = async {
        ask(&connection, BLOCKED).await;
        started.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(quick < SLOW && slow >= SLOW, "{quick:?} {slow:?}");
}

#[tokio::test]
async fn hundreds_of_queries_share_a_connection() {
    let house = house("").await;
    let connection = doq(&house).await;
    let mut queries = JoinSet::new();
    for number in 0..300 {
        let connection = connection.clone();
        queries.spawn(async move { ask(&connection, &format!("n{number}.example.")).await });
    }
    while let Some(answer) = queries.join_next().await {
        assert_eq!(told(&answer.unwrap()).1, ["192.0.2.99"]);
    }
}

#[tokio::test]
async fn a_device_says_who_it_is_by_the_name_that_it_asks() {
    let config = "[[device]]\nname = \"Kids' tablet\"\nmatch = \"kids-tablet\"\n\
        [[rule]]\nmatch = \"||games.example^\"\naction = \"block\"\ndevices = [\"Kids' tablet\"]\n";
    let house = house(config).await;
    let address = house.app.encrypted().doq[0];
    let tablet = format!("kids-tablet.{NAME}");
    for (server, expected) in [(tablet.as_str(), "0.0.0.0"), (NAME, "192.0.2.99")] {
        let connection = connect_to(&house, (address, server), b"doq").await.unwrap();
        let answer = ask(&connection, "games.example.").await;
        assert_eq!(told(&answer).1, [expected], "{server}");
    }
}

#[tokio::test]
async fn who_does_not_speak_the_protocol_is_hung_up_on_and_others_go_on() {
    let house = house("").await;
    let good = doq(&house).await;
    let mut with_id = bytes(BLOCKED);
    with_id[1] = 7;
    let query = bytes(BLOCKED);
    let mut with_keepalive = question(BLOCKED, RecordType::A);
    with_keepalive.metadata.id = 0;
    let mut edns = Edns::new();
    let keepalive = EdnsOption::Unknown(11, Vec::new());
    edns.options_mut().insert(keepalive);
    with_keepalive.edns = Some(edns);
    let wrong = [
        framed(&with_id),
        framed(&with_keepalive.to_vec().unwrap()),
        [framed(&query), framed(&query)].concat(),
        framed(&query)[..10].to_vec(),
        query.clone(),
        Vec::new(),
        vec![0xff; 70_000],
    ];
    for wrong in wrong {
        let connection = doq(&house).await;
        assert_eq!(send(&connection, &wrong).await, None);
        match connection.closed().await {
            quinn::ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code, PROTOCOL_ERROR.into());
            }
            other => panic!("{other}"),
        }
    }
    // An answer is no question: that stream alone ends.
    let mut answer = query.clone();
    answer[2] |= 0x80;
    assert_eq!(send(&good, &framed(&answer)).await, None);
    assert_eq!(told(&ask(&good, BLOCKED).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let house = house("").await;
    let encrypted = house.app.encrypted();
    for (address, protocol) in [(encrypted.doq[0], &b"h3"[..]), (encrypted.doh3[0], b"doq")] {
        let refused = connect_to(&house, (address, NAME), protocol).await;
        assert!(refused.is_err());
    }
}

#[tokio::test]
async fn idle_connections_with_open_streams_do_not_stop_others() {
    let house = house("").await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let connection = doq(&house).await;
        for _ in 0..5 {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(&[0]).await.unwrap();
            idle.push((connection.clone(), send, receive));
        }
    }
    assert_eq!(told(&ask(&doq(&house).await, BLOCKED).await).1, ["0.0.0.0"]);
}

type Client = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;

async fn http3(house: &House) -> (Client, JoinSet<()>) {
    let address = house.app.encrypted().doh3[0];
    let quic = connect_to(house, (address, NAME), b"h3").await.unwrap();
    let (mut connection, client) = h3::client::new(h3_quinn::Connection::new(quic))
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = std::future::poll_fn(|context| connection.poll_close(context)).await;
    });
    (client, tasks)
}

async fn request(
    client: &mut Client,
    (method, path): (Method, &str),
    body: Option<Vec<u8>>,
) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method(method)
        .uri(format!("https://{NAME}{path}"))
        .header("content-type", "application/dns-message")
        .body(())
        .unwrap();
    let mut stream = client.send_request(request).await.unwrap();
    if let Some(body) = body {
        stream.send_data(body.into()).await.unwrap();
    }
    stream.finish().await.unwrap();
    let response = stream.recv_response().await.unwrap();
    let mut body = Vec::new();
    while let Some(mut piece) = stream.recv_data().await.unwrap() {
        body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    (response.status(), body)
}

async fn post(client: &mut Client, name: &str) -> Message {
    let (status, body) = request(client, (Method::POST, "/dns-query"), Some(bytes(name))).await;
    assert_eq!(status, StatusCode::OK);
    Message::from_vec(&body).unwrap()
}

#[tokio::test]
async fn get_and_post_are_answered_over_http3() {
    let house = house("").await;
    let (mut client, _tasks) = http3(&house).await;
    let answer = post(&mut client, "home.example.").await;
    assert_eq!(told(&answer).1, ["192.0.2.99"]);
    let text = data_encoding::BASE64URL_NOPAD.encode(&bytes(BLOCKED));
    let path = format!("/dns-query/tablet?dns={text}");
    let (status, body) = request(&mut client, (Method::GET, &path), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told(&Message::from_vec(&body).unwrap()).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn wrong_requests_over_http3_are_told_what_is_wrong() {
    let house = house("").await;
    let (mut client, _tasks) = http3(&house).await;
    let cases = [
        (Method::GET, "/dns-query", None, 400),
        (Method::PUT, "/dns-query", None, 405),
        (Method::GET, "/", None, 404),
        (Method::POST, "/dns-query", Some(Vec::new()), 400),
        (Method::POST, "/dns-query", Some(vec![0; 70_000]), 413),
    ];
    for (method, path, body, status) in cases {
        let case = format!("{method} {path} {status}");
        let (told, _) = request(&mut client, (method, path), body).await;
        assert_eq!(told.as_u16(), status, "{case}");
    }
    assert_eq!(told(&post(&mut client, BLOCKED).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn a_request_that_waits_holds_up_no_other_over_http3() {
    let house = house("").await;
    let (client, _tasks) = http3(&house).await;
    let started = Instant::now();
    let (mut one, mut other) = (client.clone(), client);
    let slow = async {
        post(&mut one, "slow.example.").await;
        started.elapsed()
    };
    let quick = async {
        post(&mut other, BLOCKED).await;
        started.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(quick < SLOW && slow >= SLOW, "{quick:?} {slow:?}");
}

#[tokio::test]
async fn hundreds_of_requests_share_a_connection_over_http3() {
    let house = house("").await;
    let (client, _tasks) = http3(&house).await;
    let mut requests = JoinSet::new();
    for number in 0..300 {
        let mut client = client.clone();
        requests.spawn(async move { post(&mut client, &format!("n{number}.example.")).await });
    }
    while let Some(answer) = requests.join_next().await {
        assert_eq!(told(&answer.unwrap()).1, ["192.0.2.99"]);
    }
}

#[tokio::test]
async fn kdig_asks_over_quic_where_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let house = super::house_in(folder.path(), "").await;
    let port = house.app.encrypted().doq[0].port().to_string();
    let authority = format!("+tls-ca={}", folder.path().join("cert.pem").display());
    let name = format!("+tls-hostname={NAME}");
    let arguments = [
        "@127.0.0.1",
        "-p",
        &port,
        "+quic",
        &authority,
        &name,
        BLOCKED,
    ];
    let said = run("kdig", &[&arguments[..], &["+time=1", "+retry=0"]].concat()).await;
    // Some are built without it, as that of Debian 12, and ask over UDP or TCP, where nobody
    // answers them.
    if said.contains("(UDP)") || said.contains("(TCP)") {
        assert!(!said.contains("status:"), "{said}");
        return;
    }
    assert!(said.contains("status: NOERROR"), "{said}");
    assert!(said.contains("0.0.0.0"), "{said}");
}
