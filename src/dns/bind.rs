//! Opens the sockets, before any thread starts: what is taken or forbidden is said at once.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use axum::http::HeaderValue;
use socket2::{Domain, Protocol, Socket, Type};

use super::doh::{Https, Site};
use super::holder;
use super::quic::{Quic, Speaks};
use super::tls::{Encryption, Secure};
use crate::config::Tls;

/// Queries that may wait in the kernel while a thread is busy.
const RECEIVE_BUFFER: usize = 4 << 20;
const BACKLOG: i32 = 1024;

/// The sockets of one thread.
#[derive(Debug, Default)]
pub struct Sockets {
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: Vec<TcpListener>,
    pub(super) dot: Vec<(TcpListener, Secure)>,
    pub(super) doh: Vec<(TcpListener, Https)>,
    pub(super) quic: Vec<(UdpSocket, Quic)>,
    /// TCP connections at once.
    pub(super) connections: usize,
}

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it.
    #[error("{protocol} port {} of {} is taken by {holder}; stop that, or choose another port in `{key}`", address.port(), address.ip())]
    Taken {
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The address that we wanted.
        address: SocketAddr,
        /// The key in the config.
        key: &'static str,
        /// The program that has it, or those that usually do.
        holder: String,
    },
    /// Ports below 1024 need a right.
    #[error("{protocol} port {} needs a right that this process does not have; give it CAP_NET_BIND_SERVICE, or choose a port above 1023 in `{key}`", address.port())]
    Forbidden {
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The address that we wanted.
        address: SocketAddr,
        /// The key in the config.
        key: &'static str,
    },
    /// Encryption could not be set up.
    #[error("setting up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Anything else, such as an address that this machine does not have.
    #[error("opening {protocol} {address}: {source}")]
    Other {
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The address that we wanted.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens every address for each of `workers` threads, which take so many connections each.
/// Gives the sockets by thread, and the
/// addresses with the ports that port 0 became.
pub fn bind(
    listen: &[SocketAddr],
    workers: usize,
    connections: usize,
) -> Result<(Vec<Sockets>, Vec<SocketAddr>), BindError> {
    let mut by_worker: Vec<Sockets> = (0..workers)
        .map(|_| Sockets {
            connections,
            ..Sockets::default()
        })
        .collect();
    let mut addresses = Vec::new();
    for &wanted in listen {
        let address = probe(wanted)?;
        addresses.push(address);
        for sockets in &mut by_worker {
            let udp = open(address, Type::DGRAM, true).map_err(|e| PLAIN_UDP.explain(address, e));
            sockets.udp.push(udp?.into());
            sockets.tcp.push(PLAIN_TCP.listen(address)?);
        }
    }
    Ok((by_worker, addresses))
}

impl Sockets {
    /// Serves the dashboard, too, where DNS over HTTPS is served at one of these addresses.
    pub fn share(&mut self, addresses: &[SocketAddr], site: &Site) {
        for (listener, https) in &mut self.doh {
            let address = listener.local_addr();
            if address.is_ok_and(|address| addresses.contains(&address)) {
                https.site = Some(Site::clone(site));
                // A browser would look for the dashboard there, too (RFC 7838 §2).
                https.elsewhere = None;
            }
        }
    }
}

/// The addresses where encrypted DNS is served, in the order of the config; ports are those that
/// port 0 became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// DNS over TLS.
    pub dot: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub doh: Vec<SocketAddr>,
    /// The same over HTTP/3.
    pub doh3: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub doq: Vec<SocketAddr>,
}

/// Opens the addresses of encrypted DNS, for each thread; those of QUIC for the first.
pub fn bind_encrypted(
    by_worker: &mut [Sockets],
    tls: &Tls,
    encryption: &Encryption,
) -> Result<Encrypted, BindError> {
    let (dot, http) = (
        encryption.secure(&[b"dot"])?,
        encryption.secure(&[b"h2", b"http/1.1"])?,
    );
    let mut encrypted = Encrypted::default();
    for (wanted, kind, speaks) in quic(tls) {
        let address = kind.find(wanted)?;
        let socket = open(address, Type::DGRAM, false).map_err(|e| kind.explain(address, e))?;
        if let Some(sockets) = by_worker.first_mut() {
            sockets.quic.push((socket.into(), encryption.quic(speaks)?));
        }
        match speaks {
            Speaks::Http => encrypted.doh3.push(address),
            Speaks::Dns => encrypted.doq.push(address),
        }
    }
    for &wanted in &tls.dot {
        let address = DOT.find(wanted)?;
        encrypted.dot.push(address);
        for sockets in &mut *by_worker {
            sockets.dot.push((DOT.listen(address)?, dot.clone()));
        }
    }
    for &wanted in &tls.doh {
        let address = DOH.find(wanted)?;
        let https = Https {
            secure: http.clone(),
            site: None,
            elsewhere: elsewhere(address, &encrypted.doh3),
        };
        encrypted.doh.push(address);
        for sockets in &mut *by_worker {
            sockets.doh.push((DOH.listen(address)?, https.clone()));
        }
    }
    Ok(encrypted)
}

fn quic(tls: &Tls) -> impl Iterator<Item = (SocketAddr, Kind, Speaks)> {
    let doh3 = tls.doh3.iter().map(|&at| (at, DOH3, Speaks::Http));
    doh3.chain(tls.doq.iter().map(|&at| (at, DOQ, Speaks::Dns)))
}

