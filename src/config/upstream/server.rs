//! One upstream server, as people write it: `tls://192.0.2.1#dns.example`.

use std::net::IpAddr;

use crate::config::section::Read;
use crate::config::tree::Item;

/// An upstream server as written, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// As written; its name in the journal and the dashboard.
    pub text: String,
    /// What it means.
    pub server: Server,
}

impl ServerUrl {
    pub(in crate::config) fn read(item: &Item) -> Read<Self> {
        let text = item.text().unwrap_or_default();
        text.parse()
            .map_err(|ServerError { why, .. }| format!("{why}; {FORMS}"))
    }

    /// Whether a name has to be looked up to reach it.
    pub fn has_name(&self) -> bool {
        self.server.ip().is_none()
    }
}

/// How an upstream is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// `udp://ip[:port]`: UDP, and TCP where an answer is cut off.
    Udp {
        /// The address.
        ip: IpAddr,
        /// 53 unless written.
        port: u16,
    },
    /// `tcp://ip[:port]`
    Tcp {
        /// The address.
        ip: IpAddr,
        /// 53 unless written.
        port: u16,
    },
    /// `tls://ip[:port]#name` or `tls://name[:port]`
    Tls {
        /// Address or host name to connect to.
        host: Host,
        /// 853 unless written.
        port: u16,
        /// The name in the certificate.
        name: String,
    },
    /// `quic://ip[:port]#name` or `quic://name[:port]`
    Quic {
        /// Address or host name to connect to.
        host: Host,
        /// 853 unless written.
        port: u16,
        /// The name in the certificate.
        name: String,
    },
    /// `https://host[:port]/path`: HTTP/2
    Https {
        /// Address or host name to connect to.
        host: Host,
        /// 443 unless written.
        port: u16,
        /// The name in the certificate.
        name: String,
        /// The path, with its first slash.
        path: String,
    },
    /// `h3://host[:port]/path`: HTTP/3
    H3 {
        /// Address or host name to connect to.
        host: Host,
        /// 443 unless written.
        port: u16,
        /// The name in the certificate.
        name: String,
        /// The path, with its first slash.
        path: String,
    },
}

impl Server {
    /// The address that is written, if it is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Udp { ip, .. } | Self::Tcp { ip, .. } => Some(*ip),
            Self::Tls { host, .. }
            | Self::Quic { host, .. }
            | Self::Https { host, .. }
            | Self::H3 { host, .. } => match host {
                Host::Ip(ip) => Some(*ip),
                Host::Name(_) => None,
            },
        }
    }
}

/// An address, or a name that the bootstrap servers look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A host name.
    Name(String),
}

const FORMS: &str = "write udp://ip[:port], tcp://ip[:port], tls:// or quic://ip[:port]#name, https:// or h3://host[:port]/path";

/// Why a text is no upstream server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: {why}; {FORMS}")]
pub struct ServerError {
    text: String,
    why: &'static str,
}

impl std::str::FromStr for ServerUrl {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        match parse(text) {
            Ok(server) => Ok(Self {
                text: text.to_owned(),
                server,
            }),
            Err(why) => Err(ServerError {
                text: text.to_owned(),
                why,
            }),
        }
    }
}

fn parse(text: &str) -> Result<Server, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("no scheme")?;
    let (rest, name) = rest
        .split_once('#')
        .map_or((rest, None), |(rest, name)| (rest, Some(name)));
    let (authority, path) = rest
        .find('/')
        .map_or((rest, ""), |slash| rest.split_at(slash));
    if name.is_some_and(|name| !is_host_name(name)) {
        return Err("what follows # is no host name");
    }
    if !matches!(scheme, "https" | "h3") && !matches!(path, "" | "/") {
        return Err("a path belongs to https and h3 only");
    }
    let (host, port) = split_port(authority)?;
    match (scheme, host) {
        ("udp", Host::Ip(ip)) => Ok(Server::Udp {
            ip,
            port: port.unwrap_or(53),
        }),
        ("tcp", Host::Ip(ip)) => Ok(Server::Tcp {
            ip,
            port: port.unwrap_or(53),
        }),
        ("udp" | "tcp", Host::Name(_)) => Err("plain DNS needs an address, not a name"),
        ("tls" | "quic", host) => {
            let name = certificate_name(&host, name);
            let port = port.unwrap_or(853);
            Ok(match scheme {
                "quic" => Server::Quic { host, port, name },
                _ => Server::Tls { host, port, name },
            })
        }
        // The name also stands in the address of each HTTP request, where an IPv6 address does not fit.
        ("https" | "h3", Host::Ip(IpAddr::V6(_))) if name.is_none() => {
            Err("HTTPS at an IPv6 address needs the name in its certificate after #")
        }
        ("https" | "h3", host) => {
            let name = certificate_name(&host, name);
            let path = if path.len() > 1 { path } else { "/dns-query" }.to_owned();
            let port = port.unwrap_or(443);
            Ok(match scheme {
                "h3" => Server::H3 {
                    host,
                    port,
                    name,
                    path,
                },
                _ => Server::Https {
                    host,
                    port,
                    name,
                    path,
                },
            })
        }
        _ => Err("the scheme is unknown"),
    }
}

