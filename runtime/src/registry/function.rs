//! Turns the functions that `#[migration]` annotates into the pointers that a descriptor holds.
//!
//! The compiler would have to check a wrapper per migration again at every check of its crate. So
//! there is one wrapper per kind, generic over the function's type, which no other function has.
//! That type also tells whether two migrations are rolled back by the same function. The user names
//! a rollback by hand, so its kind can be wrong: traits of its own say so.

use std::{any::TypeId, future::Future, ptr::NonNull};

use super::{
    entry::Entry,
    migration::{self, Code, Functions, OnlineFn, TransactionFn},
    running,
};
use crate::{
    kinds::{
        change::declared::{Change, ChangeFn},
        online::Online,
        transaction::Transaction,
    },
    model::result::BoxError,
};

/// An `async fn` with one argument of the type `C`.
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

impl<E: Failure> Ending for Result<(), E> {
    fn boxed(self) -> Result<(), BoxError> {
        self.map_err(Failure::boxed)
    }
}

/// The error of a body.
#[diagnostic::on_unimplemented(
    message = "a migration's error converts into `mongrate::BoxError`, and `{Self}` does not",
    label = "fails with `{Self}`",
    note = "return `mongrate::Result`: `?` converts every error that is `Send + Sync`",
    note = "a boxed error says so, too: `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait Failure {
    #[doc(hidden)]
    fn boxed(self) -> BoxError;
}

// Otherwise the compiler would talk about `Into`, and list every type that implements it.
#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Failure for E {
    fn boxed(self) -> BoxError {
        self.into()
    }
}

/// A function that rolls a migration back; `Kind` is the kind of migration that it can roll back.
#[diagnostic::on_unimplemented(
    message = "this function cannot roll back a migration",
    label = "not an `async fn` with the signature of a migration",
    note = "a rollback is written as its migration is: `async fn undo(tx: &mut Transaction<'_>) -> \
            mongrate::Result`, or the same with `on: &mut Online<'_>`"
)]
pub trait Rollback<Kind>: Copy + 'static {}

impl<F> Rollback<OfTransaction> for F where
    F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>
{
}

impl<F> Rollback<OfOnline> for F where F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending> {}

/// The kind of a function that takes a transaction.
#[derive(Debug)]
pub struct OfTransaction;

/// The kind of a function that takes an online migration's context.
#[derive(Debug)]
pub struct OfOnline;

/// The kind of a function that can roll back a transactional migration.
#[diagnostic::on_unimplemented(
    message = "the migration takes `&mut Transaction<'_>`, and its rollback `&mut Online<'_>`",
    label = "takes `&mut Online<'_>`",
    note = "a rollback is of the kind of its migration: let this one take `&mut Transaction<'_>`, \
            or the migration `&mut Online<'_>`"
)]
pub trait RollsBackTransaction<F> {
    #[doc(hidden)]
    const FUNCTION: TransactionFn;
}

impl<F> RollsBackTransaction<F> for OfTransaction
where
    F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
{
    const FUNCTION: TransactionFn = transaction_fn::<F>();
}

/// The kind of a function that can roll back an online migration.
#[diagnostic::on_unimplemented(
    message = "the migration takes `&mut Online<'_>`, and its rollback `&mut Transaction<'_>`",
    label = "takes `&mut Transaction<'_>`",
    note = "a rollback is of the kind of its migration: let this one take `&mut Online<'_>`, or the \
            migration `&mut Transaction<'_>`"
)]
pub trait RollsBackOnline<F> {
    #[doc(hidden)]
    const FUNCTION: OnlineFn;
}

impl<F> RollsBackOnline<F> for OfOnline
where
    F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
{
    const FUNCTION: OnlineFn = online_fn::<F>();
}

/// A function that declares the operations of a migration.
#[diagnostic::on_unimplemented(
    message = "this function cannot declare a migration",
    label = "not a `fn` with the signature of a declared migration",
    note = "a declared migration is written `fn example(change: &mut Change)`"
)]
pub trait Declaration: Copy + 'static {
    #[doc(hidden)]
    const FUNCTION: ChangeFn;
}

