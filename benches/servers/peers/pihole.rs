//! Pi-hole's FTL, in a mount namespace with an `/etc/pihole` of its own; that needs root. Its
//! database is made by its own tools, as `pihole -g` makes it.
//!
//! Written from its documentation.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::process::Process;
use super::{Peer, Place, found, named_by, other, tell, words};

const PROGRAM: &str = "PIHOLE_FTL";
/// A copy of the repository that has `gravity.sh`; what of it is needed is the database's schema.
const SCRIPTS: &str = "PIHOLE_SCRIPTS";

/// Puts files of ours in the places of the system's, and becomes the server.
const START: &str = r#"mkdir -p /etc/pihole && mount --bind "$1" /etc/pihole &&
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
mount -t tmpfs none /dev/shm && exec "$2" -f"#;

/// Makes the database of blocked names, and puts it in the place of the one before.
const GRAVITY: &str = r#"rm -f "$4.new" && "$1" sqlite3 -ni "$4.new" <"$2" &&
"$1" sqlite3 -ni "$4.new" "INSERT INTO adlist (address) VALUES ('file://$3');" &&
"$1" gravity parseList "$3" "$4.new" 1 &&
"$1" sqlite3 -ni "$4.new" "CREATE INDEX idx_gravity ON gravity (domain, adlist_id);
INSERT OR REPLACE INTO info SELECT 'gravity_count', count(*) FROM gravity;" &&
mv "$4.new" "$4""#;

pub fn peer() -> Option<Peer> {
    let program = named_by(PROGRAM)?;
    Some(Peer {
        program: found("unshare")?,
        ..other("pihole", program, "--version", (prepare, reload))
    })
}

fn prepare(place: &Place<'_>) -> Vec<String> {
    fs::create_dir_all(place.path("etc")).unwrap();
    for (name, line) in [
        ("passwd", "pihole:x:0:0::/etc/pihole:/bin/sh\n"),
        ("group", "pihole:x:0:\n"),
    ] {
        let system = fs::read_to_string(format!("/etc/{name}")).unwrap();
        let own = if system.contains("\npihole:") {
            ""
        } else {
            line
        };
        place.write(&format!("etc/{name}"), &format!("{system}{own}"));
    }
    let (folder, port, upstream) = (place.folder.display(), place.port, place.upstream);
    let config = format!(
        "[dns]\nupstreams = [\"127.0.0.1#{upstream}\"]\nport = {port}\ninterface = \"lo\"\n\
         listeningMode = \"SINGLE\"\nqueryLogging = false\n\
         [dns.cache]\nsize = 200000\n[dns.rateLimit]\ncount = 0\n\
         [ntp.ipv4]\nactive = false\n[ntp.ipv6]\nactive = false\n[ntp.sync]\nactive = false\n\
         [database]\nmaxDBdays = 0\n[webserver]\nport = \"127.0.0.1:{}\"\n\
         [files]\npid = \"{folder}/pid\"\n\
         [files.log]\nftl = \"{folder}/ftl.log\"\ndnsmasq = \"{folder}/dnsmasq.log\"\n\
         webserver = \"{folder}/web.log\"\n",
        place.control,
    );
    place.write("etc/pihole.toml", &config);
    convert_list(place);
    let program = named_by(PROGRAM).unwrap_or_default().display().to_string();
    let etc = place.text("etc");
    words(&["--mount", "bash", "-c", START, "start", &etc, &program])
}

fn reload(server: &Process, place: &Place<'_>) {
    convert_list(place);
    // The first of the real-time signals has it read the lists again, and nothing else.
    tell("bash", &["-c", &format!("kill -s RTMIN {}", server.id())]);
}

/// What goes wrong here shows in names that are not blocked.
fn convert_list(place: &Place<'_>) {
    let scripts = std::env::var_os(SCRIPTS).unwrap_or_else(|| "/etc/.pihole".into());
    let _ = Command::new("sh")
        .args(["-c", GRAVITY, "gravity"])
        .arg(named_by(PROGRAM).unwrap_or_default())
        .arg(PathBuf::from(scripts).join("advanced/Templates/gravity.db.sql"))
        .arg(place.list)
        .arg(place.path("etc/gravity.db"))
        .output();
}
