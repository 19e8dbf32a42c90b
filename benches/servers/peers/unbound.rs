//! unbound: the list as zones of its own.

use super::super::process::{Process, convert};
use super::{Peer, Place, found, other, words};

pub fn peer() -> Option<Peer> {
    let program = found("unbound")?;
    Some(other("unbound", program, "-V", (prepare, reload)))
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    convert_list(place);
    let (folder, tls, https) = (place.folder.display(), place.tls, place.https);
    let config = format!(
        "server:\n interface: 127.0.0.1@{}\n access-control: 127.0.0.0/8 allow\n\
         \x20interface: 127.0.0.1@{tls}\n interface: 127.0.0.1@{https}\n\
         \x20tls-port: {tls}\n https-port: {https}\n\
         \x20tls-service-pem: \"{folder}/cert.pem\"\n tls-service-key: \"{folder}/key.pem\"\n\
         \x20incoming-num-tcp: 100\n do-not-query-localhost: no\n do-ip6: no\n num-threads: 1\n username: \"\"\n\
         \x20chroot: \"\"\n directory: \"{folder}\"\n pidfile: \"{folder}/pid\"\n\
         \x20use-syslog: no\n verbosity: 0\n module-config: \"iterator\"\n\
         \x20msg-cache-size: 64m\n rrset-cache-size: 128m\n outgoing-range: 8192\n\
         \x20num-queries-per-thread: 4096\n include: \"{folder}/block.conf\"\n\
         remote-control:\n control-enable: no\n\
         forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{}\n",
        place.port, place.upstream,
    );
    place.write("unbound.conf", &config);
    words(&["-d", "-c", &place.text("unbound.conf")])
}

fn reload(server: &Process, place: &Place<'_>) {
    convert_list(place);
    server.hang_up();
}

fn convert_list(place: &Place<'_>) {
    convert(place.list, &place.path("block.conf"), "", |name| {
        format!("local-zone: \"{name}\" always_null\n")
    });
}
