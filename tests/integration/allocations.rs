//! What is answered from memory costs no allocation: counted on the DNS threads of a whole server,
//! between the packet that comes in and the one that goes out.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hickory_proto::rr::RecordType;
use nix::libc::{PR_GET_NAME, prctl};
use tokio::net::UdpSocket;

use crate::house::{House, question};
use crate::stub::Stub;

/// Whether allocations of DNS threads are counted at the moment.
static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNTED: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which can tell what DNS threads ask of it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Whether this is a DNS thread, once that was looked up.
    static IS_DNS: Cell<Option<bool>> = const { Cell::new(None) };
}

#[expect(
    unsafe_code,
    reason = "it only counts, and passes all on to the system's"
)]
// SAFETY: what it does with memory is what the system's allocator does.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps what it promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps what it promised.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps what it promised.
        unsafe { System.realloc(place, layout, size) }
    }
}

fn count() {
    if COUNTS.load(Ordering::Relaxed) && is_dns_thread() {
        COUNTED.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_dns_thread() -> bool {
    IS_DNS.with(|known| {
        if known.get().is_none() {
            known.set(Some(thread_name().starts_with(b"dns-")));
        }
        known.get() == Some(true)
    })
}

/// The thread's name as the system has it, which allocates nothing.
#[expect(unsafe_code, reason = "the safe ways to a thread's name allocate")]
fn thread_name() -> [u8; 16] {
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes, and there is room for them.
    unsafe { prctl(PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// The names that are asked for, one answered by each step that needs nobody else.
const ASKED: [(&str, RecordType); 5] = [
    ("open.oneplus.net", RecordType::A),
    ("ads.example", RecordType::AAAA),
    ("nas.home.arpa", RecordType::A),
    ("www.site.example", RecordType::A),
    ("game.example", RecordType::A),
];

/// Asks for every name so many times, from a few devices, and waits for each answer.
async fn ask_all(house: &House, times: u16) {
    for device in 2..6 {
        let socket = device_at(house, device).await;
        for (name, kind) in ASKED {
            for id in 0..times {
                ask(&socket, id, name, kind).await;
            }
        }
    }
}

/// A device of this number, which asks the house.
async fn device_at(house: &House, number: u8) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, number), 0));
    let socket = socket.await.unwrap();
    let server = (Ipv4Addr::LOCALHOST, house.dns().port());
    socket.connect(server).await.unwrap();
    socket
}

async fn ask(socket: &UdpSocket, id: u16, name: &str, kind: RecordType) {
    let mut message = question(name, kind);
    message.metadata.id = id;
    socket.send(&message.to_vec().unwrap()).await.unwrap();
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).await.unwrap();
    assert!(length > 12);
    assert_eq!(answer[..2], id.to_be_bytes(), "{name}");
}

/// Says that this process is for the counting alone.
const ALONE: &str = "ALLOCATIONS_ALONE";

#[test]
fn an_answer_from_memory_allocates_nothing() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(count_all());
    }
    // Servers of other tests in this process have DNS threads, too.
    let test = "allocations::an_answer_from_memory_allocates_nothing";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

async fn count_all() {
    let config = r#"[dns]
listen = ["0.0.0.0:0"]
workers = 1
rate_limit = { queries_per_second = 0, burst = 0 }
[[rule]]
match = "||ads.example^"
[[rule]]
match = "||game.example^"
devices = ["Tablet"]
[[record]]
name = "nas.home.arpa"
value = "192.0.2.10"
[[group]]
name = "kids"
[[device]]
name = "Tablet"
match = ["127.0.0.3"]
group = "kids""#;
    // On every address, so that answers have to be told which of them they leave from.
    let stub = Stub::with_address("192.0.2.99").await;
    let house = House::with(stub, config).await;
    // Buffers grow to their size, names are held, and devices are met.
    ask_all(&house, 50).await;
    let asked = house.stub.seen().len();
    COUNTS.store(true, Ordering::Relaxed);
    ask_all(&house, 200).await;
    COUNTS.store(false, Ordering::Relaxed);
    assert_eq!(
        house.stub.seen().len(),
        asked,
        "all was answered from memory"
    );
    assert_eq!(COUNTED.load(Ordering::Relaxed), 0);

    // The counter does count: a name that has to be asked for takes a task.
    COUNTS.store(true, Ordering::Relaxed);
    let socket = device_at(&house, 2).await;
    ask(&socket, 1, "new.site.example", RecordType::A).await;
    assert!(COUNTED.load(Ordering::Relaxed) > 0);
}
