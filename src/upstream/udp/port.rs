//! Sockets to one server, each on a port that the kernel chose at random.
//!
//! A question has a port of its own, so that a forger has to guess it (RFC 5452 §9.2). Only where
//! a thread asks more than a home ever does, questions share ports: opening one takes longer than
//! asking. A forger gains nothing from that, for each question still has one port out of many and
//! an id; and no port is shared by many, or for long.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::upstream::error::Failure;

/// Questions that get ports of their own in a [`SPAN`], on one thread.
const OWN: usize = 100;
/// And ports that may be open for that.
const OWN_OPEN: usize = 256;
const SPAN: Duration = Duration::from_millis(100);
/// Ports that are shared at any time, and by how many questions.
const SHARED: usize = 128;
const SHARED_BY: usize = 128;
/// Letters to one question that wait to be read.
const LETTERS: usize = 8;
/// Datagrams that are received in one go: about as many as there is room for.
const AT_ONCE: usize = 256;

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
    bell: Waker,
    /// Datagrams with ids of no question.
    forged: AtomicU32,
    desk: Mutex<Desk>,
}

/// Rung by the runtime when something has come in, which is sorted there and then: only the question
/// whose answer it is wakes.
struct Bell(Weak<Port>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(port) = self.0.upgrade() {
            port.receive();
        }
    }
}

/// What came for the questions that were asked from one port.
#[derive(Default)]
struct Desk {
    waiting: Vec<Waiting>,
    /// The ids of those that were answered: what still comes for them is late, not forged.
    past: Vec<[u8; 2]>,
    broken: Option<Failure>,
}

struct Waiting {
    id: [u8; 2],
    letters: Vec<Vec<u8>>,
    /// Wakes who asks, where it waits.
    waker: Option<Waker>,
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

