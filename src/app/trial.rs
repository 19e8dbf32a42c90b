//! A server without sockets, for trying rules: the same path of a query, over an upstream that is
//! made up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};
use tokio::net::UdpSocket;

use crate::cache::Cache;
use crate::config::{AllowFrom, Config, Server, ServerUrl};
use crate::device::{self, Devices};
use crate::dns;
use crate::journal::{Journal, Words};
use crate::local::Local;
use crate::matcher::{Live, Matcher};
use crate::pipeline::{Arrival, Gear, Pipeline, RateLimiter, Steps, Told};
use crate::policy::{BlockReply, Policy};
use crate::query::{AnswerBuf, Query, Source, Verdict};
use crate::store::Store;
use crate::upstream::{Shared, Upstreams};

/// A server without sockets.
pub struct Trial {
    pipeline: Pipeline,
    steps: Arc<Steps>,
}

/// What a query came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What was decided, and who answered.
    pub told: Told,
    /// Whether rules gave other data.
    pub is_rewritten: bool,
    /// Whether the name is one by which devices ask whether they may go around us, and was
    /// answered here.
    pub is_canary: bool,
    /// Whether a block gave the addresses that stand in the rule.
    pub is_given: bool,
    /// The answer; empty where there is none.
    pub answer: Vec<u8>,
}

impl Trial {
    /// A server under this config and these rules, which asks the upstream at `upstream`.
    pub fn new(mut config: Config, rules: Matcher, upstream: SocketAddr) -> Self {
        let server = Server::Udp {
            ip: upstream.ip(),
            port: upstream.port(),
        };
        config.upstream.servers = vec![ServerUrl {
            text: format!("udp://{upstream}"),
            server,
        }];
        config.dns.rate_limit.queries_per_second = 0;
        let live = Arc::new(Live::default());
        live.swap(rules);
        let devices = Arc::new(Devices::new(&config.devices, Vec::new()));
        devices.set_groups(device::Groups::of(&config));
        let policy = Policy::new(live).with_devices(Arc::clone(&devices));
        policy.set_tags(super::library::tags(&config));
        let words = Words {
            entry: Box::new(|_, _| None),
            upstream: Box::new(|_| None),
            device: Box::new(|device| device),
        };
        // Its writer is not run, so nothing is kept.
        let (journal, _) = Journal::new(&config.journal, Store::at(Path::new("")), words);
        let steps = Arc::new(Steps {
            // Wherever the device is that a rule is tried for.
            allow_from: AllowFrom {
                networks: vec![Ipv4Net::default().into(), Ipv6Net::default().into()],
            },
            limiter: RateLimiter::new(config.dns.rate_limit),
            blocking: config.blocking.clone(),
            devices,
            policy,
            local: Local::new(&config).for_trials(),
            cache: Arc::new(Cache::new(config.cache.clone())),
        });
        let shared = Arc::new(Shared::new(&config.upstream));
        let upstreams = Upstreams::new(&config.upstream, shared);
        let pipeline = Pipeline::new(Arc::clone(&steps), upstreams, journal.recorder());
        Self { pipeline, steps }
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&self, query: &Query) -> Tried {
        let mut out = AnswerBuf::new();
        let told = match self.pipeline.answer_now(query, Arrival::now(), &mut out) {
            Gear::Answered(told) | Gear::Silent(told) => told,
            Gear::Wait(pending) => self.pipeline.answer(query, pending, &mut out).await,
        };
        let (is_rewritten, is_given) = match told.verdict {
            Verdict::Block(matched) => self.steps.policy.with_reply(matched, |reply, _| {
                let is_given = matches!(reply, BlockReply::Given(_));
                let is_rewritten = matches!(reply, BlockReply::Rewritten | BlockReply::Instead(_));
                (is_rewritten, is_given)
            }),
            Verdict::Allow(_) | Verdict::Watch(_) => (false, false),
        };
        let is_canary = told.source == Source::Local && self.steps.local.is_canary(&query.name);
        Tried {
            told,
            is_canary,
            is_rewritten,
            is_given,
            answer: out.as_slice().to_vec(),
        }
    }
}

/// Starts the made-up upstream on the runtime of the caller, as long as the runtime lives.
pub async fn made_up_upstream() -> std::io::Result<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = socket.local_addr()?;
    tokio::task::spawn_local(dns::serve_made_up(socket));
    Ok(address)
}
