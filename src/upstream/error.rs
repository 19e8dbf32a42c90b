//! What goes wrong between us and an upstream, in words that people can act on.

use std::fmt;
use std::io::{self, ErrorKind};

use hickory_net::NetError;

use crate::query::{Rcode, UpstreamId};

use super::udp::Oddity;

/// No upstream has an answer of use: what happened at each that was asked, in the order of asking.
#[derive(Clone, Debug, Default)]
pub struct AskError {
    /// At least one, unless no upstream is configured, or the answer is bogus.
    pub tried: Vec<Tried>,
    /// Why the answer is not as its zone signed it, where that is the trouble (RFC 8914 §4.7 to
    /// §4.13).
    bogus: Option<u16>,
}

/// One upstream that did not answer, and why.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Which upstream.
    pub upstream: UpstreamId,
    /// As written in the config.
    pub name: String,
    /// What happened.
    pub failure: Failure,
}

impl AskError {
    /// Nobody had an answer.
    pub(super) fn unanswered(tried: Vec<Tried>) -> Self {
        Self { tried, bogus: None }
    }

    /// An answer came, and is not as its zone signed it.
    pub(super) fn bogus(code: u16) -> Self {
        Self {
            tried: Vec::new(),
            bogus: Some(code),
        }
    }

    /// Whether an answer came that is not as its zone signed it. Nothing older should take its
    /// place.
    pub fn is_bogus(&self) -> bool {
        self.bogus.is_some()
    }

    /// The extended error in words, for devices.
    pub fn reason(&self) -> &'static str {
        match self.bogus {
            None => "no upstream answered",
            Some(7) => "the answer's signature has expired",
            Some(8) => "the answer's signature is not valid yet",
            Some(9) => "the key of the answer's signature is missing",
            Some(10) => "the answer's signature is missing",
            Some(12) => "the proof that there is no answer is missing",
            Some(_) => "the answer is not as its zone signed it",
        }
    }

    /// The extended error that tells a device what happened (RFC 8914 §4.23 and §4.24): 22 when no
    /// upstream could be reached, 23 when one was, and talking to it went wrong; 6 to 12 when its
    /// answer is bogus.
    pub fn ede(&self) -> u16 {
        if let Some(code) = self.bogus {
            return code;
        }
        let reached = self.tried.iter().any(|tried| tried.failure.is_reached());
        if reached { 23 } else { 22 }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        for (place, tried) in self.tried.iter().enumerate() {
            let before = if place == 0 { ": " } else { "; " };
            write!(f, "{before}{}: {}", tried.name, tried.failure)?;
        }
        Ok(())
    }
}

impl std::error::Error for AskError {}

/// Why one upstream gave no answer that is of use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing came in time.
    #[error("no answer in time")]
    Timeout,
    /// The port is closed, or no way leads there.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The certificate is not one that we trust for this name.
    #[error("its certificate is refused: {0}")]
    Certificate(String),
    /// TLS failed otherwise.
    #[error("no TLS connection: {0}")]
    Tls(String),
    /// The bootstrap servers know no address of its host.
    #[error("no address of {host}: {why}")]
    NoAddress {
        /// The host's name.
        host: String,
        /// What the bootstrap servers said.
        why: String,
    },
    /// It closed the connection before it answered.
    #[error("it closed the connection")]
    Closed,
    /// What it sent is no answer to our question.
    #[error("its reply makes no sense: {0}")]
    Garbage(String),
    /// What came instead of an answer may come from somebody else.
    #[error("{0}")]
    Odd(#[from] Oddity),
    /// It answered with an error, where another upstream had an answer.
    #[error("it answered {0}")]
    Answered(Rcode),
    /// Whatever else its side of the connection did.
    #[error("{0}")]
    Broken(String),
    /// This machine could not even ask, for lack of sockets or ports.
    #[error("this machine could not ask: {0}")]
    Local(String),
    /// So many queries waited for an answer that this one, the oldest, had to make room.
    #[error("no answer until others needed the room")]
    Crowded,
}

/// How much a failure says about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// Nothing.
    None,
    /// Something if another upstream has an answer: else the name asked may be the cause.
    Doubt,
    /// It does not work at all.
    Certain,
}

/// The kinds of [`Failure`], for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Nothing came in time.
    Timeout,
    /// No way led there.
    Unreachable,
    /// Its certificate was refused.
    Certificate,
    /// TLS failed otherwise.
    Tls,
    /// Its host's name had no address.
    NoAddress,
    /// It closed the connection.
    Closed,
    /// Its reply made no sense.
    Garbage,
    /// Its reply may have been somebody else's.
    Odd,
    /// It answered with an error, where another had an answer.
    Answered,
    /// The connection broke otherwise.
    Broken,
    /// This machine could not ask.
    Local,
    /// Others needed the room.
    Crowded,
}

impl FailureKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Timeout,
        Self::Unreachable,
        Self::Certificate,
        Self::Tls,
        Self::NoAddress,
        Self::Closed,
        Self::Garbage,
        Self::Odd,
        Self::Answered,
        Self::Broken,
        Self::Local,
        Self::Crowded,
    ];

    /// The kind in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Certificate => "certificate",
            Self::Tls => "tls",
            Self::NoAddress => "no_address",
            Self::Closed => "closed",
            Self::Garbage => "garbage",
            Self::Odd => "odd",
            Self::Answered => "error_code",
            Self::Broken => "broken",
            Self::Local => "local",
            Self::Crowded => "crowded",
        }
    }
}

