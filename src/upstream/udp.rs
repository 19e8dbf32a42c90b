//! One question over UDP, and what comes back.
//!
//! The socket is connected, so that a closed port is noticed at once (ICMP). Only what answers the
//! very question that was sent is handed on (RFC 5452 §9.1), however much else comes; of the first
//! signs of forgery it is told.

mod port;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::Failure;
use super::request::Request;
use port::Port;

pub(super) use port::Ports;

/// Replies to other questions that one question takes before somebody seems to be guessing.
const FORGED_LIMIT: u32 = 64;
const HEADER: usize = 12;
const FORMERR: u8 = 1;

/// What came instead of an answer, and calls for asking another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oddity {
    /// The question came back in another case than it was sent in.
    #[error("its reply spells the question in another way")]
    Spelling,
    /// So many replies to other questions came that somebody may be guessing.
    #[error("a flood of replies to other questions came in its name")]
    Flood,
    /// FORMERR without a question: how old servers turn EDNS down.
    #[error("it cannot read the question")]
    Unreadable,
}

/// What was heard on the socket.
#[derive(Debug)]
pub(super) enum Heard {
    /// A reply to the question.
    Reply(Vec<u8>),
    /// A sign that the answer should be had another way; each is told of once.
    Odd(Oddity),
}

/// A question that was sent.
pub(super) struct Asking<'a> {
    port: Arc<Port>,
    request: &'a Request<'a>,
    started: Instant,
    repeat_at: Instant,
    pause: Duration,
    is_repeated: bool,
    /// Replies to other questions of our id.
    forged: u32,
    is_flooded: bool,
    is_respelled: bool,
}

impl<'a> Asking<'a> {
    /// Sends `request` to a server, to be repeated after `pause`, and then ever less often.
    pub fn send(ports: &Ports, request: &'a Request<'a>, pause: Duration) -> Result<Self, Failure> {
        let started = Instant::now();
        let port = ports.take(request.sent_id(), started)?;
        let asking = Self {
            port,
            request,
            started,
            repeat_at: started + pause,
            pause,
            is_repeated: false,
            forged: 0,
            is_flooded: false,
            is_respelled: false,
        };
        asking.port.send(request.as_wire())?;
        Ok(asking)
    }

    /// How long ago the question was first sent, and whether it was repeated since.
    pub fn took(&self) -> (Duration, bool) {
        (self.started.elapsed(), self.is_repeated)
    }

    /// Waits for the next thing worth telling, for as long as the caller does.
    pub async fn hear(&mut self) -> Result<Heard, Failure> {
        loop {
            let repeat_at = self.repeat_at;
            let news = poll_fn(|context| match self.collect(context).transpose() {
                Some(heard) => Poll::Ready(heard),
                None => Poll::Pending,
            });
            match timeout_at(repeat_at, news).await {
                Ok(heard) => return heard,
                Err(_) => self.repeat()?,
            }
        }
    }

    fn repeat(&mut self) -> Result<(), Failure> {
        // Twice the pause would leave the usual timeout room for three datagrams only.
        self.pause = self.pause * 3 / 2;
        self.repeat_at = Instant::now() + self.pause;
        self.is_repeated = true;
        self.port.receive_anyway();
        self.port.send(self.request.as_wire())
    }

    /// Waits for a reply, whatever else comes.
    pub async fn hear_reply(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Heard::Reply(reply) = self.hear().await? {
                return Ok(reply);
            }
        }
    }

    /// What came so far that is worth telling; who asks is woken when there is more.
    fn collect(&mut self, context: &Context<'_>) -> Result<Option<Heard>, Failure> {
        loop {
            // A letter that came with a flood may be one of the guesses.
            let forged = self.forged.saturating_add(self.port.forged());
            if forged >= FORGED_LIMIT && !self.is_flooded {
                self.is_flooded = true;
                return Ok(Some(Heard::Odd(Oddity::Flood)));
            }
            let Some(letter) = self.port.collect(self.request.sent_id(), context)? else {
                return Ok(None);
            };
            let judged = judge(self.request, &letter);
            if judged == Judged::Genuine {
                return Ok(Some(Heard::Reply(letter)));
            }
            // The genuine one may have come with it.
            self.port.receive_anyway();
            match judged {
                Judged::Odd(Oddity::Spelling) if self.is_respelled => {}
                Judged::Odd(oddity) => {
                    self.is_respelled |= oddity == Oddity::Spelling;
                    return Ok(Some(Heard::Odd(oddity)));
                }
                Judged::Genuine | Judged::Forged => {
                    self.forged = self.forged.saturating_add(1);
                }
            }
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.port.leave(self.request.sent_id());
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Genuine,
    Odd(Oddity),
    Forged,
}

fn judge(request: &Request<'_>, reply: &[u8]) -> Judged {
    let Some(header) = reply.first_chunk::<HEADER>() else {
        return Judged::Forged;
    };
    let [id0, id1, flags0, flags1, count0, count1, ..] = *header;
    let is_reply = flags0 & 0x80 != 0;
    if [id0, id1] != request.sent_id() || !is_reply {
        return Judged::Forged;
    }
    match u16::from_be_bytes([count0, count1]) {
        0 if flags1 & 0x0f == FORMERR => return Judged::Odd(Oddity::Unreadable),
        1 => {}
        _ => return Judged::Forged,
    }
    let asked = request.question();
    match reply.get(HEADER..HEADER + asked.len()) {
        Some(question) if question == asked => Judged::Genuine,
        Some(question) if question.eq_ignore_ascii_case(asked) => Judged::Odd(Oddity::Spelling),
        _ => Judged::Forged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Query, RecordType};
    use crate::upstream::request::Form;

    fn judged(change: impl FnOnce(&mut Vec<u8>)) -> Judged {
        let query = Query::internal("home.example".parse().unwrap(), RecordType::A);
        let form = Form {
            mixed_case: false,
            edns: true,
            padded: false,
        };
        let request = Request::new(&query, form);
        let mut reply = request.as_wire().to_vec();
        reply[2] |= 0x80;
        change(&mut reply);
        judge(&request, &reply)
    }

    #[test]
    fn the_same_question_under_the_same_id_is_genuine() {
        assert_eq!(judged(|_| {}), Judged::Genuine);
    }

    #[test]
    fn a_reply_to_something_else_is_passed_over() {
        assert_eq!(judged(|reply| reply[0] ^= 1), Judged::Forged, "id");
        assert_eq!(judged(|reply| reply[2] = 0), Judged::Forged, "a query");
        assert_eq!(judged(|reply| reply[14] = b'x'), Judged::Forged, "name");
        assert_eq!(judged(|reply| reply[27] = 28), Judged::Forged, "type");
        assert_eq!(judged(|reply| reply[29] = 3), Judged::Forged, "class");
        assert_eq!(judged(|reply| reply[5] = 0), Judged::Forged, "no question");
        assert_eq!(
            judged(|reply| reply[5] = 2),
            Judged::Forged,
            "two questions"
        );
        assert_eq!(judged(|reply| reply.truncate(11)), Judged::Forged, "short");
        assert_eq!(judged(|reply| reply.truncate(20)), Judged::Forged, "cut");
    }

    #[test]
    fn another_case_and_formerr_without_question_call_for_another_way() {
        assert_eq!(
            judged(|reply| reply[14] = b'O'),
            Judged::Odd(Oddity::Spelling)
        );
        let formerr = |reply: &mut Vec<u8>| {
            reply[3] |= 1;
            reply[5] = 0;
            reply.truncate(12);
        };
        assert_eq!(judged(formerr), Judged::Odd(Oddity::Unreadable));
    }
}
