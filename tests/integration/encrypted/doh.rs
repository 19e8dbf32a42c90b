//! DNS over HTTPS, over HTTP/2 and HTTP/1.1, and the dashboard beside it.

use std::fs;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::Request;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{NAME, SLOW, connect, house, house_in, run, trusting};
use crate::house::{House, question, told};

const BLOCKED: &str = "open.oneplus.net.";

fn bytes(name: &str) -> Vec<u8> {
    let mut message = question(name, RecordType::A);
    // RFC 8484 §4.1: so that caches see the same question.
    message.metadata.id = 0;
    message.to_vec().unwrap()
}

fn in_path(name: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&bytes(name))
}

fn address(house: &House) -> SocketAddr {
    house.app.encrypted().doh[0]
}

/// A response over HTTP/1.1.
struct Response {
    status: u16,
    /// In lower case.
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn message(&self) -> Message {
        assert_eq!(self.status, 200, "{}", self.head);
        assert!(
            self.head.contains("content-type: application/dns-message"),
            "{}",
            self.head
        );
        Message::from_vec(&self.body).unwrap()
    }
}

/// Sends a request over HTTP/1.1, on a connection of its own.
async fn send(house: &House, head: &str, body: &[u8]) -> Response {
    let tls = trusting(house, b"http/1.1");
    let mut stream = connect(address(house), NAME, &tls).await.unwrap();
    let head = format!("{head}\r\nhost: {NAME}\r\nconnection: close\r\n\r\n");
    let request = [head.as_bytes(), body].concat();
    stream.write_all(&request).await.unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
    Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: all[end + 4..].to_vec(),
    }
}

async fn get(house: &House, path: &str, name: &str) -> Response {
    let head = format!("GET {path}?dns={} HTTP/1.1", in_path(name));
    send(house, &head, b"").await
}

async fn post(house: &House, kind: &str, body: &[u8]) -> Response {
    let length = body.len();
    let head =
        format!("POST /dns-query HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {length}");
    send(house, &head, body).await
}

#[tokio::test]
async fn get_and_post_are_answered_and_kept_for_as_long_as_the_records() {
    let house = house("").await;
    for response in [
        get(&house, "/dns-query", "home.example.").await,
        post(&house, "application/dns-message", &bytes("home.example.")).await,
    ] {
        assert_eq!(told(&response.message()).1, ["192.0.2.99"]);
        let age = response.head.split("max-age=").nth(1).unwrap();
        let age: String = age.chars().take_while(char::is_ascii_digit).collect();
        assert!((290..=300).contains(&age.parse::<u32>().unwrap()), "{age}");
    }
    let blocked = get(&house, "/dns-query", BLOCKED).await;
    assert_eq!(told(&blocked.message()).1, ["0.0.0.0"]);
    assert!(blocked.head.contains("max-age=10"), "{}", blocked.head);
}

