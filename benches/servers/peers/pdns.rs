//! `PowerDNS` Recursor: the list as a response policy zone. It has neither DNS over TLS nor over HTTPS
//! for devices.

use super::super::process::Process;
use super::{Peer, Place, found, other, response_policy_zone, tell};

pub fn peer() -> Option<Peer> {
    let program = found("pdns_recursor")?;
    Some(other("pdns", program, "--version", (prepare, reload)))
}

/// All as arguments: the form of its file differs between versions, their names do not.
fn prepare(place: &Place<'_>) -> Vec<String> {
    let zone = response_policy_zone(place);
    let rules = format!("rpzFile(\"{zone}\", {{policyName=\"bench\", zoneSizeHint=1000000}})\n");
    place.write("rpz.lua", &rules);
    let folder = place.folder.display();
    let (port, upstream) = (place.port, place.upstream);
    let options = format!(
        "config-dir={folder} socket-dir={folder} lua-config-file={folder}/rpz.lua \
         local-address=127.0.0.1 local-port={port} allow-from=127.0.0.0/8 dont-query= \
         forward-zones-recurse=.=127.0.0.1:{upstream} dnssec=off daemon=no threads=1 \
         pdns-distributes-queries=no quiet=yes loglevel=3 disable-syslog=yes \
         max-cache-entries=400000 max-packetcache-entries=200000 max-mthreads=8192 \
         security-poll-suffix= etc-hosts-file= write-pid=no"
    );
    let options = options.split_whitespace();
    options.map(|option| format!("--{option}")).collect()
}

fn reload(_: &Process, place: &Place<'_>) {
    response_policy_zone(place);
    let folder = place.folder.display();
    let (sockets, config) = (
        format!("--socket-dir={folder}"),
        format!("--config-dir={folder}"),
    );
    tell("rec_control", &[&sockets, &config, "reload-lua-config"]);
}
