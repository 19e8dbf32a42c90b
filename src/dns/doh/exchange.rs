//! One question over HTTP (RFC 8484): what a request asks for, and what its response is.

use std::future::Future;

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use data_encoding::BASE64URL_NOPAD;

use crate::dns::read::skip_name;
use crate::dns::stream::Caller;
use crate::dns::{Desk, Outcome, Sender};
use crate::pipeline::{Arrival, Pending};
use crate::query::{AnswerBuf, Query};

/// No DNS message is longer.
pub(in crate::dns) const MESSAGE_MAX: usize = 65_535;
const PATH: &str = "/dns-query";
const CONTENT_TYPE: &str = "application/dns-message";

/// The body of a response: a HEAD has none (RFC 9110 §9.3.2), and over HTTP/2 one would be an error.
pub(in crate::dns) fn unless_head(method: &Method, body: Bytes) -> Bytes {
    if *method == Method::HEAD {
        Bytes::new()
    } else {
        body
    }
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dns) enum Refusal {
    NoSuchPath,
    NoQuestion,
    NoMessage,
    Method,
    TooSlow,
    TooLong,
    ContentType,
}

impl Refusal {
    fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "DNS is answered at /dns-query"),
            Self::NoQuestion => (
                StatusCode::BAD_REQUEST,
                "?dns= has to be a DNS message in base64url without padding (RFC 8484, section 4.1)",
            ),
            Self::NoMessage => (StatusCode::BAD_REQUEST, "this is no DNS query"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "ask with GET or POST"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the question did not come"),
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "a DNS message has 65535 bytes at most",
            ),
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the content type has to be application/dns-message",
            ),
        }
    }

    pub(in crate::dns) fn response(self) -> Response<Bytes> {
        let (status, text) = self.told();
        let mut response = Response::new(Bytes::from_static(text.as_bytes()));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, plain);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self == Self::Method {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }
}

/// Whether DNS is answered at this path.
pub(in crate::dns) fn is_ours(path: &str) -> bool {
    path == PATH || device(path).is_some()
}

/// The device that a path names: `/dns-query/DEVICE`.
fn device(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PATH)?.strip_prefix('/')?;
    (!rest.contains('/')).then_some(rest)
}

/// What becomes of a question at once.
pub(in crate::dns) enum Turn {
    /// This is the response.
    Done(Response<Bytes>),
    /// It has to wait for an upstream: call [`Exchange::wait`].
    Wait(Box<(Query, Pending)>),
}

/// Who asks, and who answers.
pub(in crate::dns) struct Exchange<'a> {
    pub desk: &'a Desk,
    pub caller: &'a Caller,
}

impl Exchange<'_> {
    /// Answers a request; its body is awaited where the question is in it.
    pub(in crate::dns) async fn run(
        &self,
        head: &Parts,
        body: impl Future<Output = Result<Bytes, Refusal>>,
    ) -> Response<Bytes> {
        let message = match in_path(head) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => body.await,
            Err(refusal) => Err(refusal),
        };
        let mut out = AnswerBuf::default();
        match message.map(|message| self.begin(head, &message, &mut out)) {
            Ok(Turn::Done(response)) => response,
            Ok(Turn::Wait(waiting)) => self.wait(waiting).await,
            Err(refusal) => refusal.response(),
        }
    }

    /// Answers the question of a request, if that can be done at once.
    pub(in crate::dns) fn begin(&self, head: &Parts, message: &[u8], out: &mut AnswerBuf) -> Turn {
        // Who says its name in the path means it.
        let named = device(head.uri.path()).filter(|name| !name.is_empty());
        let named = named.map(str::to_ascii_lowercase);
        let sender = Sender {
            source: self.caller.source,
            transport: self.caller.transport,
            device: named.as_deref().or(self.caller.device.as_deref()),
        };
        match self.desk.take(message, (sender, Arrival::now()), out) {
            Outcome::Silence => out.clear(),
            Outcome::Answered => {}
            Outcome::Wait(query, pending) => return Turn::Wait(Box::new((query, pending))),
        }
        Turn::Done(response(out))
    }

    /// Answers a question that has to wait, however long that takes.
    pub(in crate::dns) async fn wait(&self, waiting: Box<(Query, Pending)>) -> Response<Bytes> {
        let (query, pending) = &*waiting;
        let mut out = AnswerBuf::default();
        // Few wait, and what that takes is large: it would be moved with every request.
        Box::pin(self.desk.pipeline.answer(query, *pending, &mut out)).await;
        response(&out)
    }
}