#[tokio::test]
async fn an_error_of_dns_is_none_of_http() {
    let house = house("").await;
    let mut two_questions = bytes("home.example.");
    two_questions[5] = 2;
    let response = post(&house, "application/dns-message", &two_questions).await;
    let message = response.message();
    assert_eq!(message.metadata.response_code, ResponseCode::FormErr);
    assert!(response.head.contains("max-age=0"), "{}", response.head);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let house = house("").await;
    let heads = [
        ("GET /dns-query HTTP/1.1", 400),
        ("GET /dns-query?dns= HTTP/1.1", 400),
        ("GET /dns-query?dns=%21%21 HTTP/1.1", 400),
        ("GET /dns-query?dns=AAAA HTTP/1.1", 400),
        ("GET /dns-query?name=home.example HTTP/1.1", 400),
        ("PUT /dns-query HTTP/1.1", 405),
        ("DELETE /dns-query/tablet HTTP/1.1", 405),
        ("GET / HTTP/1.1", 404),
        ("GET /api/v1/status HTTP/1.1", 404),
        ("GET /dns-query/a/b HTTP/1.1", 404),
        ("GET /../../etc/passwd HTTP/1.1", 404),
    ];
    for (head, status) in heads {
        let response = send(&house, head, b"").await;
        assert_eq!(response.status, status, "{head}");
        let is_told = response.head.contains("allow: get, post");
        assert_eq!(is_told, status == 405, "{head}: {}", response.head);
    }
    let good = bytes("home.example.");
    for kind in ["text/plain", "", "application/dns-json"] {
        assert_eq!(post(&house, kind, &good).await.status, 415, "{kind}");
    }
    let kind = "application/dns-message";
    assert_eq!(post(&house, kind, b"").await.status, 400);
    assert_eq!(post(&house, kind, &good[..11]).await.status, 400);
    let long = format!("POST /dns-query HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: 65536");
    assert_eq!(send(&house, &long, b"").await.status, 413);
    let kind = "Application/DNS-Message; charset=x";
    assert_eq!(post(&house, kind, &good).await.status, 200);
    assert!(house.stub.seen().len() <= 1);
}

#[tokio::test]
async fn a_device_says_who_it_is_in_the_path() {
    let config = "[[device]]\nname = \"Kids' tablet\"\nmatch = \"kids-tablet\"\n\
        [[rule]]\nmatch = \"||games.example^\"\naction = \"block\"\ndevices = [\"Kids' tablet\"]\n";
    let house = house(config).await;
    for (path, expected) in [
        ("/dns-query/Kids-Tablet", "0.0.0.0"),
        ("/dns-query/other", "192.0.2.99"),
        ("/dns-query/", "192.0.2.99"),
    ] {
        let response = get(&house, path, "games.example.").await;
        assert_eq!(told(&response.message()).1, [expected], "{path}");
    }
}

type Client = h2::client::SendRequest<Bytes>;

/// A connection over HTTP/2.
async fn http2(house: &House) -> (Client, JoinSet<()>) {
    let tls = trusting(house, b"h2");
    let stream = connect(address(house), NAME, &tls).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    (client, tasks)
}

/// Posts a question over HTTP/2.
async fn ask(client: Client, name: &str) -> Message {
    let request = Request::post(format!("https://{NAME}/dns-query"))
        .header("content-type", "application/dns-message")
        .body(())
        .unwrap();
    let mut client = client.ready().await.unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    body.send_data(bytes(name).into(), true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let mut message = Vec::new();
    while let Some(piece) = body.data().await {
        message.extend_from_slice(&piece.unwrap());
    }
    Message::from_vec(&message).unwrap()
}

#[tokio::test]
async fn a_request_that_waits_holds_up_no_other_on_its_connection() {
    let house = house("").await;
    let (client, _tasks) = http2(&house).await;
    let started = Instant::now();
    let slow = async {
        ask(client.clone(), "slow.example.").await;
        started.elapsed()
    };
    let quick = async {
        ask(client.clone(), BLOCKED).await;
        started.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(quick < SLOW && slow >= SLOW, "{quick:?} {slow:?}");
}

#[tokio::test]
async fn hundreds_of_requests_share_a_connection() {
    let house = house("").await;
    let (client, _tasks) = http2(&house).await;
    let mut requests = JoinSet::new();
    for number in 0..300 {
        let client = client.clone();
        requests.spawn(async move { ask(client, &format!("n{number}.example.")).await });
    }
    while let Some(answer) = requests.join_next().await {
        assert_eq!(told(&answer.unwrap()).1, ["192.0.2.99"]);
    }
}

#[tokio::test]
async fn junk_harms_nobody() {
    let house = house("").await;
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let tls = trusting(&house, protocol);
        let mut stream = connect(address(&house), NAME, &tls).await.unwrap();
        stream.write_all(&[0xff; 4096]).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.len() < 1000);
    }
    let (client, _tasks) = http2(&house).await;
    assert_eq!(told(&ask(client, BLOCKED).await).1, ["0.0.0.0"]);
}

