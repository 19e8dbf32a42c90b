//! One connection to one server, kept open, and opened anew when it is gone.
//!
//! Opening goes on in the background when the query that began it has given up: the next one finds
//! the connection open.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt, Shared, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_net::NetError;
use hickory_net::runtime::{RuntimeProvider, Spawn, TokioRuntimeProvider};
use hickory_net::tls::tls_client_connect_with_bind_addr;
use hickory_net::xfer::{DnsExchange, DnsHandle, DnsMultiplexer, FirstAnswer};
use hickory_proto::op::DnsResponse;
use hickory_resolver::config::{ConnectionConfig, ProtocolConfig, ResolverOpts};
use hickory_resolver::{ConnectionProvider, PoolContext, TlsConfig};
use rustls::pki_types::ServerName;
use tokio::time::{Instant, sleep, timeout};

use super::bootstrap::Addresses;
use super::error::Failure;
use super::request::{Answer, Request};

/// The longest that opening a connection may take, in the background too.
const OPENING: Duration = Duration::from_secs(4);
/// How long one address of a host gets before the next is tried as well (RFC 8305 §5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// Queries under way on one connection; hickory's own limit of 32 is for stub resolvers.
const ACTIVE: usize = 4096;
/// Over HTTP and QUIC servers bound the streams of a connection, mostly at 100: beyond, a query would
/// wait for those before it, which may hang. So the next opens another connection.
const STREAMS: usize = 90;

/// How an error ends when more messages wait for a connection than hickory lets.
const CROWDED: &str = "because channel is full";
/// How long to wait then.
const NEXT_TRY: Duration = Duration::from_millis(1);

type Exchange = DnsExchange<TokioRuntimeProvider>;
type Opened = Shared<BoxFuture<'static, Result<Exchange, Failure>>>;

/// How to talk to a server.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    Tcp,
    /// With the name in the certificate.
    Tls(Arc<str>),
    /// With the name in the certificate.
    Quic(Arc<str>),
    /// With the name in the certificate, and the path.
    Https(Arc<str>, Arc<str>),
    /// With the name in the certificate, and the path.
    H3(Arc<str>, Arc<str>),
}

/// Opens connections.
pub(super) struct Dialer {
    net: TokioRuntimeProvider,
    context: PoolContext,
    tls: Arc<rustls::ClientConfig>,
    timeout: Duration,
}

impl Dialer {
    /// A dialer for queries that may take `timeout`.
    pub fn new(tls: rustls::ClientConfig, timeout: Duration) -> Self {
        let mut options = ResolverOpts::default();
        options.timeout = timeout;
        options.max_active_requests = ACTIVE;
        let context = PoolContext::new(
            options,
            TlsConfig {
                config: tls.clone(),
            },
        );
        Self {
            net: TokioRuntimeProvider::new(),
            context,
            tls: Arc::new(tls),
            timeout,
        }
    }

    /// Lets `task` go on by itself, at the latest until the last of the dialers is dropped.
    pub fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.net.create_handle().spawn_bg(task);
    }

    async fn dial(
        &self,
        ip: IpAddr,
        port: u16,
        transport: &Transport,
    ) -> Result<Exchange, Failure> {
        let protocol = match transport {
            Transport::Tcp => ProtocolConfig::Tcp,
            Transport::Tls(name) => return self.dial_tls((ip, port).into(), name).await,
            Transport::Quic(name) => ProtocolConfig::Quic {
                server_name: Arc::clone(name),
            },
            Transport::Https(name, path) => ProtocolConfig::Https {
                server_name: Arc::clone(name),
                path: Arc::clone(path),
            },
            Transport::H3(name, path) => ProtocolConfig::H3 {
                server_name: Arc::clone(name),
                path: Arc::clone(path),
                disable_grease: false,
            },
        };
        let mut config = ConnectionConfig::new(protocol);
        config.port = port;
        let dialing = self.net.new_connection(ip, &config, &self.context)?;
        Ok(dialing.await?)
    }

    /// DNS over TLS by hand: hickory's own way leaves the server's name out of the handshake, and
    /// services that tell their users apart by that name would not know them.
    async fn dial_tls(&self, server: SocketAddr, name: &str) -> Result<Exchange, Failure> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|why| Failure::Tls(format!("{name}: {why}")))?;
        let (stream, sender) = tls_client_connect_with_bind_addr(
            server,
            None,
            name,
            Arc::clone(&self.tls),
            self.net.clone(),
        );
        let multiplexer = DnsMultiplexer::new(stream.await?, sender)
            .with_timeout(self.timeout)
            .with_max_active_requests(ACTIVE);
        let (exchange, background) = DnsExchange::from_stream(multiplexer);
        self.background(background);
        Ok(exchange)
    }
}

/// One connection to one server.
pub(super) struct Link {
    line: Arc<Line>,
    current: Mutex<Option<Connection>>,
}

/// Where a link leads.
struct Line {
    dialer: Arc<Dialer>,
    addresses: Addresses,
    port: u16,
    transport: Transport,
}

/// A connection, or one that is being opened.
#[derive(Clone)]
struct Connection {
    opened: Opened,
    heard: Arc<Mutex<Option<Instant>>>,
    /// A clone for each query under way, and one for the link.
    users: Arc<()>,
}

