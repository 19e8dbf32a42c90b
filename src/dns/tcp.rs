//! DNS over TCP (RFC 7766): length-prefixed messages, many on one connection, answered in the
//! order in which the answers are ready.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Desk, Outcome};
use crate::pipeline::Pending;
use crate::query::{AnswerBuf, Query, Transport};

/// A connection without a whole query for this long is closed (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(10);
/// The same in tenths of a second, as RFC 7828 §3.1 tells it.
pub(super) const IDLE_TENTHS: u16 = 100;
/// Someone who does not read answers for this long is cut off.
const SLOW_READER: Duration = Duration::from_secs(10);
/// Queries of one connection that may wait for upstreams; beyond, reading pauses.
const WAITING_MAX: usize = 100;
/// Writes of one connection that may wait, and the length at which answers become a write: small
/// questions can have long answers, which someone who never reads would have us keep.
const WRITES_MAX: usize = 16;
const WRITE_LENGTH: usize = 16 << 10;
/// After a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The TCP connections of one thread.
#[derive(Clone)]
pub(super) struct Connections {
    desk: Rc<Desk>,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Connections {
    pub(super) fn new(most: usize, desk: Rc<Desk>, tasks: TaskTracker) -> Self {
        Self {
            desk,
            tasks,
            places: Arc::new(Semaphore::new(most)),
        }
    }

    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.start(stream, peer, &stop),
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn start(&self, stream: TcpStream, peer: SocketAddr, stop: &CancellationToken) {
        // No place left: the connection is closed at once, and UDP goes on.
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        let (answers, to_write) = mpsc::channel(WRITES_MAX);
        let connection = Connection {
            peer,
            desk: Rc::clone(&self.desk),
            tasks: self.tasks.clone(),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            answers,
        };
        let stop = stop.clone();
        self.tasks.spawn_local(write_all(writer, to_write));
        self.tasks.spawn_local(async move {
            connection.run(reader, stop).await;
            drop(place);
        });
    }
}

struct Connection {
    peer: SocketAddr,
    desk: Rc<Desk>,
    tasks: TaskTracker,
    waiting: Arc<Semaphore>,
    answers: mpsc::Sender<Vec<u8>>,
}

impl Connection {
    async fn run(self, mut reader: OwnedReadHalf, stop: CancellationToken) {
        let mut buffer = Vec::with_capacity(4096);
        let mut out = AnswerBuf::new();
        let mut deadline = Instant::now() + IDLE;
        loop {
            let read = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                read = timeout_at(deadline, reader.read_buf(&mut buffer)) => read,
            };
            match read {
                // Half closed, or gone: what is in hand is still answered.
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(_)) => {}
                Err(_) if self.waiting.available_permits() < WAITING_MAX => {
                    deadline = Instant::now() + IDLE;
                }
                Err(_) => return,
            }
            let Some(used) = self.handle(&buffer, &mut out).await else {
                return;
            };
            if used > 0 {
                buffer.drain(..used);
                deadline = Instant::now() + IDLE;
            }
        }
    }

    /// Answers the whole messages at the start of `buffer`. Gives their length; `None` when nobody
    /// reads answers any more.
    async fn handle(&self, buffer: &[u8], out: &mut AnswerBuf) -> Option<usize> {
        let mut rest = buffer;
        let mut ready = Vec::new();
        while let Some((message, after)) = split_frame(rest) {
            rest = after;
            if ready.len() >= WRITE_LENGTH {
                self.send(std::mem::take(&mut ready)).await?;
            }
            match self.desk.take(message, (self.peer, Transport::Tcp), out) {
                Outcome::Silence => {}
                Outcome::Answered => push_frame(&mut ready, out.as_slice()),
                Outcome::Wait(query, pending) => {
                    if self.waiting.available_permits() == 0 {
                        // What is ready does not wait for what is not.
                        self.send(std::mem::take(&mut ready)).await?;
                    }
                    let permit = Arc::clone(&self.waiting).acquire_owned().await.ok()?;
                    self.wait(query, pending, permit);
                }
            }
        }
        self.send(ready).await?;
        Some(buffer.len() - rest.len())
    }

    async fn send(&self, ready: Vec<u8>) -> Option<()> {
        if ready.is_empty() {
            return Some(());
        }
        self.answers.send(ready).await.ok()
    }

    fn wait(&self, query: Query, pending: Pending, permit: OwnedSemaphorePermit) {
        let (desk, answers) = (Rc::clone(&self.desk), self.answers.clone());
        self.tasks.spawn_local(async move {
            let mut out = AnswerBuf::new();
            desk.pipeline.answer(&query, pending, &mut out).await;
            if out.as_slice().is_empty() {
                return;
            }
            let mut framed = Vec::with_capacity(out.as_slice().len() + 2);
            push_frame(&mut framed, out.as_slice());
            // The device may have gone: then nobody misses the answer.
            let _ = answers.send(framed).await;
            drop(permit);
        });
    }
}

/// Writes answers as they become ready, several at a time where several are.
async fn write_all(mut writer: OwnedWriteHalf, mut answers: mpsc::Receiver<Vec<u8>>) {
    let mut batch = Vec::new();
    while answers.recv_many(&mut batch, WRITES_MAX).await > 0 {
        let bytes = batch.concat();
        batch.clear();
        match timeout(SLOW_READER, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn push_frame(frames: &mut Vec<u8>, message: &[u8]) {
    // An answer is cut to 65,535 bytes before it comes here.
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    frames.extend_from_slice(&length.to_be_bytes());
    frames.extend_from_slice(message);
}