    /// A port for the question with this id, which is asked now.
    pub(super) fn take(&self, id: [u8; 2], now: Instant) -> Result<Arc<Port>, Failure> {
        let mut sharing = self.sharing.lock().unwrap_or_else(PoisonError::into_inner);
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
            let place = sharing.place();
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
        let port = port.map_err(|error| Failure::from_io(&error))?;
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

impl Sharing {
    /// One of the ports at random: of two, the one where fewer wait.
    fn place(&self) -> usize {
        let places: [usize; 2] = std::array::from_fn(|_| rand::random_range(..self.ports.len()));
        let waiting = |place: &usize| self.ports.get(*place).map(|port| port.desk().waiting.len());
        places.into_iter().min_by_key(waiting).unwrap_or(0)
    }
}

impl Port {
    /// Connects without binding first, so that nothing from elsewhere is ever taken in.
    fn open(server: SocketAddr, open: &Arc<AtomicUsize>) -> io::Result<Arc<Self>> {
        let kind = Type::DGRAM.nonblocking();
        let socket = Socket::new_raw(Domain::for_address(server), kind, None)?;
        socket.connect(&server.into())?;
        let socket = watch(socket.into())?;
        open.fetch_add(1, Ordering::Relaxed);
        let port = Arc::new_cyclic(|port| Self {
            socket,
            open: Arc::clone(open),
            bell: Waker::from(Arc::new(Bell(Weak::clone(port)))),
            forged: AtomicU32::new(0),
            desk: Mutex::default(),
        });
        // Of a refusal the runtime tells as it does of a pipe that nobody reads any more.
        let _ = port.socket.poll_write_ready(&mut port.context());
        port.receive();
        Ok(port)
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
            waker: None,
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

    /// How many datagrams came with ids of no question.
    pub fn forged(&self) -> u32 {
        self.forged.load(Ordering::Relaxed)
    }

    /// What came with this id; who asks is woken when there is more.
    pub fn collect(&self, id: [u8; 2], context: &Context<'_>) -> Result<Option<Vec<u8>>, Failure> {
        let mut desk = self.desk();
        if let Some(ours) = desk.waiting.iter_mut().find(|waiting| waiting.id == id) {
            if !ours.letters.is_empty() {
                return Ok(Some(ours.letters.remove(0)));
            }
            match &mut ours.waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
        }
        desk.broken.clone().map_or(Ok(None), Err)
    }

    /// Receives and sorts what has come in, and has the bell rung at what comes from now on.
    fn receive(&self) {
        // Another thread may hear of more meanwhile; what never ends is a socket that is of no use.
        for _ in 0..AT_ONCE {
            self.sort_all(|| self.socket.try_io(Interest::READABLE, receive_now));
            // Nobody waits for what may be left: the system need not be asked whether there is any.
            let nothing = |_: &UdpSocket| Err::<(), _>(ErrorKind::WouldBlock.into());
            let _ = self.socket.try_io(Interest::READABLE, nothing);
            // A refusal (ICMP) makes a socket neither readable nor closed in tokio's eyes.
            self.sort_all(|| self.socket.try_io(Interest::ERROR, receive_now));
            match self.socket.poll_read_ready(&mut self.context()) {
                Poll::Pending => return,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => break,
            }
        }
        self.fail(Failure::Local(
            "a socket or the runtime is shut down".into(),
        ));
    }

    /// Receives and sorts what is there, although the system has not told of it. It does not tell of
    /// what comes when there is no more room, nor twice of the same.
    pub fn receive_anyway(&self) {
        self.sort_all(|| receive_now(self.socket.get_ref()));
    }

    fn sort_all(&self, receive: impl Fn() -> io::Result<Vec<u8>>) {
        for _ in 0..AT_ONCE {
            match receive() {
                Ok(datagram) => {
                    let is_awaited = self.sort(datagram);
                    if !is_awaited {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => return self.fail(Failure::from_io(&error)),
            }
        }
    }

    fn context(&self) -> Context<'_> {
        Context::from_waker(&self.bell)
    }

    /// Hands a datagram to the question that it answers; whether another one waits for its own, and
    /// there is room for more.
    fn sort(&self, datagram: Vec<u8>) -> bool {
        let mut desk = self.desk();
        let id = datagram.first_chunk().copied().unwrap_or_default();
        let mut woken = Vec::new();
        let theirs = desk.waiting.iter_mut().find(|waiting| waiting.id == id);
        let (mut waker, mut has_room) = (None, true);
        if let Some(theirs) = theirs {
            waker = theirs.waker.take();
            if theirs.letters.len() < LETTERS {
                theirs.letters.push(datagram);
            }
            has_room = theirs.letters.len() < LETTERS;
        } else if !desk.past.contains(&id) {
            self.forged.fetch_add(1, Ordering::Relaxed);
            woken = desk.take_wakers();
        }
        let mut waiting = desk.waiting.iter();
        let is_awaited = has_room && waiting.any(|waiting| waiting.letters.is_empty());
        drop(desk);
        woken.into_iter().chain(waker).for_each(Waker::wake);
        is_awaited
    }

    fn fail(&self, failure: Failure) {
        let mut desk = self.desk();
        desk.broken = Some(failure);
        let wakers = desk.take_wakers();
        drop(desk);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A letter is whole or absent, also after a panic.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn take_wakers(&mut self) -> Vec<Waker> {
        let waiting = self.waiting.iter_mut();
        waiting.filter_map(|waiting| waiting.waker.take()).collect()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn receive_now(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    DATAGRAM.with_borrow_mut(|datagram| {
        let length = socket.recv(datagram)?;
        Ok(datagram.get(..length).unwrap_or_default().to_vec())
    })
}

/// Watches for what comes in only: of room to send the system would tell after each question.
#[expect(
    deprecated,
    reason = "an `UdpSocket` keeps its descriptor, so this is sound, and what came after is unsafe code"
)]
fn watch(socket: UdpSocket) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often a question was woken.
    #[derive(Default)]
    struct Sleeper(AtomicUsize);

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn of_those_who_share_a_port_only_the_one_whose_answer_came_wakes() {
        let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports::new(server.local_addr().unwrap());
        let port = ports.take([0, 1], Instant::now()).unwrap();
        port.take_in([0, 2]);
        let sleepers = [[0, 1], [0, 2]].map(|id| {
            let sleeper = Arc::new(Sleeper::default());
            let waker = Waker::from(Arc::clone(&sleeper));
            let letter = port.collect(id, &Context::from_waker(&waker));
            assert_eq!(letter.unwrap(), None);
            sleeper
        });
        let wakes = |at: usize| sleepers[at].0.load(Ordering::Relaxed);
        port.send(b"\0\x02 a question").unwrap();
        let (_, asker) = server.recv_from(&mut [0; 64]).await.unwrap();
        server.send_to(b"\0\x02 its answer", asker).await.unwrap();
        while wakes(1) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((wakes(0), wakes(1)), (0, 1));
        let context = Context::from_waker(Waker::noop());
        let letter = port.collect([0, 2], &context).unwrap();
        assert_eq!(letter.as_deref(), Some(b"\0\x02 its answer".as_slice()));
    }
}
