//! The functions that `#[migration]` stands on, as the pointers that a descriptor holds.
//!
//! A wrapper of its own per migration would have to be checked again at every check of its crate.
//! So there is one per kind, generic over the type that each function has to itself. A rollback
//! does have its own: it is named by hand, so its kind can be wrong, and that error is clearer.

use std::{future::Future, ptr::NonNull};

use crate::{
    BoxError, Migration, Online, Transaction,
    migration::{ChangeFn, Descriptor, OnlineFn, Outcome, TransactionFn},
};

/// An `async fn` that takes this one argument.
pub trait Body<C>: Copy + 'static {
    /// What it resolves to.
    type Output;

    #[doc(hidden)]
    fn begin(self, context: C) -> impl Future<Output = Self::Output>;
}

impl<C, F, Running> Body<C> for F
where
    F: Fn(C) -> Running + Copy + 'static,
    Running: Future,
{
    type Output = Running::Output;

    fn begin(self, context: C) -> impl Future<Output = Self::Output> {
        self(context)
    }
}

/// What a body resolves to.
#[diagnostic::on_unimplemented(
    message = "a migration returns `mongrate::Result`, and not `{Self}`",
    label = "returns `{Self}`",
    note = "any `Result<(), E>` will do whose error converts into a `mongrate::BoxError`"
)]
pub trait Ending {
    #[doc(hidden)]
    fn boxed(self) -> Result<(), BoxError>;
}

impl<E: Into<BoxError>> Ending for Result<(), E> {
    fn boxed(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

impl Descriptor {
    /// A transactional migration.
    pub const fn transaction<F>(self, up: F) -> Migration
    where
        F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
    {
        Migration::transaction(self, transaction_fn(up), None)
    }

    /// The same with a rollback.
    pub const fn transaction_and_back<F>(self, up: F, down: TransactionFn) -> Migration
    where
        F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
    {
        Migration::transaction(self, transaction_fn(up), Some(down))
    }

    /// An online migration.
    pub const fn online<F>(self, up: F) -> Migration
    where
        F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
    {
        Migration::online(self, online_fn(up), None)
    }

    /// The same with a rollback.
    pub const fn online_and_back<F>(self, up: F, down: OnlineFn) -> Migration
    where
        F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
    {
        Migration::online(self, online_fn(up), Some(down))
    }

    /// A declared migration.
    pub const fn change(self, declare: ChangeFn) -> Migration {
        Migration::change(self, declare, false)
    }

    /// The same, and its operations are undone.
    pub const fn change_and_back(self, declare: ChangeFn) -> Migration {
        Migration::change(self, declare, true)
    }
}

const fn transaction_fn<F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>>(
    _: F,
) -> TransactionFn {
    |context| Box::pin(async move { item::<F>().begin(context).await.boxed() })
}

const fn online_fn<F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>>(_: F) -> OnlineFn {
    |context| Box::pin(async move { item::<F>().begin(context).await.boxed() })
}

/// The wrapper of a rollback: boxes its future and turns its error into ours.
pub fn outcome<'a, E: Into<BoxError>>(
    body: impl Future<Output = Result<(), E>> + 'a,
) -> Outcome<'a> {
    Box::pin(async move { body.await.map_err(Into::into) })
}

/// The only value of a function's own type. Whoever calls this was given it once.
fn item<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "a function, and not a pointer or a closure") };
    // SAFETY: `F` has no bytes to read, a dangling pointer is aligned, and `F` has a value, which
    // whoever instantiates this has seen and which may be copied.
    #[allow(unsafe_code)]
    unsafe {
        NonNull::<F>::dangling().read()
    }
}

#[cfg(test)]
mod tests {
    //! What a pointer calls.

    use super::*;

    async fn fails(_: &mut Transaction<'_>) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }

    async fn succeeds(_: &mut Transaction<'_>) -> Result<(), BoxError> {
        Ok(())
    }

    #[test]
    fn every_function_has_a_pointer_of_its_own() {
        const FAILS: TransactionFn = transaction_fn(fails);
        const SUCCEEDS: TransactionFn = transaction_fn(succeeds);
        assert!(!std::ptr::fn_addr_eq(FAILS, SUCCEEDS));
    }
}
