//! A server of plain DNS: UDP, and TCP for what does not fit or looks forged.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::timeout;

use crate::query::Query;

use super::error::Failure;
use super::link::Link;
use super::pace::Pace;
use super::request::{Answer, Form, Request};
use super::udp::{Asking, Heard, Oddity, Ports};

/// How long a way that is less to be trusted waits for the other one.
const GRACE: Duration = Duration::from_millis(250);

/// UDP, and TCP for what does not fit or looks forged.
pub(super) struct Plain {
    ports: Ports,
    tcp: Link,
    pace: Pace,
    /// Whether the server repeats the question as it was spelled.
    keeps_spelling: AtomicBool,
}

impl Plain {
    /// The server at this address; `tcp` leads to it, too.
    pub fn new(server: SocketAddr, tcp: Link, pace: Pace) -> Self {
        Self {
            ports: Ports::new(server),
            tcp,
            pace,
            keeps_spelling: AtomicBool::new(true),
        }
    }

    /// Asks over UDP, and over TCP where that does not do.
    pub async fn ask(&self, query: &Query, form: Form) -> Result<Answer, Failure> {
        let mixed_case = self.keeps_spelling.load(Ordering::Relaxed);
        let request = Request::new(query, Form { mixed_case, ..form });
        let mut asking = Asking::send(&self.ports, &request, self.pace.pause())?;
        match asking.hear().await? {
            Heard::Reply(reply) => {
                self.pace.note(asking.took());
                match request.read_wire(reply) {
                    Ok(answer) if !answer.is_cut => Ok(answer),
                    Ok(_) | Err(Failure::Garbage(_)) => {
                        Box::pin(self.ask_over_tcp(query, form)).await
                    }
                    Err(failure) => Err(failure),
                }
            }
            Heard::Odd(Oddity::Unreadable) => Err(Failure::Odd(Oddity::Unreadable)),
            // Few replies are odd or too long: the others' futures need not have room for them.
            Heard::Odd(Oddity::Flood) => {
                Box::pin(self.after_flood(query, form, (&request, asking))).await
            }
            Heard::Odd(Oddity::Spelling) => {
                Box::pin(self.after_respelling(query, form, (&request, asking))).await
            }
        }
    }

    async fn ask_over_tcp(&self, query: &Query, form: Form) -> Result<Answer, Failure> {
        self.tcp.ask(&Request::new(query, form)).await
    }

    /// Somebody is guessing: what comes over TCP counts, which is harder to forge. A server without
    /// TCP is believed over UDP, because nothing is left to believe.
    async fn after_flood(
        &self,
        query: &Query,
        form: Form,
        (request, mut asking): (&Request<'_>, Asking<'_>),
    ) -> Result<Answer, Failure> {
        let tcp = pin!(self.ask_over_tcp(query, form));
        let udp = pin!(asking.hear_reply());
        match select(tcp, udp).await {
            Either::Left((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), udp)) => request.read_wire(udp.await?),
            Either::Right((Err(_), tcp)) => tcp.await,
            Either::Right((Ok(reply), tcp)) => match timeout(GRACE, tcp).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) | Err(_) => request.read_wire(reply),
            },
        }
    }

    /// A reply in another spelling: a forgery, or a server that changes the spelling. An answer in
    /// the right spelling is believed, and one over TCP; a server that gives neither is asked again
    /// in lower case.
    async fn after_respelling(
        &self,
        query: &Query,
        form: Form,
        (request, mut asking): (&Request<'_>, Asking<'_>),
    ) -> Result<Answer, Failure> {
        let tcp = pin!(self.ask_over_tcp(query, form));
        let udp = pin!(asking.hear_reply());
        match select(tcp, udp).await {
            Either::Left((Ok(answer), _)) => return Ok(answer),
            Either::Right((Ok(reply), _)) => return request.read_wire(reply),
            Either::Right((Err(_), tcp)) => return tcp.await,
            Either::Left((Err(_), udp)) => {
                if let Ok(reply) = timeout(GRACE, udp).await {
                    return request.read_wire(reply?);
                }
            }
        }
        let lower = Request::new(query, form);
        let mut asking = Asking::send(&self.ports, &lower, self.pace.pause())?;
        let answer = lower.read_wire(asking.hear_reply().await?)?;
        self.keeps_spelling.store(false, Ordering::Relaxed);
        Ok(answer)
    }
}