impl Connection {
    fn has_room(&self, transport: &Transport) -> bool {
        match transport {
            Transport::Tcp | Transport::Tls(_) => true,
            Transport::Quic(_) | Transport::Https(..) | Transport::H3(..) => {
                Arc::strong_count(&self.users) <= STREAMS
            }
        }
    }

    fn is_open(&self) -> bool {
        self.opened.peek().is_some()
    }

    fn is_silent_since(&self, then: Instant) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_none_or(|heard| heard < then)
    }
}

impl Link {
    /// A link over `transport`, to be opened when it is needed.
    pub fn new(dialer: Arc<Dialer>, addresses: Addresses, port: u16, transport: Transport) -> Self {
        let line = Line {
            dialer,
            addresses,
            port,
            transport,
        };
        Self {
            line: Arc::new(line),
            current: Mutex::new(None),
        }
    }

    /// Sends `request`, and waits for its answer as long as the caller does.
    ///
    /// A connection that was open before may be gone without our knowing: when it turns out to be
    /// closed, or stays silent, the request is sent again over a new one.
    pub async fn ask(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let connection = self.connection();
        let was_open = connection.is_open();
        let started = Instant::now();
        let mut first = pin!(self.ask_over(&connection, request));
        if !was_open {
            return first.await;
        }
        match timeout(self.line.dialer.timeout / 4, &mut first).await {
            Ok(Err(Failure::Closed)) => self.ask_over(&self.connection(), request).await,
            Ok(result) => result,
            Err(_) if connection.is_silent_since(started) => {
                self.forget(&connection);
                let next = self.connection();
                let second = pin!(self.ask_over(&next, request));
                match select(first, second).await {
                    Either::Left((Ok(answer), _)) | Either::Right((Ok(answer), _)) => Ok(answer),
                    Either::Left((Err(_), second)) => second.await,
                    Either::Right((Err(_), first)) => first.await,
                }
            }
            Err(_) => first.await,
        }
    }

    async fn ask_over(
        &self,
        connection: &Connection,
        request: &Request<'_>,
    ) -> Result<Answer, Failure> {
        let result = match connection.opened.clone().await {
            Ok(exchange) => send(&exchange, request).await,
            Err(failure) => {
                self.forget(connection);
                return Err(failure);
            }
        };
        match &result {
            Ok(_) => {
                let mut heard = connection
                    .heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *heard = Some(Instant::now());
            }
            Err(Failure::Closed) => self.forget(connection),
            Err(_) => {}
        }
        request.read(result?)
    }

    /// The connection that is open or being opened; opens one if there is none, or it is full.
    fn connection(&self) -> Connection {
        let mut current = self.current();
        if let Some(connection) = &*current
            && connection.has_room(&self.line.transport)
            && !matches!(connection.opened.peek(), Some(Err(_)))
        {
            return connection.clone();
        }
        let opened = open(Arc::clone(&self.line)).boxed().shared();
        let background = opened.clone().map(drop);
        self.line.dialer.background(background);
        let connection = Connection {
            opened,
            heard: Arc::default(),
            users: Arc::default(),
        };
        current.insert(connection).clone()
    }

    /// Makes the next query open a new connection, if `connection` is still the current one.
    fn forget(&self, connection: &Connection) {
        let mut current = self.current();
        let is_current = current
            .as_ref()
            .is_some_and(|current| current.opened.ptr_eq(&connection.opened));
        if is_current {
            *current = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Connection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends `request`; where many are sent at once, it waits until the connection takes more.
async fn send(exchange: &Exchange, request: &Request<'_>) -> Result<DnsResponse, Failure> {
    loop {
        let response = exchange.send(request.to_hickory()?).first_answer().await;
        match response {
            Err(NetError::Msg(why)) if why.ends_with(CROWDED) => sleep(NEXT_TRY).await,
            response => return Ok(response?),
        }
    }
}

async fn open(line: Arc<Line>) -> Result<Exchange, Failure> {
    match timeout(OPENING, open_any(&line)).await {
        Ok(Err(Failure::Closed)) => Err(Failure::Broken(
            "it closes connections before they are open".into(),
        )),
        Ok(result) => result,
        Err(_) => Err(Failure::Timeout),
    }
}

/// Tries the addresses in turn, each a little after the one before, and takes the first that works.
async fn open_any(line: &Line) -> Result<Exchange, Failure> {
    let addresses = line.addresses.look_up().await?;
    let mut waiting = addresses.into_iter();
    let mut dials = FuturesUnordered::new();
    let mut failure = Failure::from(NetError::NoConnections);
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        dials.extend(next.map(|ip| line.dialer.dial(ip, line.port, &line.transport)));
        let pause = if is_last { OPENING } else { NEXT_ADDRESS };
        match select(dials.next(), pin!(sleep(pause))).await {
            Either::Left((Some(Ok(exchange)), _)) => return Ok(exchange),
            Either::Left((Some(Err(why)), _)) => failure = why,
            Either::Left((None, _)) if is_last => break,
            Either::Left((None, _)) | Either::Right(_) => {}
        }
    }
    line.addresses.forget();
    Err(failure)
}
