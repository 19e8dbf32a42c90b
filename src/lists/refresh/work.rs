//! Long work, beside everything else.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Runs long work on a thread of its own, which gets the processor when nobody else wants it:
/// queries come first. Its memory is given back to the system at the end. Fails only where no
/// thread can be started, or the work panics.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, wait) = oneshot::channel();
    let thread = thread::Builder::new().name("lists".to_owned());
    thread.spawn(move || {
        step_back();
        let result = work();
        give_memory_back();
        // Whoever waited may be gone: the server stops.
        let _ = done.send(result);
    })?;
    wait.await
        .map_err(|_| io::Error::other("the work on lists ended early"))
}

/// The lowest priority, for this thread alone (Linux counts threads as processes here).
#[cfg(target_os = "linux")]
fn step_back() {
    // Without it the work is done all the same.
    let _ = rustix::process::setpriority_process(None, 19);
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

/// The allocator of glibc keeps what was freed for allocations to come; after a million rules
/// there are none as large until the next refresh.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library; see inside")]
fn give_memory_back() {
    // SAFETY: it takes a number, and may be called at any time from any thread.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
