//! Upstreams over QUIC and HTTP/3.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Response, StatusCode};
use bytes::Buf as _;
use h3::server::Connection;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::CertificateDer;
use squelch::query::Transport;
use squelch::upstream::Failure;
use tokio::task::JoinSet;

use super::encrypted::{NAME, provider, trusting, within};
use super::{LONG, addresses, config_of, query};
use crate::certificate::Made;
use crate::stub::{Asked, Desk, Reaction};

/// How a QUIC upstream talks.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    Quic,
    H3,
}

/// An upstream with a certificate for [`NAME`].
struct Server {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    desk: Desk,
    /// The paths of HTTP requests.
    paths: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Scheme {
    fn url(self, server: &Server, name: &str) -> String {
        match self {
            Self::Quic => format!("quic://{}#{name}", server.address),
            Self::H3 => format!("h3://{}/dns-query/kitchen#{name}", server.address),
        }
    }
}

impl Server {
    fn start(scheme: Scheme, behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static) -> Self {
        Self::with(scheme, Made::good(NAME), behave)
    }

    fn with(
        scheme: Scheme,
        Made { certificate, key }: Made,
        behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let mut tls = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        tls.alpn_protocols = match scheme {
            Scheme::Quic => vec![b"doq".to_vec()],
            Scheme::H3 => vec![b"h3".to_vec()],
        };
        let crypto = QuicServerConfig::try_from(tls).unwrap();
        let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let endpoint = quinn::Endpoint::server(config, ([127, 0, 0, 1], 0).into()).unwrap();
        let address = endpoint.local_addr().unwrap();
        let (desk, paths) = (Desk::new(behave), Arc::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(endpoint, scheme, desk.clone(), Arc::clone(&paths)));
        Self {
            address,
            certificate,
            desk,
            paths,
            _tasks: tasks,
        }
    }
}

async fn listen(
    endpoint: quinn::Endpoint,
    scheme: Scheme,
    desk: Desk,
    paths: Arc<Mutex<Vec<String>>>,
) {
    let mut tasks = JoinSet::new();
    let mut number = 0;
    while let Some(incoming) = endpoint.accept().await {
        let (desk, paths) = (desk.clone(), Arc::clone(&paths));
        tasks.spawn(async move {
            let Ok(connection) = incoming.await else {
                return;
            };
            match scheme {
                Scheme::Quic => speak_quic(connection, number, desk).await,
                Scheme::H3 => speak_http(connection, number, desk, paths).await,
            }
        });
        number += 1;
    }
}

async fn speak_quic(connection: quinn::Connection, number: usize, desk: Desk) {
    let source = connection.remote_address();
    let mut tasks = JoinSet::new();
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let desk = desk.clone();
        tasks.spawn(async move {
            let query = receive.read_to_end(usize::from(u16::MAX)).await.unwrap();
            // RFC 9250 §4.2.1: the id is 0, because the stream tells queries apart.
            assert_eq!(query[2..4], [0, 0]);
            let answer = desk
                .answer(&query[2..], Transport::Tcp, source, number)
                .await;
            let Some(messages) = answer else {
                return drop(send.reset(1_u32.into()));
            };
            for message in messages {
                let len = u16::try_from(message.len()).unwrap().to_be_bytes();
                send.write_all(&[&len, message.as_slice()].concat())
                    .await
                    .unwrap();
            }
            send.finish().unwrap();
        });
    }
}

async fn speak_http(
    connection: quinn::Connection,
    number: usize,
    desk: Desk,
    paths: Arc<Mutex<Vec<String>>>,
) {
    let source = connection.remote_address();
    let connection = h3_quinn::Connection::new(connection);
    let mut connection: Connection<_, Bytes> = Connection::new(connection).await.unwrap();
    let mut tasks = JoinSet::new();
    while let Ok(Some(resolver)) = connection.accept().await {
        let (desk, paths) = (desk.clone(), Arc::clone(&paths));
        tasks.spawn(async move {
            let (request, mut stream) = resolver.resolve_request().await.unwrap();
            paths.lock().unwrap().push(request.uri().path().to_owned());
            let mut query = Vec::new();
            while let Some(mut chunk) = stream.recv_data().await.unwrap() {
                query.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
            }
            let answer = desk.answer(&query, Transport::Tcp, source, number).await;
            let status = match answer {
                Some(_) => StatusCode::OK,
                None => StatusCode::BAD_GATEWAY,
            };
            let response = Response::builder()
                .status(status)
                .header("content-type", "application/dns-message")
                .body(())
                .unwrap();
            stream.send_response(response).await.unwrap();
            let message = answer.unwrap_or_default().concat();
            stream.send_data(message.into()).await.unwrap();
            stream.finish().await.unwrap();
        });
    }
}

