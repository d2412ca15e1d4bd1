//! The runtime's real descriptor, version, registry and `link!`, around a driver that is none.

#![allow(dead_code)]

mod checksum;
mod driver;
#[path = "../../../runtime/src/item.rs"]
mod item;
#[path = "../../../runtime/src/link_macro.rs"]
mod link_macro;
#[path = "../../../runtime/src/migration.rs"]
mod migration;
#[path = "../../../runtime/src/register.rs"]
mod register;
#[path = "../../../runtime/src/registry.rs"]
mod registry;
#[path = "../../../runtime/src/seal.rs"]
mod seal;
#[path = "../../../runtime/src/verify.rs"]
mod verify;
#[path = "../../../runtime/src/version.rs"]
mod version;

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

mod change {
    //! What is declared is judged by the real one alone.

    pub fn problems(_: &crate::Migration) -> Vec<String> {
        Vec::new()
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
pub use migration::{ChangeFn, Migration, MigrationKind, OnlineFn, Outcome, TransactionFn};
pub use mongrate_macros::{migration, test, verify};
pub use version::Version;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// The one error that needs no server.
#[derive(Debug)]
pub enum Error {
    Registry { problems: Vec<String> },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Registry { problems } = self;
        f.write_str(&problems.join("\n"))
    }
}

impl std::error::Error for Error {}

/// What every verb does first: the linked set, oldest version first, or what is wrong with it.
pub fn start() -> Result<Vec<Migration>, Error> {
    let registry = registry::Registry::linked(migration::DEFAULT_GROUP)?;
    Ok(registry.iter().copied().collect())
}

pub mod __private {
    //! As the real one.

    pub mod v1 {
        //! As the real one.

        pub use crate::{
            migration::{Descriptor, MIGRATIONS},
            seal::{SUMS, SumFile},
            verify::verify,
        };
        pub use linkme;
    }
}
