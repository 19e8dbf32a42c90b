//! Asking others: the configured servers over UDP, TCP, TLS, QUIC and HTTPS, one after the other.
//!
//! A query is answered or failed within the configured timeout, however the servers behave; where
//! answers are checked, what proves it may take as long again. Start at [`Upstreams::ask`]; `server` asks one of them, `link` keeps its connection, `standing`
//! decides on the order, `request` writes the query and checks the reply, `validate` checks
//! signatures.

mod bootstrap;
mod error;
mod link;
mod mdns;
mod pace;
mod plain;
mod reply;
mod request;
mod reverse;
mod round;
mod server;
mod sets;
mod shared;
mod slots;
mod standing;
mod tally;
mod udp;
mod validate;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{self, Host, Strategy};
use crate::query::{Query, UpstreamId};

use bootstrap::Addresses;
use link::{Dialer, Link, Transport};
use pace::Pace;
use plain::Plain;
use request::Answer;
use round::Copied;
use server::{Server, Way};
use standing::Turns;
use validate::Validator;

pub use error::{AskError, Failure, FailureKind, Tried};
pub use mdns::local_name;
pub use sets::Numbers;
pub use shared::{Figures, Shared};
pub use tally::{LATENCY_BOUNDS_US, Latencies};
pub use udp::Oddity;
pub use validate::{AnchorError, Anchors};

/// Who answers at the very end of the time is still heard.
const GRACE: Duration = Duration::from_millis(30);

/// The upstreams, as one thread asks them.
///
/// A clone shares the connections. All futures are `Send`; the connections' tasks run on the
/// runtime that asks, and end with the last clone.
#[derive(Clone)]
pub struct Upstreams {
    inner: Arc<Inner>,
    validator: Option<Arc<Validator>>,
}

struct Inner {
    servers: Vec<Server>,
    /// Those that groups came to have later, by their numbers.
    later: Mutex<HashMap<usize, Arc<Server>>>,
    builder: Builder,
    routes: config::Routes,
    shared: Arc<Shared>,
    dialer: Arc<Dialer>,
    timeout: Duration,
}

/// What is the same in every home, and other in tests.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// TLS, with the certificate authorities that are trusted.
    pub tls: rustls::ClientConfig,
    /// The port of the bootstrap servers.
    pub bootstrap_port: u16,
}

/// An upstream's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The message as received, but for the id and the spelling of the question, which are the
    /// query's.
    pub message: Vec<u8>,
    /// Who answered.
    pub upstream: UpstreamId,
}

impl Upstreams {
    /// The upstreams of `config`; what is learned of them goes into `shared`.
    pub fn new(config: &config::Upstream, shared: Arc<Shared>) -> Self {
        let tls = hickory_net::tls::client_config()
            .expect("the built-in authorities and ciphers are always there");
        let surroundings = Surroundings {
            tls,
            bootstrap_port: 53,
        };
        Self::within(&surroundings, config, shared)
    }

    /// As [`Upstreams::new`], in other surroundings.
    pub fn within(
        surroundings: &Surroundings,
        config: &config::Upstream,
        shared: Arc<Shared>,
    ) -> Self {
        let dialer = Arc::new(Dialer::new(surroundings.tls.clone(), config.timeout));
        let builder = Builder {
            surroundings: surroundings.clone(),
            config: config.clone(),
            dialer: Arc::clone(&dialer),
            bootstrap: OnceLock::new(),
        };
        let servers = config.every_server().into_iter();
        let servers = servers.map(|url| builder.server(&url.server)).collect();
        let inner = Inner {
            servers,
            later: Mutex::default(),
            builder,
            routes: config.routes.clone(),
            shared,
            dialer,
            timeout: config.timeout,
        };
        let inner = Arc::new(inner);
        let mut upstreams = Self {
            inner,
            validator: None,
        };
        if config.dnssec {
            let validator = Validator::new(upstreams.clone());
            upstreams.validator = Some(Arc::new(validator));
        }
        upstreams
    }

