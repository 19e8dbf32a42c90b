//! What would be another machine in a home, and here has to share the processor with the server.

use std::thread;

use tokio::task::{JoinHandle, spawn_blocking};

/// The highest priority of threads that share the processor.
const HIGHEST: i32 = -20;

/// Runs this on a thread of its own that [comes first](come_first).
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn_blocking(|| {
        let thread = thread::spawn(|| {
            come_first();
            work()
        });
        thread.join().unwrap()
    })
}

/// Has this thread get the processor as soon as it has something to do, so that what is measured is
/// how long the server takes, and not how long one waits to see it. (Not by a real-time priority: such
/// a thread takes the core that it was on before, although the other is idle.)
///
/// Where that is forbidden it shares like any other, and says so: its own waiting counts then, too.
pub fn come_first() {
    squelch::app::shorten_time_slice();
    // Linux counts threads as processes here.
    if rustix::process::setpriority_process(None, HIGHEST).is_err() {
        println!("no priority is given here: what waits for answers waits for the processor, too");
    }
}