#[tokio::test]
async fn an_upstream_answers_many_queries_over_one_connection() {
    for scheme in [Scheme::Quic, Scheme::H3] {
        let server = Server::start(scheme, |asked| asked.with_address("192.0.2.1"));
        let config = config_of(&[scheme.url(&server, NAME)], LONG);
        let upstreams = within(&trusting(&server.certificate), &config);
        for _ in 0..5 {
            let reply = upstreams.ask(&query("home.example")).await.unwrap();
            assert_eq!(addresses(&reply), ["192.0.2.1"], "{scheme:?}");
        }
        let seen = server.desk.seen();
        assert!(seen.iter().all(|asked| asked.connection == 0), "{scheme:?}");
        let is_padded = |asked: &Asked| {
            let edns = asked.message.edns.clone().unwrap();
            edns.option(12.into()).is_some()
        };
        assert!(seen.iter().all(is_padded), "{scheme:?}");
        if matches!(scheme, Scheme::H3) {
            assert_eq!(*server.paths.lock().unwrap(), ["/dns-query/kitchen"; 5]);
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_named() {
    for scheme in [Scheme::Quic, Scheme::H3] {
        let server = Server::start(scheme, |asked| asked.with_address("192.0.2.1"));
        let config = config_of(&[scheme.url(&server, "other.example")], LONG);
        let upstreams = within(&trusting(&server.certificate), &config);
        let error = upstreams.ask(&query("home.example")).await.unwrap_err();
        assert_eq!(error.ede(), 23);
        let text = error.to_string();
        assert!(text.contains("its certificate is refused"), "{text}");
        assert!(text.contains("other.example"), "{text}");
        assert_eq!(server.desk.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused_and_named() {
    for scheme in [Scheme::Quic, Scheme::H3] {
        let behave = |asked: &Asked| asked.with_address("192.0.2.1");
        let server = Server::with(scheme, Made::expired(NAME), behave);
        let config = config_of(&[scheme.url(&server, NAME)], LONG);
        let upstreams = within(&trusting(&server.certificate), &config);
        let error = upstreams.ask(&query("home.example")).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("its certificate is refused"), "{text}");
        assert!(text.contains("expired"), "{text}");
        assert_eq!(server.desk.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    for scheme in [Scheme::Quic, Scheme::H3] {
        let server = Server::start(scheme, |asked| asked.with_address("192.0.2.1"));
        let stranger = Server::start(scheme, |asked| asked.with_address("192.0.2.1"));
        let config = config_of(&[scheme.url(&server, NAME)], LONG);
        let upstreams = within(&trusting(&stranger.certificate), &config);
        let error = upstreams.ask(&query("home.example")).await.unwrap_err();
        let failure = &error.tried[0].failure;
        assert!(matches!(failure, Failure::Certificate(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("its certificate is refused: "), "{text}");
    }
}

#[tokio::test]
async fn streams_that_hang_do_not_hold_up_others() {
    for scheme in [Scheme::Quic, Scheme::H3] {
        let server = Server::start(scheme, |asked| {
            if asked.name.starts_with("hangs") {
                let never = Arc::new(tokio::sync::Notify::new());
                return Reaction::Later(never, Box::new(Reaction::Silence));
            }
            asked.with_address("192.0.2.1")
        });
        let config = config_of(&[scheme.url(&server, NAME)], LONG);
        let upstreams = within(&trusting(&server.certificate), &config);
        let hanging: Vec<_> = (0..150)
            .map(|number| query(&format!("hangs-{number}.example")))
            .collect();
        let flood =
            futures_util::future::join_all(hanging.iter().map(|query| upstreams.ask(query)));
        let quick = async {
            while server.desk.seen().len() < 150 {
                tokio::task::yield_now().await;
            }
            upstreams.ask(&query("home.example")).await.unwrap()
        };
        let quick = std::pin::pin!(quick);
        match futures_util::future::select(std::pin::pin!(flood), quick).await {
            futures_util::future::Either::Left(_) => panic!("the hanging names ended first"),
            futures_util::future::Either::Right((reply, _)) => {
                assert_eq!(addresses(&reply), ["192.0.2.1"], "{scheme:?}");
            }
        }
    }
}
