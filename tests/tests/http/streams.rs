//! A server that counts its open streams of events.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::Stream;
use mongrate::http::{
    Api,
    axum::{
        self, Router,
        body::{Body, BodyDataStream, Bytes},
        extract::Request,
        middleware::{Next, from_fn},
        response::Response,
    },
};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Duration, Instant, sleep},
};

use crate::{browser::PATIENCE, support::PREFIX};

/// A body that counts itself as long as it is there.
struct Counted {
    body: BodyDataStream,
    open: Arc<AtomicUsize>,
}

impl Stream for Counted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server that counts its open streams of events.
pub(crate) async fn counting(
    api: &Api,
    open: &Arc<AtomicUsize>,
) -> (String, JoinHandle<std::io::Result<()>>) {
    let open = Arc::clone(open);
    let count = move |request: Request, next: Next| {
        let open = Arc::clone(&open);
        async move {
            let is_stream = request.uri().path().ends_with("/events");
            let response: Response = next.run(request).await;
            if !is_stream {
                return response;
            }
            open.fetch_add(1, Ordering::SeqCst);
            response.map(|body| Body::from_stream(Counted { body: body.into_data_stream(), open }))
        }
    };
    let app = Router::new().merge(api.router()).layer(from_fn(count));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    (url, tokio::spawn(async move { axum::serve(listener, app).await }))
}

/// Waits until this many streams are open.
pub(crate) async fn becomes(open: &AtomicUsize, wanted: usize) {
    let begun = Instant::now();
    while open.load(Ordering::SeqCst) != wanted {
        assert!(begun.elapsed() < PATIENCE, "{open:?} streams, and not {wanted}");
        sleep(Duration::from_millis(50)).await;
    }
}
