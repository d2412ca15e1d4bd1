//! A server for programs without one: HTTP/1.1, with bounds wherever a client could make the server
//! wait or use more memory.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    Api,
    impatient::Impatient,
    seats::{Limits, Seat, Seats},
};
use crate::telemetry::visible::Line;

/// How many connections may be open at once.
const CONNECTIONS_MAX: usize = 2_048;

/// How long a client may take to send the head of a request.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// How large the head of a request may be: a little more than the guard allows.
const HEAD_BYTES_MAX: usize = 32 * 1024;

const HEADERS_MAX: usize = 100;

/// How long the last answers may take when the server stops.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(5);

impl Api {
    /// Serves until `stop` is cancelled; then ends the run in flight in order, as
    /// [`shutdown`](Self::shutdown) does, and waits until the last answers are sent.
    ///
    /// Speaks HTTP/1.1 without TLS: for clients on other machines, put a proxy with TLS in front.
    /// The head of a request has 10 s and 32 KiB. At most 2,048 connections are open (fewer if the
    /// process may open fewer than 4,096 files), at most half of them from one address. When there
    /// are more, the oldest connection that is not signed in is closed. A client that reads nothing
    /// of its answers for 10 s is disconnected. A client that is not signed in is disconnected
    /// after its first answer.
    ///
    /// # Errors
    ///
    /// The errors of the listener. A connection that breaks is no error.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let router = self.build(true);
        let seats = Seats::new(limits());
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => match seats.take(peer.ip()) {
                    Some(seat) => open(&router, stream, peer, seat, &graceful),
                    None => tracing::debug!(
                        target: "mongrate", %peer,
                        "a connection was closed: too many are open, and all are signed in"
                    ),
                },
                // The error of one connection, or a lack of file handles: the server continues.
                Err(error) => {
                    tracing::warn!(
                        target: "mongrate", error = %Line(&error), "a connection was not accepted"
                    );
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        self.shutdown().await;
        let _ = tokio::time::timeout(LAST_ANSWERS_MAX, graceful.shutdown()).await;
        Ok(())
    }
}

/// Speaks HTTP on one connection, in a task of its own.
fn open(
    router: &Router,
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    graceful: &GracefulShutdown,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let router = TowerToHyperService::new(router.clone());
    let signed_in = seat.signed_in.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(signed_in.clone());
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(Impatient::new(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let ended = tokio::select! {
            ended = connection => ended,
            () = seat.cut.cancelled() => {
                tracing::debug!(
                    target: "mongrate", %peer, "a connection was closed to make room for another"
                );
                return;
            }
        };
        if let Err(error) = ended {
            tracing::debug!(target: "mongrate", error = %Line(&error), "a connection broke");
        }
    });
}

/// How many connections may be open, so that the process can still open files and reach MongoDB.
fn limits() -> Limits {
    let all = files_max().map_or(CONNECTIONS_MAX, |files| (files / 2).clamp(16, CONNECTIONS_MAX));
    Limits { all, of_one_peer: all / 2 }
}

#[cfg(unix)]
fn files_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    usize::try_from(getrlimit(Resource::Nofile).current?).ok()
}

#[cfg(not(unix))]
fn files_max() -> Option<usize> {
    None
}