    /// Asks the upstreams in turn, until one has an answer or the time is over.
    ///
    /// A name that a route covers is asked for at the route's servers alone. An error that an
    /// upstream answers (SERVFAIL, REFUSED) is a reply when no other knows better. Where answers are
    /// checked (DNSSEC), a secure one has AD set, and a bogus one is an error.
    pub async fn ask(&self, query: &Query) -> Result<Reply, AskError> {
        match &self.validator {
            // Few homes check answers: the others' futures need not have room for it.
            Some(validator) if validator.judges(query) => {
                Box::pin(self.ask_checked(validator, query)).await
            }
            _ => self.ask_unchecked(query).await,
        }
    }

    async fn ask_checked(&self, validator: &Validator, query: &Query) -> Result<Reply, AskError> {
        let reply = self.ask_unchecked(&validate::signed(query)).await?;
        validator.check(query, reply).await
    }

    async fn ask_unchecked(&self, query: &Query) -> Result<Reply, AskError> {
        let inner = &self.inner;
        let asked_at = Instant::now();
        let turns = inner.shared.turns(inner.pool_of(query), asked_at);
        let probe = turns.probe.map(|server| self.probe(server, query));
        let (is_answered, copied) = probe.unzip();
        let copied = copied.filter(|_| turns.is_probe_raced());
        let reply = inner.ask_in_turn(query, (&turns, copied), asked_at).await;
        if let Some(is_answered) = is_answered {
            is_answered.store(reply.is_ok(), Ordering::Relaxed);
        }
        reply
    }

    /// Lets `task` go on by itself on the runtime that asks, for as long as that lasts.
    pub fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.dialer.background(task);
    }

    /// Sends a copy of `query` to a server to see how it is, whoever answers the query. The mark that
    /// is given back is to be set when another server does; the answer may be of use as well.
    fn probe(&self, server: usize, query: &Query) -> (Arc<AtomicBool>, Copied) {
        let inner = Arc::clone(&self.inner);
        let query = query.clone();
        let is_answered = Arc::new(AtomicBool::new(false));
        let is_outdone = Arc::clone(&is_answered);
        let (sender, answer) = oneshot::channel();
        self.inner.dialer.background(async move {
            // Where there is no room for queries, there is none for their copies.
            let Some(slot) = inner.shared.slots.try_take() else {
                return;
            };
            let asking = pin!(timeout(inner.timeout, inner.ask_one(server, &query)));
            let Either::Left((asked, _)) = select(asking, pin!(slot.pushed_out())).await else {
                return;
            };
            let told = sender.send(asked.unwrap_or(Err(Failure::Timeout)));
            // Who waits for the answer notes what is to be noted.
            if let Err(Err(failure)) = told {
                inner.shared.failed(server, &failure);
                if is_outdone.load(Ordering::Relaxed) {
                    inner.shared.outdone(server, &failure);
                }
            }
        });
        (is_answered, (server, answer))
    }
}

impl Inner {
    /// The pool of servers that are asked for a name: that of a route, that of the group that asks,
    /// or the first.
    fn pool_of(&self, query: &Query) -> usize {
        match (self.routes.find(query.name.as_wire()), query.upstream_set) {
            (Some(route), _) => route + 1,
            (None, 0) => 0,
            (None, set) => self.routes.all().len() + usize::from(set),
        }
    }

    /// Whether the servers of a route are asked for a name.
    fn is_routed(&self, query: &Query) -> bool {
        self.routes.find(query.name.as_wire()).is_some()
    }

    /// Asks servers in their turns, as soon as there is room for one more query.
    async fn ask_in_turn(
        &self,
        query: &Query,
        (turns, copied): (&Turns, Option<Copied>),
        asked_at: Instant,
    ) -> Result<Reply, AskError> {
        let deadline = asked_at + self.timeout + GRACE;
        let crowded = || {
            let tried = turns.order.iter().take(1);
            round::error(self, tried.map(|&server| (server, Failure::Crowded)))
        };
        let slot = match self.shared.slots.try_take() {
            Some(slot) => slot,
            // In a box, as all that few queries need: the others' futures have no room for it.
            None => match Box::pin(timeout_at(deadline, self.shared.slots.take())).await {
                Ok(slot) => slot,
                Err(_) => return Err(crowded()),
            },
        };
        let asking = pin!(round::ask(self, query, (turns, copied), deadline));
        match select(asking, pin!(slot.pushed_out())).await {
            Either::Left((reply, _)) => reply,
            Either::Right(_) => Err(crowded()),
        }
    }

