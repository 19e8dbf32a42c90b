//! Devices that ask steadily, and note when they are answered.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use tokio::net::UdpSocket;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::house::question;

/// An answer that comes later than this is late.
pub const LATE: Duration = Duration::from_millis(50);

/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often something is sent.
const TICK: Duration = Duration::from_millis(10);

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub sent: u64,
    pub answered: u64,
    pub late: u64,
    pub longest: Duration,
}

impl Figures {
    pub fn with(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            answered: self.answered + other.answered,
            late: self.late + other.late,
            longest: self.longest.max(other.longest),
        }
    }
}

/// Asks a node so many questions a second, for so long.
pub async fn ask(dns: SocketAddr, a_second: u32, how_long: Duration) -> Figures {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(dns).await.unwrap();
    let mut figures = Figures::default();
    let mut open = HashMap::new();
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let began = Instant::now();
    let mut answer = [0; 4096];
    loop {
        tokio::select! {
            biased;
            received = socket.recv(&mut answer) => {
                note(&mut figures, &mut open, &answer[..received.unwrap()]);
            }
            _ = ticks.tick(), if began.elapsed() < how_long => {
                let due = u64::from(a_second) * began.elapsed().as_millis() as u64 / 1000;
                while figures.sent < due {
                    let id = (figures.sent % 60_000) as u16;
                    socket.send(&query(id, figures.sent)).await.unwrap();
                    open.insert(id, Instant::now());
                    figures.sent += 1;
                }
            }
            () = time::sleep_until(began + how_long + PATIENCE) => return figures,
        }
        if began.elapsed() >= how_long && open.is_empty() {
            return figures;
        }
    }
}

fn note(figures: &mut Figures, open: &mut HashMap<u16, Instant>, answer: &[u8]) {
    let id = u16::from_be_bytes([answer[0], answer[1]]);
    let Some(sent) = open.remove(&id) else { return };
    let took = sent.elapsed();
    figures.answered += 1;
    figures.late += u64::from(took > LATE);
    figures.longest = figures.longest.max(took);
}

/// Most names are held, some are blocked, and one in twenty has to be asked for.
fn query(id: u16, number: u64) -> Vec<u8> {
    let name = match number % 20 {
        0 => format!("new{number}.example."),
        1..=4 => format!("host{}.net.oneplus.net.", number % 7),
        _ => format!("host{}.example.", number % 300),
    };
    let mut message = question(&name, RecordType::A);
    message.metadata.id = id;
    message.to_vec().unwrap()
}
