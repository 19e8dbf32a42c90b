//! Messages one after the other on a connection, each with its length before it (RFC 1035 §4.2.2),
//! over TCP and TLS alike.
//!
//! One task reads, answers and writes: what is answered at once goes out together, and what waits
//! for an upstream comes when it is there (RFC 7766 §6.2.1.1).

use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::places::Place;
use super::{Desk, Outcome, Sender};
use crate::pipeline::{Arrival, Pending};
use crate::query::{AnswerBuf, Query, Transport};

/// Queries of one connection that may wait for upstreams; beyond, reading pauses.
const WAITING_MAX: usize = 100;
/// Answers that may wait to be written, in bytes; beyond, reading pauses: small questions can have
/// long answers, which someone who never reads would have us keep.
const READY_MAX: usize = 64 << 10;
/// What is read at once.
const READ: usize = 8 << 10;
/// How long the last bytes of a connection may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Who is at the other end.
pub(super) struct Caller {
    pub source: std::net::SocketAddr,
    pub transport: Transport,
    /// The name that it gave itself.
    pub device: Option<String>,
}

/// A connection.
pub(super) struct Conversation<S> {
    stream: S,
    caller: Caller,
    desk: Rc<Desk>,
    tasks: TaskTracker,
    /// What came, and is no whole message yet.
    unread: BytesMut,
    /// Answers that are not written yet.
    ready: BytesMut,
    /// So many bytes of them have to be gone by the deadline.
    owed: usize,
    has_to_flush: bool,
    out: AnswerBuf,
    waiting: usize,
    answers: mpsc::Receiver<Vec<u8>>,
    answered: mpsc::Sender<Vec<u8>>,
    /// How long nothing may happen, and until when that is.
    patience: Duration,
    deadline: Instant,
    /// Whether more may come.
    is_open: bool,
}

/// An answer that is waited for. Dropped, it is delivered, also where making it failed.
struct InHand {
    answer: Vec<u8>,
    answered: mpsc::Sender<Vec<u8>>,
}

