//! Long work, beside everything else.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Runs long work on a thread of its own, which gets the processor when nobody else wants it:
/// queries come first. Fails only where no thread can be started, or the work panics.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, wait) = oneshot::channel();
    let thread = thread::Builder::new().name("lists".to_owned());
    thread.spawn(move || {
        step_back();
        let result = work();
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
