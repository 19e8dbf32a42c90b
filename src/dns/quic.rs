//! DNS over QUIC (RFC 9250), and the connections that HTTP/3 has in common with it.
//!
//! One thread serves all of QUIC: a connection may move to another address, by which the kernel
//! would choose another thread, which does not know it.

mod h3;

use std::fmt;
use std::net::UdpSocket;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::{Connection, Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Sender;
use super::certificate::Certificates;
use super::places::Place;
use super::read;
use super::stream::Caller;
use super::tcp::Connections;
use super::tls::{Encryption, HANDSHAKE};
use crate::query::Transport;

/// RFC 9250 §4.3: what a connection or a stream is closed with.
const NO_ERROR: VarInt = VarInt::from_u32(0);
const INTERNAL_ERROR: VarInt = VarInt::from_u32(1);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
/// A message and the two bytes of its length.
const STREAM_MAX: usize = 65_537;
/// How long a query may take to come, and an answer to go.
const STREAM: Duration = Duration::from_secs(10);
/// Queries of one connection that may be in hand.
const AT_ONCE: u32 = 100;
/// Bytes of one connection that may wait to be read, and to be taken up by the other side.
const WINDOW: u32 = 256 << 10;
/// How long the end of connections may take to be told.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is spoken over QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    Dns,
    Http,
}

/// What the listeners of one address serve with.
#[derive(Clone)]
pub(super) struct Quic {
    speaks: Speaks,
    config: quinn::ServerConfig,
    certificates: Arc<Certificates>,
}

impl fmt::Debug for Quic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Quic").field(&self.speaks).finish()
    }
}

impl Encryption {
    pub(super) fn quic(&self, speaks: Speaks) -> Result<Quic, rustls::Error> {
        let protocol: &[u8] = match speaks {
            Speaks::Dns => b"doq",
            Speaks::Http => b"h3",
        };
        let crypto = QuicServerConfig::try_from(self.config(&[protocol])?);
        let crypto = crypto.map_err(|error| rustls::Error::General(error.to_string()))?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = quinn::TransportConfig::default();
        let streams = match speaks {
            // RFC 9250 §4.2: there are none in one direction.
            Speaks::Dns => 0_u32,
            // RFC 9114 §6.2: three for HTTP's own needs, and some that nobody knows.
            Speaks::Http => 8,
        };
        let patience = super::patience(Transport::Quic);
        transport
            .max_concurrent_bidi_streams(AT_ONCE.into())
            .max_concurrent_uni_streams(streams.into())
            .receive_window(WINDOW.into())
            .send_window(WINDOW.into())
            .max_idle_timeout(patience.try_into().ok());
        config.transport_config(Arc::new(transport));
        Ok(Quic {
            speaks,
            config,
            certificates: self.certificates(),
        })
    }
}

/// One connection, and its queries in hand.
struct Call {
    connections: Connections,
    connection: Connection,
    caller: Caller,
    hands: TaskTracker,
}

