//! DNS over TLS (RFC 7858), and the handshake that all of TLS begins with.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::ProducesTickets;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Certificates;
use super::places::Place;
use super::stream::{Caller, Conversation};
use super::tcp::Connections;
use crate::query::Transport;

/// How long a device may take to agree on how to encrypt.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// What encrypted listeners serve with; all threads share it.
#[derive(Clone)]
pub struct Encryption {
    certificates: Arc<Certificates>,
    /// By these a device takes up an earlier session (RFC 8446 §2.2), on any thread.
    tickets: Arc<dyn ProducesTickets>,
}

impl Encryption {
    /// Encryption under this certificate.
    pub fn new(certificates: Arc<Certificates>) -> Result<Self, rustls::Error> {
        Ok(Self {
            certificates,
            tickets: rustls::crypto::ring::Ticketer::new()?,
        })
    }

    pub(super) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// The config for one protocol above TLS; RFC 7858 §3.2 and the others name it by ALPN.
    pub(super) fn config(&self, protocols: &[&[u8]]) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // RFC 9325 §3.1.1: TLS 1.2 and 1.3.
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.certificates) as _);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        config.ticketer = Arc::clone(&self.tickets);
        Ok(config)
    }

    /// What the listeners of this kind need.
    pub(super) fn secure(&self, protocols: &[&[u8]]) -> Result<Secure, rustls::Error> {
        Ok(Secure {
            certificates: Arc::clone(&self.certificates),
            acceptor: TlsAcceptor::from(Arc::new(self.config(protocols)?)),
        })
    }
}

/// Turns connections into encrypted ones.
#[derive(Clone)]
pub(super) struct Secure {
    certificates: Arc<Certificates>,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secure").field(&self.certificates).finish()
    }
}

impl Secure {
    /// The encrypted connection, and the device that named itself in doing so.
    pub(super) async fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<String>)> {
        let stream = timeout(HANDSHAKE, self.acceptor.accept(stream)).await;
        let stream = stream.ok()?.ok()?;
        let name = stream.get_ref().1.server_name();
        let device = name.and_then(|name| self.certificates.device_in(name));
        Some((stream, device))
    }
}

impl Connections {
    /// Answers DNS over TLS on what comes.
    pub(super) async fn serve_tls(self, listener: std::net::TcpListener, secure: Secure) {
        let talk = |connections: &Self, stream, source, place| {
            connections.talk_tls(&secure, (stream, source), place);
        };
        self.accept(listener, talk).await;
    }

    fn talk_tls(&self, secure: &Secure, (stream, source): (TcpStream, SocketAddr), place: Place) {
        let (secure, connections) = (secure.clone(), self.clone());
        self.tasks.spawn_local(async move {
            let stop = connections.stop;
            let shaken = tokio::select! {
                () = stop.cancelled() => None,
                shaken = secure.shake_hands(stream) => shaken,
            };
            if let Some((stream, device)) = shaken {
                let caller = Caller {
                    source,
                    transport: Transport::Tls,
                    device,
                };
                let desk = Rc::clone(&connections.desk);
                let conversation = Conversation::new(stream, caller, desk, connections.tasks);
                conversation.run(stop, place).await;
            }
        });
    }
}
