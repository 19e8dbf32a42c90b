//! Opens all addresses that are served, after what is served on them has been read.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context as _;

use super::limits::Limits;
use crate::config::Config;
use crate::dns::{self, Certificates, Encrypted, Encryption, Sockets};

/// What is open, before anything is served.
pub(super) struct Ports {
    /// For each DNS thread.
    pub sockets: Vec<Sockets>,
    pub dns: Vec<SocketAddr>,
    pub encrypted: Encrypted,
    pub certificates: Option<Arc<Certificates>>,
    pub web: Vec<TcpListener>,
    /// Where the dashboard and DNS over HTTPS are, both.
    pub shared: Vec<SocketAddr>,
}

impl Ports {
    /// Opens what the config says, for so many DNS threads.
    pub(super) fn open(config: &Config, workers: usize, limits: Limits) -> anyhow::Result<Self> {
        // A certificate that cannot be served is told before a port is taken.
        let tls = config.dns.tls.as_ref();
        let certificates = tls.map(|tls| Certificates::open(tls, config)).transpose()?;
        let (mut sockets, dns) = dns::bind(&config.dns.listen, workers, limits.connections)?;
        let encrypted = match (tls, &certificates) {
            (Some(tls), Some(certificates)) => {
                let encryption = Encryption::new(Arc::clone(certificates))?;
                dns::bind_encrypted(&mut sockets, tls, &encryption)?
            }
            _ => Encrypted::default(),
        };
        let at = |address: &SocketAddr| tls?.doh.iter().position(|doh| doh == address);
        let web = config
            .web
            .listen
            .iter()
            .filter(|address| at(address).is_none());
        let web = bind(&web.copied().collect::<Vec<_>>())?;
        let shared = config.web.listen.iter().filter_map(at);
        let shared = shared
            .filter_map(|at| encrypted.doh.get(at).copied())
            .collect();
        Ok(Self {
            sockets,
            dns,
            encrypted,
            certificates,
            web,
            shared,
        })
    }

    /// Where the dashboard is; first where it is alone.
    pub(super) fn web_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let own = self.web.iter().map(TcpListener::local_addr);
        own.chain(self.shared.iter().copied().map(Ok)).collect()
    }
}

/// Opens every address; what is taken is named with the key to change.
fn bind(listen: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    listen.iter().map(|&address| open(address)).collect()
}

fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address);
    let listener = match listener {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = dns::holder_of_tcp(address.port());
            anyhow::bail!(
                "TCP port {} of {} is taken by {holder}; stop that, or choose another port in `web.listen`",
                address.port(),
                address.ip(),
            );
        }
        other => {
            other.with_context(|| format!("opening {address} for the dashboard (`web.listen`)"))?
        }
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}
