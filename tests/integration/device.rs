//! Devices by the kernel's own neighbour table, in a network that only this test sees.

#![cfg(target_os = "linux")]

use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use squelch::device::{DeviceKey, Devices, Neighbours};
use squelch::query::DeviceId;
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
    });
}

#[test]
fn devices_are_recognised_by_the_neighbour_table() {
    // The network belongs to the thread that makes it.
    std::thread::spawn(run_in_own_network).join().unwrap();
}
