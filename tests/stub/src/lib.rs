//! The runtime's real descriptor, version, registry and `link!`, around a driver that is none.

#![allow(dead_code)]

mod driver;
mod kinds;
mod model;
#[path = "../../../runtime/src/registry/mod.rs"]
mod registry;

pub mod testing {
    //! Enough for a test to compile.

    pub struct Database;

    pub mod __private {
        //! As the real one.

        pub struct Test {
            pub name: &'static str,
            pub package: &'static str,
            pub at: Option<i64>,
            pub group: Option<&'static str>,
            pub fixtures: &'static [(&'static str, &'static str)],
        }

        pub fn run<F: Future>(test: Test, body: impl FnOnce(super::Database) -> F) {
            let _ = (test.name, body(super::Database));
        }
    }
}

pub mod bson {
    //! Where the real one has it.

    pub use crate::{
        doc,
        driver::{Document, Value},
    };

    pub const NULL: Value = Value::Null;
}

pub use driver::{Change, Online, Transaction};
pub use kinds::change::ChangeFn;
pub use model::{
    error::Error,
    kind::MigrationKind,
    result::{BoxError, Result},
    version::Version,
};
pub use mongrate_macros::{migration, test, verify};
pub use registry::migration::{Migration, OnlineFn, Outcome, TransactionFn};

/// What every verb does first: the linked set, oldest version first, or what is wrong with it.
pub fn start() -> Result<Vec<Migration>, Error> {
    let registry = registry::list::Registry::linked(model::kind::DEFAULT_GROUP)?;
    Ok(registry.iter().copied().collect())
}

pub mod __private {
    //! As the real one.

    pub mod v1 {
        //! As the real one.

        pub use crate::registry::{
            migration::{Descriptor, MIGRATIONS},
            seal::{SUMS, SumFile},
            verify::verify,
        };
        pub use linkme;
    }
}
