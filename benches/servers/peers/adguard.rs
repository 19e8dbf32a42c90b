//! `AdGuard` Home: the list in its own form. Its query log and its statistics are off.
//!
//! Written from its documentation.

use std::fs;

use super::super::process::{Process, convert};
use super::{Peer, Place, named_by, other, post, words};

pub fn peer() -> Option<Peer> {
    let program = named_by("ADGUARD_HOME")?;
    Some(other("adguard", program, "--version", (prepare, reload)))
}

/// In the form of version 0.107.53; later ones bring it up to date themselves.
fn prepare(place: &Place<'_>) -> Vec<String> {
    convert_list(place);
    // It reads a list at its start only if it has fetched it before.
    fs::create_dir_all(place.path("data/filters")).unwrap();
    fs::copy(place.path("block.txt"), place.path("data/filters/1.txt")).unwrap();
    let folder = place.folder.display();
    let config = format!(
        "http:\n  address: 127.0.0.1:{}\nusers: []\n\
         dns:\n  bind_hosts: [127.0.0.1]\n  port: {}\n  ratelimit: 0\n  max_goroutines: 0\n\
         \x20 upstream_dns: ['127.0.0.1:{}']\n  bootstrap_dns: []\n  cache_size: 134217728\n\
         \x20 use_private_ptr_resolvers: false\n  hostsfile_enabled: false\n\
         tls:\n  enabled: true\n  port_https: {}\n  port_dns_over_tls: {}\n\
         \x20 port_dns_over_quic: 0\n  certificate_path: {folder}/cert.pem\n\
         \x20 private_key_path: {folder}/key.pem\n\
         querylog:\n  enabled: false\n  file_enabled: false\nstatistics:\n  enabled: false\n\
         filters:\n- enabled: true\n  url: {folder}/block.txt\n  name: bench\n  id: 1\n\
         filtering:\n  protection_enabled: true\n  filtering_enabled: true\n\
         \x20 safe_fs_patterns: ['{folder}/*']\nschema_version: 29\n",
        place.control, place.port, place.upstream, place.https, place.tls,
    );
    place.write("AdGuardHome.yaml", &config);
    let config = place.text("AdGuardHome.yaml");
    words(&["-c", &config, "-w", &place.text(""), "--no-check-update"])
}

fn reload(_: &Process, place: &Place<'_>) {
    convert_list(place);
    let path = "/control/filtering/refresh";
    post(place.control, path, "{\"whitelist\":false}");
}

fn convert_list(place: &Place<'_>) {
    convert(place.list, &place.path("block.txt"), "", |name| {
        format!("||{name}^\n")
    });
}
