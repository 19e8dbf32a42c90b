//! DNS over HTTP/3 (RFC 8484 over RFC 9114).

use std::rc::Rc;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use bytes::{Buf as _, BytesMut};
use h3::error::StreamError;
use h3::server::{RequestResolver, RequestStream};
use h3_quinn::BidiStream;
use tokio::time::timeout;

use super::{Call, NO_ERROR, STREAM};
use crate::dns::doh::exchange::{Exchange, MESSAGE_MAX, Refusal, is_ours, unless_head};
use crate::dns::doh::{HEADERS_MAX, REQUEST};

type Stream = RequestStream<BidiStream<Bytes>, Bytes>;
type Resolver = RequestResolver<h3_quinn::Connection, Bytes>;

impl Call {
    /// Requests are answered in the order in which answers are ready.
    pub(super) async fn talk_http(self: Rc<Self>) {
        let quic = h3_quinn::Connection::new(self.connection.clone());
        let mut builder = h3::server::builder();
        builder.max_field_section_size(HEADERS_MAX.into());
        let Ok(Ok(mut connection)) = timeout(REQUEST, builder.build(quic)).await else {
            return;
        };
        loop {
            let request = tokio::select! {
                biased;
                () = self.connections.stop.cancelled() => break,
                request = connection.accept() => request,
            };
            let Ok(Some(request)) = request else { break };
            let call = Rc::clone(&self);
            self.hands.spawn_local(async move {
                // A request that breaks off leaves nobody to tell.
                let _ = call.respond(request).await;
            });
        }
        // What is asked from now on is told to go elsewhere (RFC 9114 §5.2).
        let _ = timeout(REQUEST, connection.shutdown(0)).await;
        self.hands.close();
        self.hands.wait().await;
        drop(connection);
        self.connection.close(NO_ERROR, b"");
    }

    async fn respond(&self, request: Resolver) -> Result<(), StreamError> {
        let Ok(resolved) = timeout(REQUEST, request.resolve_request()).await else {
            return Ok(());
        };
        let (request, mut stream) = resolved?;
        let (head, ()) = request.into_parts();
        let response = if is_ours(head.uri.path()) {
            let exchange = Exchange {
                desk: &self.connections.desk,
                caller: &self.caller,
            };
            exchange.run(&head, read(&mut stream)).await
        } else {
            Refusal::NoSuchPath.response()
        };
        let (mut parts, body) = response.into_parts();
        let length = HeaderValue::from(body.len());
        parts.headers.insert(header::CONTENT_LENGTH, length);
        let body = unless_head(&head.method, body);
        let response = axum::http::Response::from_parts(parts, ());
        let sending = async {
            stream.send_response(response).await?;
            stream.send_data(body).await?;
            stream.finish().await
        };
        // Who does not read goes without.
        timeout(STREAM, sending).await.unwrap_or(Ok(()))
    }
}

/// The body of a request.
async fn read(stream: &mut Stream) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    let reading = async {
        while let Ok(Some(mut piece)) = stream.recv_data().await {
            if body.len() + piece.remaining() > MESSAGE_MAX {
                return Err(Refusal::TooLong);
            }
            body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
        }
        Ok(())
    };
    timeout(REQUEST, reading)
        .await
        .map_err(|_| Refusal::TooSlow)??;
    Ok(body.freeze())
}
