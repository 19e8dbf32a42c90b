//! `GET /healthz`: whether DNS is answered, by asking for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::net::UdpSocket;
use tokio::time;

use super::Api;
use super::problem::Problem;

/// A query that is refused without asking anybody, and that is nobody's: `id.server` in the class
/// CHAOS (RFC 4892). It leaves no trace in the journal. Id 0x5153, type TXT.
const QUESTION: &[u8] =
    b"QS\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02id\x06server\x00\x00\x10\x00\x03";
const PATIENCE: Duration = Duration::from_secs(2);

/// Health
///
/// Asks the server's own DNS address.
#[utoipa::path(
    get, path = "/healthz", tag = "server",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "DNS is answered"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn healthz(State(api): State<Arc<Api>>) -> Result<String, Problem> {
    let unwell = |detail: String| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "DNS is not answered",
            detail,
        )
    };
    let Some(address) = api.dns.first().copied() else {
        return Err(unwell("no address is listened on".to_owned()));
    };
    check(address).await.map_err(unwell)?;
    // Of what several nodes share, DNS needs nothing; and which database it is, is not for all.
    let is_away = api.store.hub().is_some_and(|hub| hub.away().is_some());
    Ok(if is_away {
        "ok\nthe shared database is away\n".to_owned()
    } else {
        "ok\n".to_owned()
    })
}

/// Whether DNS is answered at an address that is listened on; if not, why.
pub async fn check(listen: SocketAddr) -> Result<(), String> {
    let address = reachable(listen);
    match time::timeout(PATIENCE, ask(address)).await {
        Ok(asked) => asked.map_err(|error| format!("asking {address}: {error}")),
        Err(_) => Err(format!(
            "{address} gave no answer within {} s",
            PATIENCE.as_secs()
        )),
    }
}

/// An address to send to, for one to listen on.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr) -> io::Result<()> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    socket.send(QUESTION).await?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).await?;
    let answer = answer.get(..length).unwrap_or_default();
    // Our id, and the bit that says "answer" (RFC 1035 §4.1.1).
    match answer {
        [b'Q', b'S', flags, _, _, _, _, _, _, _, _, _, ..] if flags & 0x80 != 0 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a wrong answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_to_listen_on_has_one_to_send_to() {
        for (listen, expected) in [
            ("0.0.0.0:53", "127.0.0.1:53"),
            ("[::]:5353", "[::1]:5353"),
            ("192.0.2.1:53", "192.0.2.1:53"),
        ] {
            let listen: SocketAddr = listen.parse().unwrap();
            assert_eq!(reachable(listen).to_string(), expected);
        }
    }

    #[tokio::test]
    async fn an_echo_is_no_answer() {
        let echo = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = echo.local_addr().unwrap();
        let reply = |flags: u8| {
            let echo = &echo;
            async move {
                let mut bytes = [0; 512];
                let (length, from) = echo.recv_from(&mut bytes).await.unwrap();
                bytes[2] |= flags;
                echo.send_to(&bytes[..length], from).await.unwrap();
            }
        };
        let (asked, ()) = tokio::join!(ask(address), reply(0));
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let (asked, ()) = tokio::join!(ask(address), reply(0x80));
        asked.unwrap();
    }
}
