//! Sockets to one server, each on a port that the kernel chose at random.
//!
//! A question has a port of its own, so that a forger has to guess it (RFC 5452 §9.2). Only where
//! a thread asks more than a home ever does, questions share ports: opening one takes longer than
//! asking. A forger gains nothing from that, for each question still has one port out of many and
//! an id; and no port is shared by many, or for long.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::upstream::error::Failure;

/// Questions that get ports of their own in a [`SPAN`], on one thread.
const OWN: usize = 100;
/// And ports that may be open for that.
const OWN_OPEN: usize = 256;
const SPAN: Duration = Duration::from_millis(100);
/// Ports that are shared at any time, and by how many questions.
const SHARED: usize = 128;
const SHARED_BY: usize = 64;
/// Letters to one question that wait to be read.
const LETTERS: usize = 8;

thread_local! {
    /// Room for the longest datagram: some servers send more than they were asked for.
    static DATAGRAM: RefCell<Box<[u8]>> = RefCell::new(vec![0; 65_535].into());
}

/// The ports from which one server is asked.
pub(in crate::upstream) struct Ports {
    server: SocketAddr,
    open: Arc<AtomicUsize>,
    sharing: Mutex<Sharing>,
}

struct Sharing {
    ports: Vec<Arc<Port>>,
    since: Instant,
    asked: usize,
}

/// A socket that is connected to a server.
pub(super) struct Port {
    socket: AsyncFd<UdpSocket>,
    open: Arc<AtomicUsize>,
    /// Wakes all who wait when one of them received what others should know.
    news: Notify,
    desk: Mutex<Desk>,
}

/// What came for the questions that were asked from one port.
#[derive(Default)]
struct Desk {
    waiting: Vec<Waiting>,
    /// The ids of those that were answered: what still comes for them is late, not forged.
    past: Vec<[u8; 2]>,
    forged: u32,
    broken: Option<Failure>,
}

struct Waiting {
    id: [u8; 2],
    letters: Vec<Vec<u8>>,
}

/// What there is for a question.
pub(super) enum Post {
    /// A datagram with its id.
    Letter(Vec<u8>),
    /// So many datagrams with ids of no question so far.
    Nothing { forged: u32 },
}

impl Ports {
    /// For this server.
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            open: Arc::default(),
            sharing: Mutex::new(Sharing {
                ports: Vec::new(),
                since: Instant::now(),
                asked: 0,
            }),
        }
    }

    /// A port for the question with this id.
    pub(super) fn take(&self, id: [u8; 2]) -> Result<Arc<Port>, Failure> {
        let mut sharing = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now - sharing.since >= SPAN {
            sharing.since = now;
            sharing.asked = 0;
            // Where many questions hang, their ports are open for long.
            if self.has_room() {
                sharing.ports.clear();
            }
        }
        sharing.asked += 1;
        let is_usual = sharing.asked <= OWN && self.has_room();
        if !is_usual && sharing.ports.len() >= SHARED {
            let place = rand::random_range(..sharing.ports.len());
            if let Some(port) = sharing.ports.get(place)
                && let Some(asked) = port.take_in(id)
            {
                let port = Arc::clone(port);
                if asked >= SHARED_BY {
                    sharing.ports.swap_remove(place);
                }
                return Ok(port);
            }
        }
        let port = Port::open(self.server, &self.open);
        let port = Arc::new(port.map_err(|error| Failure::from_io(&error))?);
        port.take_in(id);
        if !is_usual && sharing.ports.len() < SHARED {
            sharing.ports.push(Arc::clone(&port));
        }
        Ok(port)
    }

    fn has_room(&self) -> bool {
        self.open.load(Ordering::Relaxed) < OWN_OPEN
    }
}

