//! DNS over HTTPS (RFC 8484), over HTTP/2 and HTTP/1.1: one question a request.
//!
//! What a request asks for, and what becomes of the answer, is the same for HTTP/3 and stands in
//! `exchange`. Other paths than DNS's lead to the dashboard where it shares the address.

mod activity;
mod begun;
pub(super) mod exchange;
mod reply;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, Ready, poll_fn, ready};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::places::Place;
use super::stream::Caller;
use super::tcp::Connections;
use super::tls::Secure;
use crate::query::{AnswerBuf, Transport};
use activity::Activity;
use begun::Begun;
use exchange::{Exchange, MESSAGE_MAX, Refusal, Turn, in_path, is_ours, unless_head};
use reply::Reply;

/// How long a request may take to come.
pub(super) const REQUEST: Duration = Duration::from_secs(10);
/// Requests of one connection that may be in hand (RFC 9113 §6.5.2).
const AT_ONCE: u32 = 100;
/// The headers of a request, in bytes; a question in a path takes a few hundred.
pub(super) const HEADERS_MAX: u32 = 16 << 10;

/// What answers other paths than DNS's.
pub type Site = Arc<dyn Fn(Request<Body>) -> Page + Send + Sync>;
/// What it answers, once it does.
pub type Page = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A response, which is here or comes.
type Responding = Either<Ready<Responded>, Pin<Box<dyn Future<Output = Responded>>>>;
type Responded = Result<Response<Reply>, Infallible>;

/// What the listeners of one address serve.
#[derive(Clone)]
pub(super) struct Https {
    pub secure: Secure,
    /// The dashboard, where it shares the address.
    pub site: Option<Site>,
    /// That HTTP/3 is there, too (RFC 7838).
    pub elsewhere: Option<HeaderValue>,
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https")
            .field("elsewhere", &self.elsewhere)
            .finish_non_exhaustive()
    }
}

/// One connection.
struct Visit {
    connections: Connections,
    caller: Caller,
    https: Https,
    activity: Activity,
    begun: Begun,
    /// For the answer that is written now.
    out: RefCell<AnswerBuf>,
}

impl Connections {
    /// Answers DNS over HTTPS on what comes.
    pub(super) async fn serve_https(self, listener: std::net::TcpListener, https: Https) {
        let talk = |connections: &Self, stream, source, place| {
            connections.talk_https(&https, (stream, source), place);
        };
        self.accept(listener, talk).await;
    }

    fn talk_https(&self, https: &Https, (stream, source): (TcpStream, SocketAddr), place: Place) {
        let (https, connections) = (https.clone(), self.clone());
        self.tasks.spawn_local(async move {
            let stop = connections.stop.clone();
            let shaken = tokio::select! {
                () = stop.cancelled() => None,
                shaken = https.secure.shake_hands(stream) => shaken,
            };
            if let Some((stream, device)) = shaken {
                let caller = Caller {
                    source,
                    transport: Transport::Https,
                    device,
                };
                let visit = Visit {
                    activity: Activity::new(caller.transport),
                    begun: Begun::default(),
                    out: RefCell::new(AnswerBuf::new()),
                    connections,
                    caller,
                    https,
                };
                Rc::new(visit).talk(stream, stop).await;
            }
            drop(place);
        });
    }
}