impl<F: Fn(&mut Change) + Copy + 'static> Declaration for F {
    const FUNCTION: ChangeFn = |change| item::<F>()(change);
}

/// The packed texts of a migration, as the attribute writes them. Each method adds the functions.
///
/// A function's pointer comes from code, which computes it: there the dynamic linker has nothing to
/// write.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Texts(pub &'static [u8]);

impl Texts {
    /// Makes a transactional migration.
    pub const fn transaction<F>(self, _up: F) -> Entry
    where
        F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
    {
        Entry::new(self.0, || Code { body: transaction::<F>(None), functions: alone::<F>() })
    }

    /// Makes a transactional migration with a rollback.
    pub const fn transaction_and_back<F, G, K>(self, _up: F, _down: G) -> Entry
    where
        F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
        G: Rollback<K>,
        K: RollsBackTransaction<G>,
    {
        Entry::new(self.0, || Code {
            body: transaction::<F>(Some(K::FUNCTION)),
            functions: both::<F, G>(),
        })
    }

    /// Makes an online migration.
    pub const fn online<F>(self, _up: F) -> Entry
    where
        F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
    {
        Entry::new(self.0, || Code { body: online::<F>(None), functions: alone::<F>() })
    }

    /// Makes an online migration with a rollback.
    pub const fn online_and_back<F, G, K>(self, _up: F, _down: G) -> Entry
    where
        F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
        G: Rollback<K>,
        K: RollsBackOnline<G>,
    {
        Entry::new(self.0, || Code {
            body: online::<F>(Some(K::FUNCTION)),
            functions: both::<F, G>(),
        })
    }

    /// Makes a declared migration without a rollback.
    pub const fn change<F: Declaration>(self, _declare: F) -> Entry {
        Entry::new(self.0, || Code { body: change::<F>(false), functions: None })
    }

    /// Makes a declared migration whose rollback undoes its operations.
    pub const fn change_and_back<F: Declaration>(self, _declare: F) -> Entry {
        Entry::new(self.0, || Code { body: change::<F>(true), functions: None })
    }
}

fn alone<F: 'static>() -> Option<Functions> {
    Some(Functions { up: TypeId::of::<F>(), down: None })
}

fn both<F: 'static, G: 'static>() -> Option<Functions> {
    Some(Functions { up: TypeId::of::<F>(), down: Some(TypeId::of::<G>()) })
}

fn transaction<F>(down: Option<TransactionFn>) -> migration::Body
where
    F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
{
    migration::Body::Transaction { up: transaction_fn::<F>(), down }
}

fn online<F>(down: Option<OnlineFn>) -> migration::Body
where
    F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>,
{
    migration::Body::Online { up: online_fn::<F>(), down }
}

fn change<F: Declaration>(reversible: bool) -> migration::Body {
    migration::Body::Change { declare: F::FUNCTION, reversible }
}

const fn transaction_fn<F>() -> TransactionFn
where
    F: for<'a, 'c> Body<&'a mut Transaction<'c>, Output: Ending>,
{
    |context| running::boxed(async move { item::<F>().begin(context).await.boxed() })
}

const fn online_fn<F: for<'a, 'c> Body<&'a mut Online<'c>, Output: Ending>>() -> OnlineFn {
    |context| running::boxed(async move { item::<F>().begin(context).await.boxed() })
}

/// Returns the only value of a function's type. Every caller has been given that value before.
fn item<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0, "a function, and not a pointer or a closure") };
    // SAFETY: `F` has no bytes to read, a dangling pointer is aligned, and `F` has a value: every
    // function that instantiates this was given it, and it is `Copy`.
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
        let pointer = |entry: Entry| match entry.code().body {
            migration::Body::Transaction { up, .. } => up,
            _ => panic!("a transactional one"),
        };
        let fails = pointer(Texts(&[]).transaction(fails));
        let succeeds = pointer(Texts(&[]).transaction(succeeds));
        assert!(!std::ptr::fn_addr_eq(fails, succeeds));
    }
}
