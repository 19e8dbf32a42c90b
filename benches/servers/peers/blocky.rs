//! Blocky: the list as it is. Its query log is off.
//!
//! Written from its documentation.

use super::super::process::Process;
use super::{Peer, Place, named_by, other, post, words};

pub fn peer() -> Option<Peer> {
    let program = named_by("BLOCKY")?;
    Some(other("blocky", program, "version", (prepare, reload)))
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    let folder = place.folder.display();
    let config = format!(
        "upstreams:\n  groups:\n    default: ['udp:127.0.0.1:{}']\n  init:\n    strategy: fast\n\
         blocking:\n  denylists:\n    ads: ['{}']\n  clientGroupsBlock:\n    default: [ads]\n\
         \x20 blockType: zeroIp\n\
         ports:\n  dns: 127.0.0.1:{}\n  tls: 127.0.0.1:{}\n  https: 127.0.0.1:{}\n\
         \x20 http: 127.0.0.1:{}\n\
         certFile: {folder}/cert.pem\nkeyFile: {folder}/key.pem\n\
         queryLog:\n  type: none\nlog:\n  level: warn\n",
        place.upstream,
        place.list.display(),
        place.port,
        place.tls,
        place.https,
        place.control,
    );
    place.write("config.yml", &config);
    words(&["--config", &place.text("config.yml")])
}

fn reload(_: &Process, place: &Place<'_>) {
    post(place.control, "/api/lists/refresh", "");
}
