//! dnsdist, which forwards and holds answers, but resolves nothing itself: the list as a rule over
//! suffixes.

use super::super::process::Process;
use super::{Peer, Place, found, other, tell, words};

/// What its client shows, on loopback only.
const KEY: &str = "setKey('c3F1ZWxjaCBiZW5jaCBvbiBsb29wYmFjayBvbmx5ISE=')\n";

pub fn peer() -> Option<Peer> {
    let program = found("dnsdist")?;
    Some(other("dnsdist", program, "--version", (prepare, reload)))
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    let folder = place.folder.display();
    let control = format!("{KEY}controlSocket('127.0.0.1:{}')\n", place.control);
    let config = format!(
        "{control}setLocal('127.0.0.1:{}')\n\
         addTLSLocal('127.0.0.1:{}', '{folder}/cert.pem', '{folder}/key.pem')\n\
         addDOHLocal('127.0.0.1:{}', '{folder}/cert.pem', '{folder}/key.pem', {{'/dns-query'}})\n\
         setACL('127.0.0.0/8')\n\
         newServer({{address='127.0.0.1:{}', sockets=1, maxInFlight=0, healthCheckMode='up'}})\n\
         setServerPolicy(firstAvailable)\nsetSecurityPollSuffix('')\n\
         getPool(''):setCache(newPacketCache(200000, {{maxTTL=86400, dontAge=false}}))\n\
         setMaxUDPOutstanding(65535)\n\
         function read_list()\n\
         \x20local names = newSuffixMatchNode()\n\
         \x20for line in io.lines('{}') do names:add(line) end\n\
         \x20clearRules()\n\
         \x20addAction(SuffixMatchNodeRule(names), RCodeAction(DNSRCode.NXDOMAIN))\n\
         end\nread_list()\n",
        place.port,
        place.tls,
        place.https,
        place.upstream,
        place.list.display(),
    );
    place.write("dnsdist.conf", &config);
    place.write("client.conf", &control);
    words(&["--supervised", "-C", &place.text("dnsdist.conf")])
}

fn reload(_: &Process, place: &Place<'_>) {
    let (config, server) = (
        place.text("client.conf"),
        format!("127.0.0.1:{}", place.control),
    );
    tell(
        "dnsdist",
        &["-C", &config, "-c", &server, "-e", "read_list()"],
    );
}
