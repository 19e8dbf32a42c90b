//! Upstreams over TLS and HTTPS, and the names that lead to them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Request, Response, StatusCode};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use squelch::config::{self, Strategy};
use squelch::query::{RecordType, Transport};
use squelch::upstream::{Failure, Shared, Surroundings, Upstreams};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{LONG, addresses, config_of, query};
use crate::stub::{Asked, Desk, Reaction, Stub, serve_stream};

pub const NAME: &str = "dns.example";

/// How a TLS upstream talks.
#[derive(Clone, Copy)]
enum Scheme {
    Tls,
    Https,
}

/// An upstream with a certificate for [`NAME`].
struct Secure {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    desk: Desk,
    /// What each connection asked for by name (SNI).
    names: Arc<Mutex<Vec<Option<String>>>>,
    /// The paths of HTTP requests.
    paths: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Secure {
    async fn start(
        scheme: Scheme,
        behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        if matches!(scheme, Scheme::Https) {
            tls.alpn_protocols = vec![b"h2".to_vec()];
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (desk, names, paths) = (Desk::new(behave), Arc::default(), Arc::default());
        let served = Served {
            scheme,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            desk: desk.clone(),
            names: Arc::clone(&names),
            paths: Arc::clone(&paths),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(served.listen(listener));
        Self {
            address,
            certificate,
            desk,
            names,
            paths,
            _tasks: tasks,
        }
    }

    /// Surroundings in which this upstream's certificate is trusted.
    fn trusted(&self) -> Surroundings {
        trusting(&self.certificate)
    }

    fn names(&self) -> Vec<Option<String>> {
        self.names.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Served {
    scheme: Scheme,
    acceptor: TlsAcceptor,
    desk: Desk,
    names: Arc<Mutex<Vec<Option<String>>>>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Served {
    async fn listen(self, listener: TcpListener) {
        let mut tasks = JoinSet::new();
        let mut connection = 0;
        while let Ok((stream, source)) = listener.accept().await {
            let served = self.clone();
            tasks.spawn(async move {
                let Ok(stream) = served.acceptor.accept(stream).await else {
                    return;
                };
                let name = stream.get_ref().1.server_name().map(str::to_owned);
                served.names.lock().unwrap().push(name);
                match served.scheme {
                    Scheme::Tls => serve_stream(stream, source, connection, served.desk).await,
                    Scheme::Https => served.speak_http(stream, source, connection).await,
                }
            });
            connection += 1;
        }
    }

    async fn speak_http(self, stream: TlsStream<TcpStream>, source: SocketAddr, number: usize) {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            return;
        };
        let mut tasks = JoinSet::new();
        while let Some(Ok((request, respond))) = connection.accept().await {
            self.paths
                .lock()
                .unwrap()
                .push(request.uri().path().to_owned());
            tasks.spawn(respond_to(
                request,
                respond,
                self.desk.clone(),
                source,
                number,
            ));
        }
    }
}

async fn respond_to(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    desk: Desk,
    source: SocketAddr,
    connection: usize,
) {
    let mut body = request.into_body();
    let mut query = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        query.extend_from_slice(&chunk);
    }
    let answer = desk
        .answer(&query, Transport::Tcp, source, connection)
        .await;
    let status = match answer {
        Some(_) => StatusCode::OK,
        None => StatusCode::BAD_GATEWAY,
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/dns-message")
        .body(())
        .unwrap();
    let mut stream = respond.send_response(response, false).unwrap();
    let message = answer.unwrap_or_default().concat();
    stream.send_data(message.into(), true).unwrap();
}

/// Surroundings in which one certificate is trusted.
pub fn trusting(certificate: &CertificateDer<'static>) -> Surroundings {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Surroundings {
        tls,
        bootstrap_port: 53,
    }
}

pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

pub fn within(surroundings: &Surroundings, config: &config::Upstream) -> Upstreams {
    Upstreams::within(surroundings, config, Arc::new(Shared::new(config)))
}

#[tokio::test]
async fn a_tls_upstream_answers_and_learns_its_name() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let config = config_of(&[format!("tls://{}#{NAME}", server.address)], LONG);
    let upstreams = within(&server.trusted(), &config);
    for _ in 0..5 {
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
    }
    assert_eq!(
        server.names(),
        [Some(NAME.to_owned())],
        "one connection, with SNI"
    );
}

#[tokio::test]
async fn an_https_upstream_answers_at_its_path() {
    let server = Secure::start(Scheme::Https, |asked| asked.with_address("192.0.2.1")).await;
    let url = format!("https://{}/dns-query/kitchen#{NAME}", server.address);
    let upstreams = within(&server.trusted(), &config_of(&[url], LONG));
    for _ in 0..5 {
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
    }
    assert_eq!(server.names(), [Some(NAME.to_owned())]);
    assert_eq!(*server.paths.lock().unwrap(), ["/dns-query/kitchen"; 5]);
}

#[tokio::test]
async fn encrypted_queries_are_padded_and_plain_ones_are_not() {
    let padding = |asked: &Asked| {
        let edns = asked.message.edns.clone().unwrap();
        edns.option(12.into()).is_some()
    };
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let plain = Stub::with_address("192.0.2.1").await;
    let tls = format!("tls://{}#{NAME}", server.address);
    for url in [tls, plain.url("udp"), plain.url("tcp")] {
        let upstreams = within(&server.trusted(), &config_of(&[url], LONG));
        upstreams.ask(&query("home.example")).await.unwrap();
    }
    assert!(server.desk.seen().iter().all(padding));
    assert_eq!(
        plain.seen().iter().filter(|asked| padding(asked)).count(),
        0
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_named() {
    for (scheme, kind) in [("tls", Scheme::Tls), ("https", Scheme::Https)] {
        let server = Secure::start(kind, |asked| asked.with_address("192.0.2.1")).await;
        let url = format!("{scheme}://{}#other.example", server.address);
        let upstreams = within(&server.trusted(), &config_of(&[url], LONG));
        let error = upstreams.ask(&query("home.example")).await.unwrap_err();
        assert_eq!(error.ede(), 23);
        let text = error.to_string();
        assert!(text.contains("its certificate is refused"), "{text}");
        assert!(
            text.contains("other.example") && text.contains(NAME),
            "{text}"
        );
        assert_eq!(server.desk.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let config = config_of(&[format!("tls://{}#{NAME}", server.address)], LONG);
    let upstreams = Upstreams::new(&config, Arc::new(Shared::new(&config)));
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert!(
        matches!(error.tried[0].failure, Failure::Certificate(_)),
        "{error}"
    );
}

#[tokio::test]
async fn an_http_error_is_a_failure_that_tells_its_code() {
    let server = Secure::start(Scheme::Https, |_| Reaction::Close).await;
    let url = format!("https://{}/dns-query#{NAME}", server.address);
    let upstreams = within(&server.trusted(), &config_of(&[url], LONG));
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert!(error.to_string().contains("502"), "{error}");
}

#[tokio::test]
async fn a_bad_certificate_brings_the_next_upstream_at_once() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("203.0.113.66")).await;
    let good = Stub::with_address("192.0.2.1").await;
    let url = format!("tls://{}#other.example", server.address);
    let upstreams = within(&server.trusted(), &config_of(&[url, good.url("udp")], LONG));
    let started = tokio::time::Instant::now();
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
    assert!(started.elapsed() < LONG / 4);
}

/// Upstreams behind the name [`NAME`], and the bootstrap server that knows it.
fn named(server: &Secure, bootstrap: &Stub) -> Upstreams {
    let url = format!("tls://{NAME}:{}", server.address.port());
    let config = config::Upstream {
        servers: vec![url.parse().unwrap()],
        bootstrap: vec![IpAddr::from([127, 0, 0, 1])],
        strategy: Strategy::Ordered,
        timeout: LONG,
        ..config::Upstream::default()
    };
    let surroundings = Surroundings {
        bootstrap_port: bootstrap.address.port(),
        ..server.trusted()
    };
    within(&surroundings, &config)
}

#[tokio::test]
async fn a_host_name_is_looked_up_at_the_bootstrap_servers_once() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let bootstrap = Stub::start(|asked| match asked.kind {
        // Nobody listens there: the other family has to do.
        RecordType::AAAA => asked.with_address("::1"),
        _ => asked.with_address("127.0.0.1"),
    })
    .await;
    let upstreams = named(&server, &bootstrap);
    for _ in 0..3 {
        let reply = upstreams.ask(&query("home.example")).await.unwrap();
        assert_eq!(addresses(&reply), ["192.0.2.1"]);
    }
    let mut asked: Vec<_> = bootstrap
        .seen()
        .into_iter()
        .map(|asked| (asked.name, asked.kind))
        .collect();
    asked.sort();
    let name = || NAME.to_owned();
    assert_eq!(asked, [(name(), RecordType::A), (name(), RecordType::AAAA)]);
}

#[tokio::test]
async fn a_host_whose_addresses_all_fail_is_looked_up_again() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let bootstrap = Stub::start(|asked| match (asked.kind, asked.number) {
        (RecordType::A, 0 | 1) => asked.with_address("127.0.0.9"),
        (RecordType::A, _) => asked.with_address("127.0.0.1"),
        _ => Reaction::Records(Vec::new()),
    })
    .await;
    let upstreams = named(&server, &bootstrap);
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert!(
        matches!(error.tried[0].failure, Failure::Unreachable(_)),
        "{error}"
    );
    let reply = upstreams.ask(&query("home.example")).await.unwrap();
    assert_eq!(addresses(&reply), ["192.0.2.1"]);
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_named_in_the_error() {
    let server = Secure::start(Scheme::Tls, |asked| asked.with_address("192.0.2.1")).await;
    let bootstrap =
        Stub::start(|_| Reaction::Code(hickory_proto::op::ResponseCode::NXDomain)).await;
    let upstreams = named(&server, &bootstrap);
    let error = upstreams.ask(&query("home.example")).await.unwrap_err();
    assert!(
        error.to_string().contains("no address of dns.example"),
        "{error}"
    );
    assert_eq!(error.ede(), 22);
}