#[tokio::test]
async fn the_dashboard_shares_port_and_certificate_where_the_address_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    super::write_certificate(folder.path());
    let stub = crate::stub::Stub::with_address("192.0.2.99").await;
    let config = format!(
        "[dns.tls]\ncertificate = \"{0}/cert.pem\"\nkey = \"{0}/key.pem\"\n\
         doh = \"127.0.0.1:0\"\ndot = []\ndoh3 = []\ndoq = []\n",
        folder.path().display()
    );
    let house = House::with(stub, &config).await;
    assert_eq!(house.app.web(), [address(&house)]);
    let answer = get(&house, "/dns-query", BLOCKED).await;
    assert_eq!(told(&answer.message()).1, ["0.0.0.0"]);
    let tls = trusting(&house, b"h2");
    let stream = connect(address(&house), NAME, &tls).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    for (host, status) in [("localhost", 200), ("evil.example", 403)] {
        let request = Request::get(format!("https://{host}/api/v1/status"));
        let mut client = client.clone().ready().await.unwrap();
        let request = request.body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        assert_eq!(response.await.unwrap().status(), status, "{host}");
    }
}

#[tokio::test]
async fn curl_gets_and_posts() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_in(folder.path(), "").await;
    let at = |file: &str| folder.path().join(file).display().to_string();
    fs::write(at("query"), bytes(BLOCKED)).unwrap();
    let port = address(&house).port();
    let resolve = format!("{NAME}:{port}:127.0.0.2");
    let url = format!("https://{NAME}:{port}/dns-query");
    let (authority, answer) = (at("cert.pem"), at("answer"));
    let common = [
        "-sS",
        "-D",
        "-",
        "-o",
        &answer,
        "--cacert",
        &authority,
        "--resolve",
        &resolve,
    ];
    let with_get = format!("{url}?dns={}", in_path(BLOCKED));
    let body = format!("@{}", at("query"));
    let kind = "content-type: application/dns-message";
    let with_post = [url.as_str(), "-H", kind, "--data-binary", &body];
    for version in ["--http1.1", "--http2"] {
        for request in [&[with_get.as_str()][..], &with_post] {
            let said = run("curl", &[&common[..], &[version], request].concat()).await;
            assert!(said.contains(" 200"), "{said}");
            assert_eq!(said.contains("HTTP/2"), version == "--http2", "{said}");
            let message = Message::from_vec(&fs::read(&answer).unwrap()).unwrap();
            assert_eq!(told(&message).1, ["0.0.0.0"]);
            fs::remove_file(&answer).unwrap();
        }
    }
}

#[tokio::test]
async fn kdig_asks_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_in(folder.path(), "").await;
    let port = address(&house).port().to_string();
    let authority = format!("+tls-ca={}", folder.path().join("cert.pem").display());
    let name = format!("+tls-hostname={NAME}");
    for how in ["+https", "+https-get"] {
        let arguments = [
            "@127.0.0.2",
            "-p",
            &port,
            "+https",
            how,
            &authority,
            &name,
            BLOCKED,
            "A",
        ];
        let said = run("kdig", &arguments).await;
        assert!(said.contains("status: NOERROR"), "{said}");
        assert!(said.contains("0.0.0.0"), "{said}");
    }
}

#[tokio::test]
async fn a_head_request_is_told_what_is_wrong_without_a_body() {
    let house = house("").await;
    let (client, _tasks) = http2(&house).await;
    for (path, status) in [("/dns-query", 405), ("/elsewhere", 404)] {
        let request = Request::head(format!("https://{NAME}{path}"));
        let mut client = client.clone().ready().await.unwrap();
        let request = request.body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        // Over HTTP/2 a body would break the stream.
        assert!(response.into_body().data().await.is_none());
    }
}