impl Drop for InHand {
    fn drop(&mut self) {
        // There is room for all that may wait; and if the connection is gone, nobody misses it.
        let _ = self.answered.try_send(std::mem::take(&mut self.answer));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(super) fn new(stream: S, caller: Caller, desk: Rc<Desk>, tasks: TaskTracker) -> Self {
        let (answered, answers) = mpsc::channel(WAITING_MAX);
        let patience = super::patience(caller.transport);
        Self {
            stream,
            caller,
            desk,
            tasks,
            unread: BytesMut::new(),
            ready: BytesMut::new(),
            owed: 0,
            has_to_flush: false,
            out: AnswerBuf::new(),
            waiting: 0,
            answers,
            answered,
            patience,
            deadline: Instant::now() + patience,
            is_open: true,
        }
    }

    /// Answers until the other side is done or gone, takes too long, its place is given away, or
    /// `stop`; what is in hand then is still answered.
    pub(super) async fn run(mut self, stop: CancellationToken, place: Place) {
        let mut stopped = pin!(stop.cancelled());
        let mut clock = pin!(sleep_until(self.deadline));
        loop {
            self.answer();
            if !self.is_open && self.waiting == 0 && self.ready.is_empty() {
                break;
            }
            place.note_use(self.is_used());
            tokio::select! {
                biased;
                () = stopped.as_mut(), if self.is_open => self.is_open = false,
                () = place.given_away(), if self.is_open => self.is_open = false,
                moved = std::future::poll_fn(|context| self.poll(context)) => {
                    if moved.is_err() {
                        return;
                    }
                }
                () = clock.as_mut() => {
                    if !self.is_in_time() {
                        break;
                    }
                    clock.as_mut().reset(self.deadline);
                }
            }
        }
        // It has read everything, or will never: then this ends by the time.
        let _ = timeout(FAREWELL, self.stream.shutdown()).await;
    }

    fn is_used(&self) -> bool {
        self.waiting > 0 || !self.ready.is_empty() || !self.unread.is_empty()
    }

    /// Whether the connection may go on after its deadline was looked at.
    fn is_in_time(&mut self) -> bool {
        let now = Instant::now();
        if now < self.deadline {
            return true;
        }
        // Our own slowness is not the other's.
        let is_ours = self.waiting > 0 && self.ready.is_empty();
        if is_ours {
            self.deadline = now + self.patience;
        }
        is_ours
    }

    /// Answers the whole messages that came, as far as there is room.
    fn answer(&mut self) {
        let mut used = 0;
        let arrival = Arrival::now();
        while self.has_room() {
            let rest = self.unread.get(used..).unwrap_or_default();
            let Some(message) = first_message(rest) else {
                break;
            };
            used += 2 + message.len();
            let sender = Sender {
                source: self.caller.source,
                transport: self.caller.transport,
                device: self.caller.device.as_deref(),
            };
            match self.desk.take(message, (sender, arrival), &mut self.out) {
                Outcome::Silence => {}
                Outcome::Answered => push(&mut self.ready, self.out.as_slice()),
                Outcome::Wait(query, pending) => self.wait(query, pending),
            }
        }
        if used > 0 {
            self.unread.advance(used);
            if self.owed == 0 {
                self.begin_to_owe();
            }
        }
    }

    fn has_room(&self) -> bool {
        self.ready.len() < READY_MAX && self.waiting < WAITING_MAX
    }

    fn begin_to_owe(&mut self) {
        self.owed = self.ready.len();
        self.deadline = Instant::now() + self.patience;
    }

    fn wait(&mut self, query: Query, pending: Pending) {
        self.waiting += 1;
        let desk = Rc::clone(&self.desk);
        let mut in_hand = InHand {
            answer: Vec::new(),
            answered: self.answered.clone(),
        };
        // In a box: the runtime moves its tasks several times, and this one is long.
        self.tasks.spawn_local(Box::pin(async move {
            // Its room is taken when there is an answer.
            let mut out = AnswerBuf::default();
            desk.pipeline.answer(&query, pending, &mut out).await;
            in_hand.answer.extend_from_slice(out.as_slice());
        }));
    }

    /// Does what can be done now: write, take answers that are there, read.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut has_moved = self.write(context)?;
        while self.waiting > 0
            && let Poll::Ready(Some(answer)) = self.answers.poll_recv(context)
        {
            self.waiting -= 1;
            has_moved = true;
            if !answer.is_empty() {
                push(&mut self.ready, &answer);
            }
            if self.owed == 0 {
                self.begin_to_owe();
            }
        }
        if self.is_open && self.has_room() {
            has_moved |= self.read(context);
        }
        if has_moved {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn write(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let mut has_moved = false;
        while !self.ready.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &self.ready) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.ready.advance(written);
                    self.owed = self.owed.saturating_sub(written);
                    (has_moved, self.has_to_flush) = (true, true);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        if self.has_to_flush
            && let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context)
        {
            flushed?;
            self.has_to_flush = false;
        }
        if has_moved && self.owed == 0 {
            self.begin_to_owe();
        }
        Ok(has_moved)
    }

    /// Half closed, or gone: what is in hand is still answered.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        if self.unread.capacity() - self.unread.len() < READ / 4 {
            self.unread.reserve(READ);
        }
        match poll_read_buf(Pin::new(&mut self.stream), context, &mut self.unread) {
            Poll::Ready(Ok(0) | Err(_)) => self.is_open = false,
            Poll::Ready(Ok(_)) => {}
            Poll::Pending => return false,
        }
        true
    }
}

fn first_message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

fn push(ready: &mut BytesMut, message: &[u8]) {
    // An answer is cut to 65,535 bytes before it comes here.
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    ready.extend_from_slice(&length.to_be_bytes());
    ready.extend_from_slice(message);
}