impl Visit {
    async fn talk(self: Rc<Self>, stream: TlsStream<TcpStream>, stop: CancellationToken) {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let visit = Rc::clone(&self);
        let service = service_fn(move |request| Rc::clone(&visit).respond(request));
        let stream = TokioIo::new(stream);
        if is_http2 {
            let connection = http2::Builder::new(self.begun.clone())
                .timer(TokioTimer::new())
                .max_concurrent_streams(AT_ONCE)
                .max_header_list_size(HEADERS_MAX)
                .serve_connection(stream, service);
            let end = |connection: Pin<&mut _>| http2::Connection::graceful_shutdown(connection);
            self.drive(connection, end, stop).await;
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST)
                .serve_connection(stream, service);
            let end = |connection: Pin<&mut _>| http1::Connection::graceful_shutdown(connection);
            self.drive(connection, end, stop).await;
        }
    }

    /// Lets a connection go on until it ends, is idle for too long, or `stop`; what is in hand then
    /// is still answered.
    async fn drive<C: Future>(
        &self,
        connection: C,
        end: impl Fn(Pin<&mut C>),
        stop: CancellationToken,
    ) {
        let mut connection = pin!(connection);
        let mut is_ending = false;
        loop {
            let deadline = self.activity.deadline();
            tokio::select! {
                biased;
                () = self.go_on(connection.as_mut()) => return,
                () = stop.cancelled(), if !is_ending => {}
                () = sleep_until(deadline) => {
                    if !self.activity.is_over() {
                        continue;
                    }
                    if is_ending {
                        return;
                    }
                }
            }
            is_ending = true;
            self.activity.touch();
            end(connection.as_mut());
        }
    }

    /// Lets a connection and the requests that it begins go on until it ends.
    async fn go_on<C: Future>(&self, mut connection: Pin<&mut C>) {
        poll_fn(|context| {
            while connection.as_mut().poll(context).is_pending() {
                // Then it writes the answers of all of them together.
                if !self.begun.run(&self.connections.tasks) {
                    return Poll::Pending;
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Answers a question in a path at once where that can be done. What all else takes is large, and
    /// hyper moves it several times: it is in a box.
    fn respond(self: Rc<Self>, request: Request<Incoming>) -> Responding {
        let (head, body) = request.into_parts();
        let turn = match is_ours(head.uri.path()).then(|| in_path(&head)) {
            Some(Ok(Some(message))) => {
                let out = &mut self.out.borrow_mut();
                Some(self.exchange().begin(&head, &message, out))
            }
            Some(Err(refusal)) => Some(Turn::Done(refusal.response())),
            Some(Ok(None)) | None => None,
        };
        match turn {
            Some(Turn::Done(response)) => {
                self.activity.touch();
                Either::Left(ready(Ok(self.whole(&head.method, response))))
            }
            Some(Turn::Wait(waiting)) => Either::Right(Box::pin(async move {
                let _hand = self.activity.begin();
                let response = self.exchange().wait(waiting).await;
                Ok(self.whole(&head.method, response))
            })),
            None => Either::Right(Box::pin(async move {
                let request = Request::from_parts(head, body);
                Ok(self.respond_in_time(request).await)
            })),
        }
    }

    /// Answers a request with a question in its body, or for another path.
    async fn respond_in_time(&self, request: Request<Incoming>) -> Response<Reply> {
        let hand = self.activity.begin();
        let method = request.method().clone();
        match (&self.https.site, is_ours(request.uri().path())) {
            (_, true) => self.whole(&method, self.answer(request).await),
            (Some(site), false) => {
                let page = site(self.for_site(request)).await;
                self.with_elsewhere(page.map(|body| Reply::stream(body, hand)))
            }
            (None, false) => self.whole(&method, Refusal::NoSuchPath.response()),
        }
    }

    /// A response in one piece.
    fn whole(&self, method: &Method, response: Response<Bytes>) -> Response<Reply> {
        let whole = |body| Reply::whole(unless_head(method, body));
        self.with_elsewhere(response.map(whole))
    }

    fn with_elsewhere(&self, mut response: Response<Reply>) -> Response<Reply> {
        if let Some(elsewhere) = &self.https.elsewhere {
            let headers = response.headers_mut();
            headers.insert(header::ALT_SVC, elsewhere.clone());
        }
        response
    }

    fn exchange(&self) -> Exchange<'_> {
        Exchange {
            desk: &self.connections.desk,
            caller: &self.caller,
        }
    }

    /// A request as the dashboard wants it: with who asks.
    fn for_site(&self, request: Request<Incoming>) -> Request<Body> {
        let mut request = with_host(request.map(Body::new));
        let from = ConnectInfo(self.caller.source);
        request.extensions_mut().insert(from);
        request
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let body = async {
            let length = head.headers.get(header::CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
            if length.is_some_and(|length: usize| length > MESSAGE_MAX) {
                return Err(Refusal::TooLong);
            }
            match timeout(REQUEST, to_bytes(Body::new(body), MESSAGE_MAX)).await {
                Ok(Ok(body)) => Ok(body),
                Ok(Err(_)) => Err(Refusal::TooLong),
                Err(_) => Err(Refusal::TooSlow),
            }
        };
        self.exchange().run(&head, body).await
    }
}

/// HTTP/2 tells the host elsewhere, and the dashboard looks at the header: no foreign name may
/// lead to it.
fn with_host(mut request: Request<Body>) -> Request<Body> {
    let host = request
        .uri()
        .authority()
        .map(|host| host.as_str().to_owned());
    let host = host.and_then(|host| HeaderValue::from_str(&host).ok());
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

/// What is told where the dashboard itself fails.
pub fn broken_page() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
