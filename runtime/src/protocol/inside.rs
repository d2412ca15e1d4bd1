//! Whether a call comes from the body of a migration that this process runs.
//!
//! Bodies run on threads of their own, so the thread tells. A call from a thread that a body
//! spawned is not seen: there, the process at least knows which locks it holds itself.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
};

/// The run or dry run that the bodies on a thread are part of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Work {
    /// A run that holds the lock as this owner.
    Run { owner: String },
    /// A dry run over this control collection. It holds no lock; a real run in it would commit
    /// what the dry run promises not to.
    DryRun { database: String, collection: String },
}

thread_local! {
    static WORK: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
}

/// The owners of the locks that this process holds.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// All runs that a body is part of, the innermost last: hand it to the thread that the body runs
/// on.
#[derive(Clone, Debug)]
pub(crate) struct Inside(Vec<Work>);

impl Inside {
    /// A run that holds the lock as `owner`, called from this thread.
    pub(crate) fn run(owner: &str) -> Self {
        Self::with(Work::Run { owner: owner.to_owned() })
    }

    /// A dry run over this control collection, called from this thread.
    pub(crate) fn dry_run(database: &str, collection: &str) -> Self {
        let (database, collection) = (database.to_owned(), collection.to_owned());
        Self::with(Work::DryRun { database, collection })
    }

    fn with(work: Work) -> Self {
        let mut all = WORK.with_borrow(Clone::clone);
        all.push(work);
        Self(all)
    }

    /// Marks this thread until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered(WORK.replace(self.0))
    }
}

/// The guard that marks a thread as one that runs bodies, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered(Vec<Work>);

impl Drop for Entered {
    fn drop(&mut self) {
        WORK.set(std::mem::take(&mut self.0));
    }
}

/// Whether this thread runs a body under the lock that `owner` holds.
pub(crate) fn is_run_of(owner: &str) -> bool {
    WORK.with_borrow(|all| {
        all.iter().any(|work| matches!(work, Work::Run { owner: it } if it == owner))
    })
}

/// Whether this thread runs a body of a dry run over this control collection.
pub(crate) fn is_dry_run_of(database: &str, collection: &str) -> bool {
    let (database, collection) = (database.to_owned(), collection.to_owned());
    WORK.with_borrow(|all| all.contains(&Work::DryRun { database, collection }))
}

/// The guard that lists a lock as held by this process, until it is dropped.
#[derive(Debug)]
pub(crate) struct Holding(String);

impl Holding {
    pub(crate) fn new(owner: &str) -> Self {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push(owner.to_owned());
        Self(owner.to_owned())
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).retain(|owner| *owner != self.0);
    }
}

/// Whether this process holds the lock as `owner`.
pub(crate) fn is_held_here(owner: &str) -> bool {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|held| held == owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_inside_until_it_leaves_and_hands_it_on() {
        let outer = Inside::run("a");
        assert!(!is_run_of("a"), "not before it enters");
        let entered = outer.enter();
        assert!(is_run_of("a") && !is_run_of("b"));
        let inner = Inside::run("b");
        std::thread::spawn(move || {
            assert!(!is_run_of("a"), "another thread is not inside by itself");
            let _entered = inner.enter();
            assert!(is_run_of("a") && is_run_of("b"));
        })
        .join()
        .unwrap();
        drop(entered);
        assert!(!is_run_of("a"));
    }

    #[test]
    fn a_process_knows_which_locks_it_holds() {
        let holding = Holding::new("of this test");
        assert!(is_held_here("of this test"));
        drop(holding);
        assert!(!is_held_here("of this test"));
    }
}
