//! Devices by the kernel's own neighbour table, and by multicast DNS, in a network that only this test sees.

#![cfg(target_os = "linux")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, Record};
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};
use squelch::device::{DeviceKey, Devices, Neighbours};
use squelch::query::DeviceId;
use squelch::upstream;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

const PHONE: &str = "28:6c:07:01:02:03";
const TABLET: &str = "02:00:00:01:02:03";

fn ip(arguments: &str) -> bool {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output();
    output.is_ok_and(|output| output.status.success())
}

/// A network with one interface, for this thread alone.
fn enter_own_network() -> bool {
    unshare(CloneFlags::CLONE_NEWNET).is_ok()
        && ip("link add home0 type veth peer name home1")
        && ip("addr add 192.0.2.1/24 dev home0")
        && ip("addr add 2001:db8::1/64 dev home0 nodad")
        && ip("link set home1 up")
        && ip("link set home0 up")
        // What is sent to an address of our own goes through it.
        && ip("link set lo up")
}

/// Waits until the device of an address is another one.
async fn until_not(devices: &Devices, address: IpAddr, before: DeviceId) -> DeviceId {
    let mut changed = devices.changed();
    let wait = async {
        loop {
            let now = devices.identify(address);
            if now != before {
                return now;
            }
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("the kernel's events arrive")
}

async fn follow_a_phone(devices: &Devices) {
    let ipv4: IpAddr = "192.0.2.7".parse().unwrap();
    let ipv6: IpAddr = "2001:db8::7".parse().unwrap();

    // In the table before we looked.
    let guess = devices.identify(ipv4);
    let phone = until_not(devices, ipv4, guess).await;
    assert_eq!(devices.resolve(guess), phone);
    assert_eq!(
        devices.device(phone).unwrap().key.to_string(),
        format!("mac:{PHONE}")
    );

    // Comes into the table while we look.
    let guess = devices.identify(ipv6);
    assert_eq!(devices.device(guess).unwrap().key, DeviceKey::Ip(ipv6));
    assert!(ip(&format!("neigh add {ipv6} lladdr {PHONE} dev home0")));
    assert_eq!(until_not(devices, ipv6, guess).await, phone);
    assert_eq!(devices.device(phone).unwrap().addresses, [ipv4, ipv6]);

    // Another device gets the address.
    assert!(ip(&format!(
        "neigh replace {ipv4} lladdr {TABLET} dev home0"
    )));
    let tablet = until_not(devices, ipv4, phone).await;
    assert!(devices.device(tablet).unwrap().private_mac);
    assert_eq!(devices.device(phone).unwrap().addresses, [ipv6]);
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn run_in_own_network() {
    if !enter_own_network() {
        eprintln!("skipped: this test needs root, the program `ip`, and veth interfaces");
        return;
    }
    assert!(ip(&format!("neigh add 192.0.2.7 lladdr {PHONE} dev home0")));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let devices = Arc::new(Devices::new(&[], Vec::new()));
        let stop = CancellationToken::new();
        let task = Neighbours::new(Arc::clone(&devices)).run(stop.clone());
        let test = async {
            follow_a_phone(&devices).await;
            stop.cancel();
        };
        tokio::join!(task, test);
        ask_for_names().await;
    });
}

/// Answers the question that is heard next with this name.
async fn answer(heard: &UdpSocket, own: &UdpSocket, name: &str) {
    let mut question = [0; 512];
    let (length, asker) = heard.recv_from(&mut question).await.unwrap();
    let mut message = Message::from_vec(&question[..length]).unwrap();
    message.metadata.message_type = MessageType::Response;
    let owner = message.queries[0].name().clone();
    let target = PTR(Name::from_ascii(name).unwrap());
    message.add_answer(Record::from_rdata(owner, 10, RData::PTR(target)));
    own.send_to(&message.to_vec().unwrap(), asker)
        .await
        .unwrap();
}

/// Devices that speak multicast DNS over IPv4 and IPv6 are found where they are.
async fn ask_for_names() {
    let (v4, v6) = ("192.0.2.8", "2001:db8::8");
    assert!(ip(&format!("addr add {v4}/24 dev home0")));
    assert!(ip(&format!("addr add {v6}/64 dev home0 nodad")));
    let socket = async |address: SocketAddr| UdpSocket::bind(address).await.unwrap();
    let own = async |address: &str| socket((address.parse::<IpAddr>().unwrap(), 5353).into()).await;
    let (group_v4, group_v6) = (Ipv4Addr::new(224, 0, 0, 251), "ff02::fb".parse().unwrap());
    let index = if_nametoindex("home0").unwrap();
    let heard_v4 = socket((group_v4, 5353).into()).await;
    let ours = Ipv4Addr::new(192, 0, 2, 1);
    heard_v4.join_multicast_v4(group_v4, ours).unwrap();
    let heard_v6 = socket(SocketAddrV6::new(group_v6, 5353, 0, index).into()).await;
    heard_v6.join_multicast_v6(&group_v6, index).unwrap();
    let answers = async {
        answer(&heard_v4, &own(v4).await, "tablet.local.").await;
        answer(&heard_v6, &own(v6).await, "tv.local.").await;
    };
    let names = async {
        let name = upstream::local_name(v4.parse().unwrap()).await;
        assert_eq!(name.as_deref(), Some("tablet"));
        let name = upstream::local_name(v6.parse().unwrap()).await;
        assert_eq!(name.as_deref(), Some("tv"));
    };
    tokio::join!(answers, names);
}

#[test]
fn devices_are_recognised_by_the_neighbour_table_and_tell_their_names() {
    // The network belongs to the thread that makes it.
    std::thread::spawn(run_in_own_network).join().unwrap();
}
