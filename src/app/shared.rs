//! The dashboard on an address that it shares with DNS over HTTPS: it is reached on a DNS thread,
//! and does its work on the main runtime, where no query waits for it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::api::Encrypted;
use crate::dns::{Site, broken_page};

/// Answers with this router, in tasks of the runtime that calls this.
pub(super) fn site(router: Router, tasks: &TaskTracker) -> Site {
    let (tasks, runtime) = (tasks.clone(), Handle::current());
    let service = TowerToHyperService::new(router);
    Arc::new(move |mut request: Request<Body>| {
        request.extensions_mut().insert(Encrypted);
        let service = service.clone();
        let answer = async move {
            let answered: Result<Response<_>, Infallible> = service.call(request).await;
            answered.unwrap_or_else(|never| match never {})
        };
        let task = tasks.spawn_on(answer, &runtime);
        Box::pin(async move { task.await.unwrap_or_else(|_| broken_page()) })
    })
}