fn certificate_name(host: &Host, name: Option<&str>) -> String {
    match (name, host) {
        (Some(name), _) => name.to_owned(),
        (None, Host::Ip(ip)) => ip.to_string(),
        (None, Host::Name(host)) => host.clone(),
    }
}

/// Splits `host`, `host:port`, `[v6]` and `[v6]:port`; a bare IPv6 address has no port.
fn split_port(authority: &str) -> Result<(Host, Option<u16>), &'static str> {
    if let Ok(ip) = authority.parse() {
        return Ok((Host::Ip(ip), None));
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("a bracket is missing")?;
            let port = if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':').ok_or("after ] comes :port")?)
            };
            (host, port)
        }
        None => authority
            .rsplit_once(':')
            .map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port
        .map(str::parse::<u16>)
        .transpose()
        .map_err(|_| "the port is no number up to 65535")?;
    if port == Some(0) {
        return Err("port 0 is no port");
    }
    match host.parse() {
        Ok(ip) => Ok((Host::Ip(ip), port)),
        Err(_) if is_host_name(host) => Ok((Host::Name(host.to_ascii_lowercase()), port)),
        Err(_) => Err("the host is neither an address nor a name"),
    }
}

/// Whether this is a name of letters, digits and hyphens, and no address.
pub(in crate::config) fn is_host_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    has_letter
        && text.len() < 254
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        text.parse::<ServerUrl>().unwrap().server
    }

    #[test]
    fn every_form_of_the_manual_is_read() {
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(server("udp://192.0.2.1"), Server::Udp { ip, port: 53 });
        assert_eq!(
            server("tcp://192.0.2.1:5353"),
            Server::Tcp { ip, port: 5353 }
        );
        assert_eq!(
            server("tls://192.0.2.1#dns.example"),
            Server::Tls {
                host: Host::Ip(ip),
                port: 853,
                name: "dns.example".into()
            }
        );
        assert_eq!(
            server("https://dns.example/dns-query"),
            Server::Https {
                host: Host::Name("dns.example".into()),
                port: 443,
                name: "dns.example".into(),
                path: "/dns-query".into()
            }
        );
        assert_eq!(
            server("quic://dns.example"),
            Server::Quic {
                host: Host::Name("dns.example".into()),
                port: 853,
                name: "dns.example".into()
            }
        );
        assert_eq!(
            server("h3://192.0.2.1/query#dns.example"),
            Server::H3 {
                host: Host::Ip(ip),
                port: 443,
                name: "dns.example".into(),
                path: "/query".into()
            }
        );
        assert_eq!(
            server("udp://[2001:db8::1]:53"),
            Server::Udp {
                ip: "2001:db8::1".parse().unwrap(),
                port: 53
            }
        );
        assert_eq!(
            server("udp://2001:db8::1"),
            Server::Udp {
                ip: "2001:db8::1".parse().unwrap(),
                port: 53
            }
        );
    }

    #[test]
    fn what_is_no_server_is_refused_with_the_reason() {
        for text in [
            "192.0.2.1",
            "udp://dns.example",
            "tls://192.0.2.1:99999#a.example",
            "ftp://a.example",
            "tls://a b",
            "udp://192.0.2.999",
            "https:///x",
            "https://[2001:db8::1]/dns-query",
            "quic://dns.example/dns-query",
        ] {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }
}
