//! Who holds a port, as far as /proc tells.

use std::fs;

const USUAL: &str = "another program (often systemd-resolved, dnsmasq or another resolver)";

/// How often it is looked for.
const LOOKS: usize = 3;

/// The program that holds this port, as `dnsmasq (pid 812)`, or those that usually do.
pub(super) fn find(protocol: &str, port: u16) -> String {
    // The system's tables may leave a line out while other sockets come and go.
    let found = (0..LOOKS).find_map(|_| processes(&inodes(protocol, port)));
    found.unwrap_or_else(|| USUAL.to_owned())
}

/// The socket inodes on this port, from /proc/net/{udp,tcp}{,6}.
fn inodes(protocol: &str, port: u16) -> Vec<String> {
    let name = protocol.to_ascii_lowercase();
    let wanted = format!(":{port:04X}");
    [name.clone(), format!("{name}6")]
        .iter()
        .filter_map(|file| fs::read_to_string(format!("/proc/net/{file}")).ok())
        .flat_map(|table| {
            let of_line = |line: &str| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let local = fields.get(1)?;
                local
                    .ends_with(&wanted)
                    .then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
            };
            table
                .lines()
                .skip(1)
                .filter_map(of_line)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The first process that has one of these sockets open.
fn processes(inodes: &[String]) -> Option<String> {
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let id = process
            .file_name()
            .into_string()
            .ok()?
            .parse::<u32>()
            .ok()?;
        let holds = fs::read_dir(process.path().join("fd"))
            .ok()?
            .flatten()
            .any(|descriptor| {
                let target = fs::read_link(descriptor.path());
                target.is_ok_and(|target| {
                    links.iter().any(|link| target.as_os_str() == link.as_str())
                })
            });
        let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("{} (pid {id})", name.trim_end()))
    })
}
