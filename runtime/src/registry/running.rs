//! The boxed future of a body, without a table of functions for its type.
//!
//! `Box<dyn Future>` would point to such a table: data with pointers, which the dynamic linker writes
//! before `main`, for each migration of the binary. So the future of a body is boxed by hand, and one
//! type with one table stands for all of them.

#![allow(unsafe_code, reason = "what `dyn` does, done by hand")]

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll},
};

use super::migration::Outcome;
use crate::model::result::BoxError;

/// What a body resolves to.
type Ended = Result<(), BoxError>;

/// A boxed future of a type that only its functions know.
struct Running<'a> {
    /// From `Box::into_raw`; never moved until it is freed.
    future: NonNull<()>,
    poll: unsafe fn(NonNull<()>, &mut Context<'_>) -> Poll<Ended>,
    free: unsafe fn(NonNull<()>),
    _future: PhantomData<dyn Future<Output = Ended> + 'a>,
}

/// Boxes the future of a body.
pub(super) fn boxed<'a, F: Future<Output = Ended> + 'a>(future: F) -> Outcome<'a> {
    let future = NonNull::from(Box::leak(Box::new(future))).cast();
    Box::pin(Running { future, poll: poll::<F>, free: free::<F>, _future: PhantomData })
}

/// # Safety
///
/// `future` is from `boxed::<F>`, and not freed.
unsafe fn poll<F: Future>(future: NonNull<()>, context: &mut Context<'_>) -> Poll<F::Output> {
    // SAFETY: the caller holds the only pointer to the future, which stays where it is.
    unsafe { Pin::new_unchecked(future.cast::<F>().as_mut()) }.poll(context)
}

/// # Safety
///
/// `future` is from `boxed::<F>`, and used no more.
unsafe fn free<F>(future: NonNull<()>) {
    // SAFETY: it was a `Box<F>`.
    drop(unsafe { Box::from_raw(future.cast::<F>().as_ptr()) });
}

impl Future for Running<'_> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        // SAFETY: `boxed` put the two together, and only `drop` frees the future.
        unsafe { (self.poll)(self.future, context) }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // SAFETY: `boxed` put the two together, and nothing is polled after this.
        unsafe { (self.free)(self.future) };
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, task::Waker};

    use super::*;

    struct Counted<'a>(&'a Cell<u32>);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_future_is_polled_to_its_end_and_dropped_once() {
        let dropped = Cell::new(0);
        let mut context = Context::from_waker(Waker::noop());
        for polls in 0..3 {
            dropped.set(0);
            let counted = Counted(&dropped);
            let mut outcome = boxed(async {
                let _counted = counted;
                let mut is_first = true;
                std::future::poll_fn(|_| match std::mem::take(&mut is_first) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                })
                .await;
                Err("its end".into())
            });
            for poll in 0..polls {
                match outcome.as_mut().poll(&mut context) {
                    Poll::Pending => assert_eq!(poll, 0),
                    Poll::Ready(ended) => assert_eq!(ended.unwrap_err().to_string(), "its end"),
                }
            }
            drop(outcome);
            assert_eq!(dropped.get(), 1, "after {polls} polls");
        }
    }
}
