//! Runs bodies on a thread of their own, so that they need not be `Send`.

/// Drives a future that need not be `Send` from one that is: on a thread of its own.
///
/// Migration bodies run here. So they may hold values that are not `Send`, may block without
/// stalling the app, and the compiler need not prove for each body that every part of the
/// driver can change threads: that proof was most of what a migration cost in
/// `cargo check`, and it fails for `async` closures (rust-lang/rust#110338).
pub(crate) async fn on_own_thread<T, F>(make: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Handle::current();
    let span = tracing::Span::current();
    let thread = tokio::task::spawn_blocking(move || span.in_scope(|| runtime.block_on(make())));
    match thread.await {
        Ok(value) => value,
        // The panics of bodies are caught where they run; this one is a bug of ours, passed on.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