    /// Asks one server, and notes how long its answer took; the caller notes a failure.
    async fn ask_one(&self, server: usize, query: &Query) -> Result<Answer, Failure> {
        self.shared.asked(server);
        let started = Instant::now();
        let answer = match self.servers.get(server) {
            Some(asked) => asked.ask(query).await?,
            // Boxed: the others' futures need not have room for it.
            None => Box::pin(self.ask_later(server, query)).await?,
        };
        if answer.is_good() {
            self.shared.answered(server, started);
        }
        Ok(answer)
    }

    async fn ask_later(&self, server: usize, query: &Query) -> Result<Answer, Failure> {
        let Some(asked) = self.later(server) else {
            return Err(Failure::Local("there is no such upstream".into()));
        };
        asked.ask(query).await
    }

    /// A server that a group came to have later: each thread has its own connection to it.
    fn later(&self, server: usize) -> Option<Arc<Server>> {
        let known = self.shared.server(server)?;
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        let built = later
            .entry(server)
            .or_insert_with(|| Arc::new(self.builder.server(&known.url.server)));
        Some(Arc::clone(built))
    }
}

/// What servers are built from.
struct Builder {
    surroundings: Surroundings,
    config: config::Upstream,
    dialer: Arc<Dialer>,
    bootstrap: OnceLock<Arc<Upstreams>>,
}

impl Builder {
    fn server(&self, server: &config::Server) -> Server {
        let (way, ip) = match server {
            config::Server::Udp { ip, port } => {
                let tcp = self.link(Addresses::Fixed(*ip), *port, Transport::Tcp);
                let pace = Pace::new(self.config.strategy == Strategy::Race, self.config.timeout);
                let plain = Plain::new((*ip, *port).into(), tcp, pace);
                (Way::Plain(plain), Some(*ip))
            }
            config::Server::Tcp { ip, port } => {
                let way = Way::Stream {
                    link: self.link(Addresses::Fixed(*ip), *port, Transport::Tcp),
                    is_encrypted: false,
                };
                (way, Some(*ip))
            }
            config::Server::Tls { host, port, name } => {
                self.encrypted(host, *port, Transport::Tls(name.as_str().into()))
            }
            config::Server::Quic { host, port, name } => {
                self.encrypted(host, *port, Transport::Quic(name.as_str().into()))
            }
            config::Server::Https {
                host,
                port,
                name,
                path,
            } => {
                let transport = Transport::Https(name.as_str().into(), path.as_str().into());
                self.encrypted(host, *port, transport)
            }
            config::Server::H3 {
                host,
                port,
                name,
                path,
            } => {
                let transport = Transport::H3(name.as_str().into(), path.as_str().into());
                self.encrypted(host, *port, transport)
            }
        };
        Server::new(way, ip)
    }

    fn encrypted(&self, host: &Host, port: u16, transport: Transport) -> (Way, Option<IpAddr>) {
        let (addresses, ip) = match host {
            Host::Ip(ip) => (Addresses::Fixed(*ip), Some(*ip)),
            Host::Name(name) => (Addresses::of(name, self.bootstrap()), None),
        };
        let way = Way::Stream {
            link: self.link(addresses, port, transport),
            is_encrypted: true,
        };
        (way, ip)
    }

    fn link(&self, addresses: Addresses, port: u16, transport: Transport) -> Link {
        Link::new(Arc::clone(&self.dialer), addresses, port, transport)
    }

    /// The bootstrap servers, as upstreams of their own: they have no names to look up.
    fn bootstrap(&self) -> &Arc<Upstreams> {
        self.bootstrap.get_or_init(|| {
            let port = self.surroundings.bootstrap_port;
            let servers = self.config.bootstrap.iter().map(|&ip| config::ServerUrl {
                text: format!("udp://{}", SocketAddr::new(ip, port)),
                server: config::Server::Udp { ip, port },
            });
            let config = config::Upstream {
                servers: servers.collect(),
                bootstrap: Vec::new(),
                strategy: Strategy::Ordered,
                timeout: self.config.timeout,
                dnssec: false,
                trust_anchors: None,
                routes: config::Routes::default(),
                sets: Vec::new(),
            };
            let shared = Arc::new(Shared::new(&config));
            let upstreams = Upstreams::within(&self.surroundings, &config, shared);
            Arc::new(upstreams)
        })
    }
}