/// That the same is served over HTTP/3 on the same port (RFC 7838 §3).
fn elsewhere(address: SocketAddr, doh3: &[SocketAddr]) -> Option<HeaderValue> {
    let port = address.port();
    let is_of_kind = |ip: IpAddr| ip.is_ipv4() == address.is_ipv4();
    let is_it = |ip: IpAddr| ip == address.ip() || ip.is_unspecified() && is_of_kind(ip);
    let is_there = doh3
        .iter()
        .any(|other| other.port() == port && is_it(other.ip()));
    let text = format!("h3=\":{port}\"; ma=86400");
    is_there.then(|| HeaderValue::from_str(&text).ok())?
}

/// What is opened, as errors tell it.
#[derive(Clone, Copy)]
struct Kind {
    protocol: &'static str,
    key: &'static str,
}

const PLAIN_UDP: Kind = Kind {
    protocol: "UDP",
    key: "dns.listen",
};
const PLAIN_TCP: Kind = Kind {
    protocol: "TCP",
    key: "dns.listen",
};
const DOT: Kind = Kind {
    protocol: "TCP",
    key: "dns.tls.dot",
};
const DOH: Kind = Kind {
    protocol: "TCP",
    key: "dns.tls.doh",
};
const DOH3: Kind = Kind {
    protocol: "UDP",
    key: "dns.tls.doh3",
};
const DOQ: Kind = Kind {
    protocol: "UDP",
    key: "dns.tls.doq",
};

impl Kind {
    /// Makes sure that nobody else has the address, and turns port 0 into one that is free.
    fn find(self, wanted: SocketAddr) -> Result<SocketAddr, BindError> {
        let socket = open(wanted, self.socket(), false);
        let local = socket.and_then(|socket| socket.local_addr());
        let local = local.map_err(|e| self.explain(wanted, e))?;
        Ok(local.as_socket().unwrap_or(wanted))
    }

    fn listen(self, address: SocketAddr) -> Result<TcpListener, BindError> {
        let listener = open(address, Type::STREAM, true).and_then(|socket| {
            socket.listen(BACKLOG)?;
            Ok(socket.into())
        });
        listener.map_err(|e| self.explain(address, e))
    }

    fn socket(self) -> Type {
        if self.protocol == "UDP" {
            Type::DGRAM
        } else {
            Type::STREAM
        }
    }

    fn explain(self, address: SocketAddr, source: io::Error) -> BindError {
        let Self { protocol, key } = self;
        match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken {
                protocol,
                address,
                key,
                holder: holder::find(protocol, address.port()),
            },
            io::ErrorKind::PermissionDenied => BindError::Forbidden {
                protocol,
                address,
                key,
            },
            _ => BindError::Other {
                protocol,
                address,
                source,
            },
        }
    }
}

/// Makes sure that nobody else has the address, which `SO_REUSEPORT` would hide, and turns port 0
/// into one that is free for UDP and TCP.
fn probe(wanted: SocketAddr) -> Result<SocketAddr, BindError> {
    let mut last = None;
    for _ in 0..20 {
        let udp = open(wanted, Type::DGRAM, false).map_err(|e| PLAIN_UDP.explain(wanted, e))?;
        let local = udp.local_addr().map_err(|e| PLAIN_UDP.explain(wanted, e))?;
        let address = local.as_socket().unwrap_or(wanted);
        match open(address, Type::STREAM, false) {
            Ok(_) => return Ok(address),
            Err(error) if wanted.port() == 0 => last = Some(error),
            Err(error) => return Err(PLAIN_TCP.explain(address, error)),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
    Err(PLAIN_TCP.explain(wanted, error))
}

fn open(address: SocketAddr, kind: Type, shared: bool) -> io::Result<Socket> {
    let protocol = if kind == Type::DGRAM {
        Protocol::UDP
    } else {
        Protocol::TCP
    };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // IPv4 has its own sockets, so that both families are configured alike.
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    } else {
        // The system may grant less; that is no failure.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http3_is_told_of_where_it_is_at_the_same_address() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let told = |doh: &str, doh3: &str| {
            let told = elsewhere(at(doh), &[at(doh3)]);
            told.map(|told| told.to_str().unwrap().to_owned())
        };
        let same = Some("h3=\":443\"; ma=86400".to_owned());
        assert_eq!(told("192.0.2.1:443", "192.0.2.1:443"), same);
        assert_eq!(told("192.0.2.1:443", "0.0.0.0:443"), same);
        for (doh, doh3) in [
            ("192.0.2.1:443", "192.0.2.1:444"),
            ("192.0.2.1:443", "127.0.0.1:443"),
            ("192.0.2.1:443", "[::]:443"),
            ("0.0.0.0:443", "192.0.2.1:443"),
        ] {
            assert_eq!(told(doh, doh3), None, "{doh} {doh3}");
        }
    }

    const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn every_thread_gets_sockets_on_the_same_port() {
        let (workers, addresses) = bind(&[ANY], 2, 8).unwrap();
        let port = addresses[0].port();
        assert_ne!(port, 0);
        for sockets in &workers {
            assert_eq!(sockets.udp[0].local_addr().unwrap().port(), port);
            assert_eq!(sockets.tcp[0].local_addr().unwrap().port(), port);
        }
    }

    #[test]
    fn a_taken_port_is_named_with_its_holder() {
        let taken = UdpSocket::bind(ANY).unwrap();
        let address = taken.local_addr().unwrap();
        let message = bind(&[address], 1, 8).unwrap_err().to_string();
        assert!(message.contains(&address.port().to_string()), "{message}");
        assert!(
            message.contains(&format!("pid {}", std::process::id())),
            "{message}"
        );
    }

    #[test]
    fn a_second_server_on_our_port_is_refused_although_ports_are_shared() {
        let (_sockets, addresses) = bind(&[ANY], 1, 8).unwrap();
        assert!(matches!(
            bind(&addresses, 1, 8),
            Err(BindError::Taken { .. })
        ));
    }
}
