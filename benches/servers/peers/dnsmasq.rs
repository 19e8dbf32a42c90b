//! dnsmasq: the list as names that no upstream is asked for, which are the only lines that it reads
//! again when it is hung up on.

use super::super::process::{Process, convert};
use super::{Peer, Place, found, other, words};

pub fn peer() -> Option<Peer> {
    let program = found("dnsmasq")?;
    Some(other("dnsmasq", program, "--version", (prepare, reload)))
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    convert_list(place);
    let config = format!(
        "no-resolv\nno-hosts\nport={}\nlisten-address=127.0.0.1\nbind-interfaces\nuser=\n\
         server=127.0.0.1#{}\ncache-size=100000\ncache-rr=HTTPS\ndns-forward-max=10000\n\
         pid-file={}\nservers-file={}\n",
        place.port,
        place.upstream,
        place.text("pid"),
        place.text("block.conf"),
    );
    place.write("dnsmasq.conf", &config);
    let option = format!("--conf-file={}", place.text("dnsmasq.conf"));
    words(&["--keep-in-foreground", &option])
}

fn reload(server: &Process, place: &Place<'_>) {
    convert_list(place);
    server.hang_up();
}

fn convert_list(place: &Place<'_>) {
    convert(place.list, &place.path("block.conf"), "", |name| {
        format!("server=/{name}/\n")
    });
}