impl Connections {
    /// Answers what comes over QUIC on this socket.
    pub(super) async fn serve_quic(self, socket: UdpSocket, quic: Quic) {
        let (own, config) = (EndpointConfig::default(), Some(quic.config.clone()));
        let endpoint = match Endpoint::new(own, config, socket, Arc::new(TokioRuntime)) {
            Ok(endpoint) => endpoint,
            Err(error) => return tracing::error!(%error, "a socket could not be used for QUIC"),
        };
        let calls = TaskTracker::new();
        loop {
            let incoming = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                incoming = endpoint.accept() => incoming,
            };
            let Some(incoming) = incoming else { break };
            let address = incoming.remote_address();
            // Anybody can write any address on a packet: where places are scarce it has to be shown.
            if self.places.are_scarce() && incoming.may_retry() {
                // It fails for those that have shown it.
                let _ = incoming.retry();
            } else if let Some(place) = self.places.take(address.ip()) {
                let call = self.clone().take_call(incoming, quic.clone(), place);
                calls.spawn_local(call);
            } else {
                incoming.refuse();
            }
        }
        calls.close();
        calls.wait().await;
        let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
    }

    async fn take_call(self, incoming: Incoming, quic: Quic, place: Place) {
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return,
            shaken = timeout(HANDSHAKE, incoming.into_future()) => shaken,
        };
        let Ok(Ok(connection)) = shaken else { return };
        let name = connection
            .handshake_data()
            .and_then(|data| data.downcast::<HandshakeData>().ok())
            .and_then(|data| data.server_name);
        let transport = match quic.speaks {
            Speaks::Dns => Transport::Quic,
            Speaks::Http => Transport::H3,
        };
        let call = Call {
            caller: Caller {
                source: connection.remote_address(),
                transport,
                device: name.and_then(|name| quic.certificates.device_in(&name)),
            },
            connections: self,
            connection,
            hands: TaskTracker::new(),
        };
        match quic.speaks {
            Speaks::Dns => Rc::new(call).talk_dns().await,
            Speaks::Http => Rc::new(call).talk_http().await,
        }
        drop(place);
    }
}

impl Call {
    /// A stream for each query, answered in the order in which answers are ready.
    async fn talk_dns(self: Rc<Self>) {
        loop {
            let stream = tokio::select! {
                biased;
                () = self.connections.stop.cancelled() => break,
                stream = self.connection.accept_bi() => stream,
            };
            let Ok((send, receive)) = stream else { break };
            let call = Rc::clone(&self);
            self.hands
                .spawn_local(async move { call.answer(send, receive).await });
        }
        self.hands.close();
        self.hands.wait().await;
        self.connection.close(NO_ERROR, b"");
    }

    async fn answer(&self, mut send: quinn::SendStream, mut receive: quinn::RecvStream) {
        let query = match timeout(STREAM, receive.read_to_end(STREAM_MAX)).await {
            Ok(Ok(query)) => query,
            Ok(Err(quinn::ReadToEndError::TooLong)) => return self.end(),
            // The device thought better of it, or takes too long.
            Ok(Err(quinn::ReadToEndError::Read(_))) | Err(_) => return,
        };
        // RFC 9250 §4.3.3: the idle time of TCP has no place here, either.
        let message = only_message(&query).filter(|message| !read::has_keepalive(message));
        let Some(message) = message else {
            return self.end();
        };
        let sender = Sender {
            source: self.caller.source,
            transport: self.caller.transport,
            device: self.caller.device.as_deref(),
        };
        let Some(answer) = self.connections.desk.answer(message, sender).await else {
            // It fails where the stream is gone.
            let _ = send.reset(INTERNAL_ERROR);
            return;
        };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let framed = [&length.to_be_bytes(), &answer[..]].concat();
        let sending = async {
            send.write_all(&framed).await.ok()?;
            send.finish().ok()?;
            // Until all has arrived: closing the connection would cut it off.
            send.stopped().await.ok()
        };
        // Who does not read goes without.
        let _ = timeout(STREAM, sending).await;
    }

    /// The other side does not speak this protocol.
    fn end(&self) {
        self.connection.close(PROTOCOL_ERROR, b"");
    }
}

/// RFC 9250 §4.2, §4.2.1: one message with its length before it, whose id is 0, and no more.
fn only_message(stream: &[u8]) -> Option<&[u8]> {
    let (length, message) = stream.split_first_chunk()?;
    let is_whole = usize::from(u16::from_be_bytes(*length)) == message.len();
    (is_whole && message.starts_with(&[0, 0])).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_one_whole_message_with_the_id_0() {
        let good = [0, 3, 0, 0, 7];
        assert_eq!(only_message(&good), Some(&good[2..]));
        for wrong in [
            &[][..],
            &[0],
            &[0, 0],
            &[0, 4, 0, 0, 7],
            &[0, 2, 0, 0, 7],
            &[0, 3, 0, 1, 7],
        ] {
            assert_eq!(only_message(wrong), None, "{wrong:?}");
        }
    }
}
