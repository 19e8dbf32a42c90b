//! Requests that a connection has begun: most are answered at once and together, without a task.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use tokio_util::task::TaskTracker;

/// A request, until its response is written.
type Request = Pin<Box<dyn Future<Output = ()>>>;

/// What a connection has begun and nobody has run yet.
#[derive(Clone, Default)]
pub(super) struct Begun(Rc<RefCell<Vec<Request>>>);

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Begun {
    fn execute(&self, request: F) {
        self.0.borrow_mut().push(Box::pin(request));
    }
}

impl Begun {
    /// Runs what was begun; whether there was anything. What has to wait becomes a task.
    pub fn run(&self, tasks: &TaskTracker) -> bool {
        let begun = std::mem::take(&mut *self.0.borrow_mut());
        let was_any = !begun.is_empty();
        // A task polls a request again, so nothing is lost with this waker.
        let mut context = Context::from_waker(Waker::noop());
        for mut request in begun {
            if request.as_mut().poll(&mut context).is_pending() {
                tasks.spawn_local(request);
            }
        }
        was_any
    }
}