impl Desk {
    /// Answers a packet, however long that takes; nothing where it gets no answer.
    pub(in crate::dns) async fn answer(&self, message: &[u8], sender: Sender<'_>) -> Option<Bytes> {
        let mut out = AnswerBuf::default();
        match self.take(message, (sender, Arrival::now()), &mut out) {
            Outcome::Silence => out.clear(),
            Outcome::Answered => {}
            Outcome::Wait(query, pending) => {
                // Few wait, and what that takes is large: it would be moved with every question.
                Box::pin(self.pipeline.answer(&query, pending, &mut out)).await;
            }
        }
        let answer = out.as_slice();
        (!answer.is_empty()).then(|| Bytes::copy_from_slice(answer))
    }
}

/// The question of a GET; none where it is in the body.
pub(in crate::dns) fn in_path(head: &Parts) -> Result<Option<Bytes>, Refusal> {
    if head.method == Method::POST {
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let is_ours = essence.eq_ignore_ascii_case(CONTENT_TYPE);
        return is_ours.then_some(None).ok_or(Refusal::ContentType);
    }
    if head.method != Method::GET {
        return Err(Refusal::Method);
    }
    let mut pairs = head.uri.query().unwrap_or_default().split('&');
    let text = pairs.find_map(|pair| pair.strip_prefix("dns="));
    let text = text.ok_or(Refusal::NoQuestion)?.trim_end_matches('=');
    let message = BASE64URL_NOPAD.decode(text.as_bytes());
    message
        .map(|message| Some(message.into()))
        .map_err(|_| Refusal::NoQuestion)
}

/// RFC 8484 §4.2.1: whatever the answer says, HTTP was fine.
fn response(answer: &AnswerBuf) -> Response<Bytes> {
    let answer = answer.as_slice();
    if answer.is_empty() {
        return Refusal::NoMessage.response();
    }
    // RFC 8484 §5.1: not longer than the records. Another device may get another answer.
    let fresh = format!("private, max-age={}", least_ttl(answer).unwrap_or(0));
    let mut response = Response::new(Bytes::copy_from_slice(answer));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Ok(fresh) = HeaderValue::from_maybe_shared(Bytes::from(fresh)) {
        headers.insert(header::CACHE_CONTROL, fresh);
    }
    response
}

/// The least TTL of what was asked for; where there is nothing, of what says so.
fn least_ttl(message: &[u8]) -> Option<u32> {
    let count = |at: usize| {
        let two = message.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*two))
    };
    let mut at = 12;
    for _ in 0..count(4)? {
        at = skip_name(message, at)? + 4;
    }
    let records = match (count(6)?, count(8)?) {
        (0, authorities) => authorities,
        (answers, _) => answers,
    };
    let mut least = None;
    for _ in 0..records {
        let fixed = skip_name(message, at)?;
        let [_, _, _, _, t1, t2, t3, t4, l1, l2] = *message.get(fixed..)?.first_chunk()?;
        let ttl = u32::from_be_bytes([t1, t2, t3, t4]);
        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
        at = fixed + 10 + usize::from(u16::from_be_bytes([l1, l2]));
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Query, Rcode, RecordType, Section};

    #[test]
    fn dns_has_one_path_and_one_for_each_device() {
        for path in ["/dns-query", "/dns-query/", "/dns-query/tablet"] {
            assert!(is_ours(path), "{path}");
        }
        for path in ["/", "/dns-query2", "/dns-query/a/b", "/x/dns-query"] {
            assert!(!is_ours(path), "{path}");
        }
    }

    #[test]
    fn an_answer_is_fresh_for_as_long_as_its_shortest_record() {
        let query = Query::internal("home.example".parse().unwrap(), RecordType::A);
        let mut out = AnswerBuf::new();
        out.begin(&query, Rcode::NOERROR);
        assert_eq!(least_ttl(out.as_slice()), None);
        out.record(Section::Answer, RecordType::A, 300, &[192, 0, 2, 1]);
        out.record(Section::Answer, RecordType::A, 60, &[192, 0, 2, 2]);
        out.record(Section::Authority, RecordType::A, 5, &[192, 0, 2, 3]);
        out.finish(&query, None);
        assert_eq!(least_ttl(out.as_slice()), Some(60));
        out.begin(&query, Rcode::NXDOMAIN);
        out.negative_soa(17);
        assert_eq!(least_ttl(out.as_slice()), Some(17));
        for length in 0..out.as_slice().len() {
            let _ = least_ttl(&out.as_slice()[..length]);
        }
    }
}