impl Failure {
    /// Its kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Timeout => FailureKind::Timeout,
            Self::Unreachable(_) => FailureKind::Unreachable,
            Self::Certificate(_) => FailureKind::Certificate,
            Self::Tls(_) => FailureKind::Tls,
            Self::NoAddress { .. } => FailureKind::NoAddress,
            Self::Closed => FailureKind::Closed,
            Self::Garbage(_) => FailureKind::Garbage,
            Self::Odd(_) => FailureKind::Odd,
            Self::Answered(_) => FailureKind::Answered,
            Self::Broken(_) => FailureKind::Broken,
            Self::Local(_) => FailureKind::Local,
            Self::Crowded => FailureKind::Crowded,
        }
    }

    pub(super) fn blame(&self) -> Blame {
        match self {
            Self::Local(_) | Self::Crowded => Blame::None,
            Self::Timeout | Self::Closed | Self::Garbage(_) | Self::Odd(_) | Self::Answered(_) => {
                Blame::Doubt
            }
            Self::Unreachable(_)
            | Self::Certificate(_)
            | Self::Tls(_)
            | Self::NoAddress { .. }
            | Self::Broken(_) => Blame::Certain,
        }
    }

    fn is_reached(&self) -> bool {
        !matches!(
            self,
            Self::Timeout
                | Self::Unreachable(_)
                | Self::NoAddress { .. }
                | Self::Local(_)
                | Self::Crowded
        )
    }
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Self {
        match &error {
            NetError::Timeout => Self::Timeout,
            // Each request brings its own place in the queue, so "busy" is how a queue without a
            // reader looks: the connection's task has ended.
            NetError::Busy | NetError::Message("receiver was canceled") => Self::Closed,
            NetError::Io(io) => Self::from_io(io),
            NetError::RustlsError(tls) => Self::from_tls(tls),
            NetError::Proto(why) => Self::Garbage(why.to_string()),
            _ if error.is_connection_closed() => Self::Closed,
            _ => {
                let text = error.to_string();
                Self::from_text(&text).unwrap_or(Self::Broken(first_line(&text)))
            }
        }
    }
}

impl Failure {
    pub(super) fn from_io(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::from_tls(tls);
        }
        match error.kind() {
            ErrorKind::TimedOut => Self::Timeout,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof => Self::Closed,
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown => Self::Unreachable(error.to_string()),
            _ => Self::from_text(&error.to_string()).unwrap_or(Self::Local(error.to_string())),
        }
    }

    /// Of what TLS found, QUIC's errors tell only in their text.
    fn from_text(text: &str) -> Option<Self> {
        let certificate = text.split_once("invalid peer certificate: ");
        let handshake = text.split_once("the cryptographic handshake failed: ");
        let found = certificate.map(|(_, why)| Self::Certificate(first_line(why)));
        found.or(handshake.map(|(_, why)| Self::Tls(first_line(why))))
    }

    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::Certificate(why.to_string()),
            _ => Self::Tls(error.to_string()),
        }
    }
}

/// The first line of what a server said, at most 120 characters: it may be a whole web page.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(failures: &[Failure]) -> AskError {
        let tried = |failure: &Failure| Tried {
            upstream: UpstreamId(0),
            name: "udp://192.0.2.1".into(),
            failure: failure.clone(),
        };
        AskError::unanswered(failures.iter().map(tried).collect())
    }

    #[test]
    fn the_extended_error_tells_unreached_from_reached() {
        let refused = Failure::Unreachable("connection refused".into());
        assert_eq!(error(&[Failure::Timeout, refused.clone()]).ede(), 22);
        let distrusted = Failure::Certificate("expired".into());
        assert_eq!(error(&[refused, distrusted]).ede(), 23);
    }

    #[test]
    fn the_message_names_each_upstream_and_its_failure() {
        let text = error(&[Failure::Timeout, Failure::Closed]).to_string();
        assert_eq!(
            text,
            "no upstream answered: udp://192.0.2.1: no answer in time; \
             udp://192.0.2.1: it closed the connection"
        );
    }

    #[test]
    fn a_certificate_that_quic_refuses_is_told() {
        let text = "the cryptographic handshake failed: error 46: \
            invalid peer certificate: UnknownIssuer";
        let failure = Failure::from_io(&io::Error::other(text));
        assert_eq!(failure, Failure::Certificate("UnknownIssuer".into()));
        let failure = Failure::from(NetError::Msg(text.into()));
        assert_eq!(failure, Failure::Certificate("UnknownIssuer".into()));
    }

    #[test]
    fn a_web_page_in_an_error_is_cut_to_a_line() {
        let page = format!("http 502: <html>{}\n<body>", "x".repeat(500));
        assert_eq!(
            Failure::from(NetError::Msg(page))
                .to_string()
                .chars()
                .count(),
            120
        );
    }
}
