//! How many files the process may have open, and how its sockets share them: no flood of one kind
//! takes the descriptors that the other kinds need.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// As many as the unit in docs/OPERATIONS.md asks for; enough for thousands of hanging queries.
const WANTED: u64 = 65_536;
/// What most systems give, where ours cannot be read.
const USUAL: u64 = 1024;
/// The database, the logs and the runtime; and what each DNS thread has open before it is asked.
const BASE: u64 = 40;
const BASE_OF_A_THREAD: u64 = 12;

/// About a tenth of a core beside a thread that answers queries there.
#[cfg(target_os = "linux")]
const SECOND: i32 = 10;

/// The greatest number of sockets of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// TCP connections of devices, for each DNS thread.
    pub connections: usize,
    /// Queries under way to upstreams, over all threads.
    pub upstream_queries: usize,
    /// Connections to each of the dashboard's addresses.
    pub web: usize,
}

impl Limits {
    /// Asks the system for more open files, and shares out what it grants.
    pub(super) fn raise(threads: usize, web_addresses: usize) -> Self {
        Self::share(raise_open_files(), threads, web_addresses)
    }

    /// A fifth for the dashboard, two for devices' connections, two for upstreams, where a query
    /// takes two sockets when two servers are asked, or one over UDP and TCP.
    fn share(files: u64, threads: usize, web_addresses: usize) -> Self {
        let threads = u64::try_from(threads).unwrap_or(1).max(1);
        let web_addresses = u64::try_from(web_addresses).unwrap_or(1).max(1);
        let fifth = files.saturating_sub(BASE + BASE_OF_A_THREAD * threads) / 5;
        let at_most = |share: u64, most: u64| usize::try_from(share.clamp(4, most)).unwrap_or(4);
        Self {
            connections: at_most(2 * fifth / threads, 512),
            upstream_queries: at_most(fifth, 2048),
            web: at_most(fifth / web_addresses, 256),
        }
    }
}

fn raise_open_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return USUAL;
    };
    let wanted = WANTED.min(hard).max(soft);
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => wanted,
        Err(_) => soft,
    }
}

/// Lets this thread come after those that answer queries, when both want the processor: for the
/// journal, the dashboard and all else that may be late by milliseconds.
///
/// Threads that it starts come after them, too.
#[cfg(target_os = "linux")]
pub fn come_second() {
    // Linux counts threads as processes here. Without it all goes on as before.
    if let Ok(now) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, (now + SECOND).min(19));
    }
}

/// Systems that know no priority of a thread.
#[cfg(not(target_os = "linux"))]
pub fn come_second() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_together_stay_below_the_open_files() {
        for (files, threads) in [(128, 2), (1024, 4), (4096, 32), (65_536, 8)] {
            let limits = Limits::share(files, threads, 1);
            let sockets = limits.connections * threads + 2 * limits.upstream_queries + limits.web;
            assert!(u64::try_from(sockets).unwrap() < files, "{limits:?}");
        }
    }

    #[test]
    fn a_usual_machine_has_room_for_thousands_of_hanging_queries() {
        let limits = Limits::share(WANTED, 4, 1);
        assert_eq!(limits.upstream_queries, 2048);
        assert_eq!((limits.connections, limits.web), (512, 256));
    }
}
