//! Declared changes: operations that are recorded first, and run, undone or shown later.

mod run;

use std::fmt;

use crate::{BoxError, ChangeFn};

/// What a declared migration writes down: operations with a known inverse. Nothing is done while
/// the function runs; the framework runs them in order, each resumed after a crash, and undoes
/// them in reverse order.
#[derive(Debug, Default)]
pub struct Change {
    operations: Vec<Operation>,
}

/// One recorded operation.
#[derive(Clone, Debug)]
pub(crate) enum Operation {}

impl fmt::Display for Operation {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Change {
    /// Calls the function, and judges what it recorded.
    pub(crate) fn declared(declare: ChangeFn) -> Result<Self, BoxError> {
        let mut change = Self::default();
        declare(&mut change);
        if change.operations.is_empty() {
            return Err("it declares nothing: call an operation of `Change` in it".into());
        }
        Ok(change)
    }
}
