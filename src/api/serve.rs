//! Serves the router over HTTP/1.1 on one address, with limits that axum's own server lacks.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::patient::Patient;

/// A connection that does not send a whole request for so long is closed, an idle one too.
const HEAD_LIMIT: Duration = Duration::from_secs(20);

/// So is one that takes nothing of its answer for so long: a seat is not for those who only sit.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// After the stop, answers in hand are finished for so long.
const FAREWELL: Duration = Duration::from_secs(2);

/// Pause after an accept that failed, such as for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Serves at most so many connections at once, until `stop`; the listener must be non-blocking.
pub async fn serve(
    listener: StdListener,
    connections_max: usize,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let seats = Arc::new(Semaphore::new(connections_max));
    let connections = TaskTracker::new();
    let serving = async {
        loop {
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, from)) => {
                    let connection = talk((stream, from), router.clone(), stop.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the dashboard could not be accepted");
                    time::sleep(BREATH).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = serving => {}
    }
    connections.close();
    // What is not finished by then is cut off with the process.
    let _: Result<_, _> = time::timeout(FAREWELL, connections.wait()).await;
    Ok(())
}

async fn talk((stream, from): (TcpStream, SocketAddr), router: Router, stop: CancellationToken) {
    // Live rows are small and should not wait for more.
    let _: io::Result<()> = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_LIMIT)
            .serve_connection(TokioIo::new(Patient::new(stream, WRITE_LIMIT)), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the dashboard broke off");
    }
}
