//! BIND: the list as a response policy zone. It would log each blocked name; that is off.

use super::super::process::Process;
use super::{Peer, Place, found, other, response_policy_zone, tell, words};

/// What `rndc` shows, on loopback only.
const KEY: &str =
    "key bench { algorithm hmac-sha256; secret \"c3F1ZWxjaCBiZW5jaCBvbiBsb29wYmFjaw==\"; };\n";

pub fn peer() -> Option<Peer> {
    let program = found("named")?;
    Some(other("bind", program, "-v", (prepare, reload)))
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    let zone = response_policy_zone(place);
    let folder = place.folder.display();
    let control = place.control;
    let config = format!(
        "{KEY}controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ bench; }}; }};\n\
         tls bench {{ cert-file \"{folder}/cert.pem\"; key-file \"{folder}/key.pem\"; }};\n\
         options {{\n directory \"{folder}\";\n\
         \x20listen-on port {} {{ 127.0.0.1; }};\n\
         \x20listen-on port {} tls bench {{ 127.0.0.1; }};\n\
         \x20listen-on port {} tls bench http default {{ 127.0.0.1; }};\n\
         \x20listen-on-v6 {{ none; }};\n allow-query {{ 127.0.0.0/8; }};\n\
         \x20recursion yes;\n forward only;\n forwarders {{ 127.0.0.1 port {}; }};\n\
         \x20dnssec-validation no;\n max-cache-size 256m;\n recursive-clients 10000;\n\
         \x20pid-file none;\n session-keyfile none;\n managed-keys-directory \"{folder}\";\n\
         \x20response-policy {{ zone \"rpz.bench\" policy nxdomain; }}\n\
         \x20 qname-wait-recurse no min-update-interval 1;\n}};\n\
         logging {{ category rpz {{ null; }}; }};\n\
         zone \"rpz.bench\" {{ type primary; file \"{zone}\"; allow-query {{ none; }}; notify no; }};\n",
        place.port, place.tls, place.https, place.upstream,
    );
    place.write("named.conf", &config);
    let client = format!(
        "{KEY}options {{ default-key bench; default-server 127.0.0.1; default-port {control}; }};\n"
    );
    place.write("rndc.conf", &client);
    let (config, log) = (place.text("named.conf"), place.text("log"));
    words(&["-f", "-n", "1", "-L", &log, "-c", &config])
}

fn reload(_: &Process, place: &Place<'_>) {
    response_policy_zone(place);
    tell(
        "rndc",
        &["-c", &place.text("rndc.conf"), "reload", "rpz.bench"],
    );
}
