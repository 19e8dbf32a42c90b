//! Knot Resolver: the list as a response policy zone.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;

use super::super::process::Process;
use super::{Peer, Place, found, other, response_policy_zone, words};

pub fn peer() -> Option<Peer> {
    let program = found("kresd")?;
    Some(other("knot", program, "--version", (prepare, reload)))
}

/// It watches the zone only with a library that is not installed with it. So the rule stands in a
/// variable, as it does there, and can be made anew.
fn prepare(place: &Place<'_>) -> Vec<String> {
    let zone = response_policy_zone(place);
    let config = format!(
        "net.listen('127.0.0.1', {}, {{ kind = 'dns' }})\n\
         net.tls('cert.pem', 'key.pem')\n\
         net.listen('127.0.0.1', {}, {{ kind = 'tls' }})\n\
         pcall(net.listen, '127.0.0.1', {}, {{ kind = 'doh2' }})\n\
         trust_anchors.remove('.')\n\
         modules.unload('ta_update')\nmodules.unload('ta_signal_query')\n\
         modules.unload('priming')\nmodules.unload('detect_time_skew')\n\
         cache.size = 256 * MB\n\
         function read_list() block = policy.rpz(policy.DENY, '{zone}', false) end\n\
         read_list()\n\
         policy.add(function (request, query) return block(request, query) end)\n\
         policy.add(policy.all(policy.STUB('127.0.0.1@{}')))\n",
        place.port, place.tls, place.https, place.upstream,
    );
    place.write("kresd.conf", &config);
    words(&["-n", "-c", &place.text("kresd.conf"), &place.text("")])
}

fn reload(_: &Process, place: &Place<'_>) {
    response_policy_zone(place);
    // Both starts have left a socket there; the first one's has nobody behind it.
    for socket in fs::read_dir(place.path("control")).unwrap() {
        if let Ok(mut stream) = UnixStream::connect(socket.unwrap().path()) {
            let _ = stream.write_all(b"read_list()\n");
        }
    }
}
