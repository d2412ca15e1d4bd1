//! A server of its own for those without one: HTTP/1.1, with bounds where a client could make it
//! wait or swell.

use std::{io, sync::Arc, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use super::Api;

/// How many connections there are at most; the next one waits to be accepted.
const CONNECTIONS_MAX: usize = 2_048;
/// How long a client may take to send the head of a request.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// How large the head of a request may be; what the guard allows, and a little.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 100;
/// How long the last answers may take when the server stops.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(5);

impl Api {
    /// Serves until `stop` is cancelled; then ends the run in flight in order, as
    /// [`shutdown`](Self::shutdown) does, and lets the last answers out.
    ///
    /// HTTP/1.1 without TLS: beyond this machine, put a proxy with TLS in front. The head of a
    /// request has 10 s and 32 KiB, and 2,048 connections are open at most.
    ///
    /// # Errors
    ///
    /// Those of the listener. A connection that breaks is nobody's error.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
        let router = self.router();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = stop.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                // Of one connection, or for want of file handles: neither is the end.
                Err(error) => {
                    tracing::warn!(target: "mongrate", %error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEAD_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX);
            let service = TowerToHyperService::new(router.clone());
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = connection.await {
                    tracing::debug!(target: "mongrate", %error, "a connection broke");
                }
            });
        }
        drop(listener);
        self.shutdown().await;
        let _ = tokio::time::timeout(LAST_ANSWERS_MAX, graceful.shutdown()).await;
        Ok(())
    }
}
