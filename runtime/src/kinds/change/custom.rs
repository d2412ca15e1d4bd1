//! `run`: a pair of online functions, for changes that cannot be declared.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::slot::Slot;
use crate::{
    kinds::online::Online,
    model::{result::BoxError, state::Direction},
};

/// One of the two functions, boxed.
type Body = Arc<
    dyn for<'a, 'c> Fn(
            &'a mut Online<'c>,
        ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + 'a>>
        + Send
        + Sync,
>;

#[derive(Clone)]
pub(super) struct Custom {
    up: Body,
    down: Body,
    names: (&'static str, &'static str),
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.names).finish()
    }
}

impl Custom {
    pub(super) fn new<U, D, E, F>(up: U, down: D) -> Self
    where
        U: AsyncFn(&mut Online<'_>) -> Result<(), E> + Send + Sync + 'static,
        D: AsyncFn(&mut Online<'_>) -> Result<(), F> + Send + Sync + 'static,
        E: Into<BoxError>,
        F: Into<BoxError>,
    {
        let names = (last(std::any::type_name::<U>()), last(std::any::type_name::<D>()));
        Self { up: body(up), down: body(down), names }
    }

    pub(super) fn forward_text(&self) -> String {
        format!("run {}", self.names.0)
    }

    pub(super) fn undo_text(&self) -> String {
        format!("run {}", self.names.1)
    }

    /// Runs a function. Its steps are named after the operation, so that two functions may use the
    /// same step name.
    pub(super) async fn run(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        direction: Direction,
    ) -> Result<(), BoxError> {
        let body = match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        };
        on.set_prefix(format!("{}, ", slot.step()));
        let ended = body(on).await;
        on.set_prefix(String::new());
        ended
    }
}

fn body<U, E>(function: U) -> Body
where
    U: AsyncFn(&mut Online<'_>) -> Result<(), E> + Send + Sync + 'static,
    E: Into<BoxError>,
{
    let function = Arc::new(function);
    Arc::new(move |on| {
        let function = Arc::clone(&function);
        Box::pin(async move { function(on).await.map_err(Into::into) })
    })
}

/// The last part of a function's path, which stays the same when the function moves to another
/// module.
fn last(path: &'static str) -> &'static str {
    let path = path.trim_end_matches("::{{closure}}");
    path.rsplit("::").next().unwrap_or(path)
}