impl Port {
    /// Connects without binding first, so that nothing from elsewhere is ever taken in.
    fn open(server: SocketAddr, open: &Arc<AtomicUsize>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&server.into())?;
        let socket = watch(socket.into())?;
        open.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            socket,
            open: Arc::clone(open),
            news: Notify::new(),
            desk: Mutex::default(),
        })
    }

    /// Lets one more question wait here, and tells how many did so far; `None` where its id would
    /// be taken for another's, or nothing comes any more.
    fn take_in(&self, id: [u8; 2]) -> Option<usize> {
        let mut desk = self.desk();
        let mut waiting = desk.waiting.iter().map(|waiting| &waiting.id);
        if desk.broken.is_some() || waiting.any(|taken| *taken == id) || desk.past.contains(&id) {
            return None;
        }
        desk.waiting.push(Waiting {
            id,
            letters: Vec::new(),
        });
        Some(desk.waiting.len() + desk.past.len())
    }

    /// The question with this id waits no longer.
    pub fn leave(&self, id: [u8; 2]) {
        let mut desk = self.desk();
        let place = desk.waiting.iter().position(|waiting| waiting.id == id);
        if let Some(place) = place {
            desk.waiting.swap_remove(place);
            desk.past.push(id);
        }
    }

    /// Sends a question.
    pub fn send(&self, message: &[u8]) -> Result<(), Failure> {
        match self.socket.get_ref().send(message) {
            Ok(_) => Ok(()),
            // Where there is no room to send, the datagram is lost, and sent again as others are.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(Failure::from_io(&error)),
        }
    }

    /// Wakes when there may be post that another question received.
    pub fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// What came for the question with this id.
    pub fn collect(&self, id: [u8; 2]) -> Result<Post, Failure> {
        let mut desk = self.desk();
        let forged = desk.forged;
        let ours = desk.waiting.iter_mut().find(|waiting| waiting.id == id);
        if let Some(ours) = ours
            && !ours.letters.is_empty()
        {
            return Ok(Post::Letter(ours.letters.remove(0)));
        }
        match &desk.broken {
            Some(failure) => Err(failure.clone()),
            None => Ok(Post::Nothing { forged }),
        }
    }

    /// Waits until something came in, and sorts it.
    pub async fn receive(&self) {
        // A refusal (ICMP) makes the socket neither readable nor closed in tokio's eyes, so it has
        // to be waited for by name.
        let interest = Interest::READABLE | Interest::ERROR;
        let Ok(mut ready) = self.socket.ready(interest).await else {
            return self.fail(Failure::Local("the runtime is shut down".into()));
        };
        match self.receive_now() {
            Ok(datagram) => self.sort(datagram),
            Err(error) if error.kind() == ErrorKind::WouldBlock => match self.take_error() {
                Ok(()) => ready.clear_ready(),
                Err(error) => self.fail(Failure::from_io(&error)),
            },
            Err(error) => self.fail(Failure::from_io(&error)),
        }
    }

    fn receive_now(&self) -> io::Result<Vec<u8>> {
        DATAGRAM.with_borrow_mut(|datagram| {
            let length = self.socket.get_ref().recv(datagram)?;
            Ok(datagram.get(..length).unwrap_or_default().to_vec())
        })
    }

    fn take_error(&self) -> io::Result<()> {
        self.socket.get_ref().take_error()?.map_or(Ok(()), Err)
    }

    fn sort(&self, datagram: Vec<u8>) {
        let mut desk = self.desk();
        let id = datagram.first_chunk().copied().unwrap_or_default();
        let theirs = desk.waiting.iter_mut().find(|waiting| waiting.id == id);
        if let Some(theirs) = theirs {
            if theirs.letters.len() < LETTERS {
                theirs.letters.push(datagram);
            }
        } else if !desk.past.contains(&id) {
            desk.forged = desk.forged.saturating_add(1);
        }
        if desk.waiting.len() > 1 {
            self.news.notify_waiters();
        }
    }

    fn fail(&self, failure: Failure) {
        self.desk().broken = Some(failure);
        self.news.notify_waiters();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A letter is whole or absent, also after a panic.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Watches for what comes in only: of room to send the system would tell after each question.
#[expect(
    deprecated,
    reason = "an `UdpSocket` keeps its descriptor, so this is sound, and what came after is unsafe code"
)]
fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}
