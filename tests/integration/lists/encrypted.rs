//! Lists over TLS: who is trusted, and what is said of those who are not.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{RootCertStore, ServerConfig};
use squelch::lists::{FetchError, Fetched, Fetcher, Terms, Validators};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::server::answer;
use super::{GOOD, is_public, lookup, terms};
use crate::certificate::Made;

/// A server with a certificate, and who vouches for it.
struct Server {
    port: u16,
    certificate: CertificateDer<'static>,
    _accepting: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(made: Made) -> Self {
        squelch::app::choose_crypto();
        let certificate = made.certificate;
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], made.key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = serve(listener, TlsAcceptor::from(Arc::new(tls)));
        let accepting = TaskTracker::new().spawn(serving);
        Self {
            port,
            certificate,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// Fetches the list from this server, under a name that leads to it.
    async fn fetch(&self, host: &str, is_trusted: bool) -> Result<(Fetched, String), FetchError> {
        let mut roots = RootCertStore::empty();
        if is_trusted {
            roots.add(self.certificate.clone()).unwrap();
        }
        let url = format!("https://{host}:{}/list", self.port)
            .parse()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.part");
        let strict = Terms {
            allow_private: false,
            is_public,
            ..terms()
        };
        let fetched = Fetcher::with_roots(lookup(), roots)
            .fetch(&url, &Validators::default(), &strict, (&file, &|_| {}))
            .await;
        assert_eq!(file.exists(), fetched.is_ok());
        Ok((fetched?, std::fs::read_to_string(file).unwrap()))
    }

    /// What is said of a fetch that fails.
    async fn failure(&self, host: &str, is_trusted: bool) -> String {
        let failure = self.fetch(host, is_trusted).await.unwrap_err();
        failure.to_string().replace(&self.port.to_string(), "PORT")
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        // Whoever does not trust us goes in the middle of the handshake.
        let Ok(mut stream) = acceptor.accept(stream).await else {
            continue;
        };
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream
            .write_all(&answer("200 OK", "", GOOD.as_bytes()))
            .await;
        let _ = stream.shutdown().await;
    }
}

#[tokio::test]
async fn a_list_comes_over_tls() {
    let server = Server::start(Made::good("lists.example")).await;
    let (fetched, text) = server.fetch("lists.example", true).await.unwrap();
    assert_eq!(text, GOOD);
    let Fetched::New(fresh) = fetched else {
        panic!("{fetched:?}");
    };
    assert_eq!(fresh.size, GOOD.len() as u64);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused_and_named() {
    let server = Server::start(Made::good("lists.example")).await;
    assert_eq!(
        server.failure("lists.example", false).await,
        "asking `https://lists.example:PORT/list`: invalid peer certificate: UnknownIssuer"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_named() {
    let server = Server::start(Made::good("lists.example")).await;
    let failure = server.failure("elsewhere.example", true).await;
    assert!(
        failure.contains("certificate not valid for name \"elsewhere.example\""),
        "{failure}"
    );
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused_and_named() {
    let server = Server::start(Made::expired("lists.example")).await;
    let failure = server.failure("lists.example", true).await;
    assert!(failure.contains("certificate expired"), "{failure}");
}
