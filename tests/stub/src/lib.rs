//! The runtime's real descriptor, version, registry and `link!`, with a stub instead of the driver.

#![allow(dead_code)]

mod driver;
mod kinds;
mod model;
mod mongo;
#[path = "../../../runtime/src/registry/mod.rs"]
mod registry;

pub mod testing {
    //! Enough for a test to compile.

    pub struct Database;

    pub mod __private {
        //! The same names as in the real runtime.

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
    //! The types, at the path of the real runtime.

    pub use crate::{
        doc,
        driver::{Document, Value},
    };

    pub const NULL: Value = Value::Null;
}

pub use driver::{Change, FieldType, Online, Transaction};
pub use kinds::change::ChangeFn;
pub use model::{
    error::Error,
    kind::MigrationKind,
    result::{BoxError, Result},
    version::Version,
};
pub use mongo::shaped::trait_def::{Model, Shaped};
pub use mongrate_macros::{Model, migration, test, verify};
pub use registry::migration::{Migration, OnlineFn, Outcome, TransactionFn};

/// Returns the linked migrations, oldest version first, or what is wrong with them. Every command
/// begins with this.
pub fn start() -> Result<Vec<Migration>, Error> {
    let registry = registry::list::Registry::linked(model::kind::DEFAULT_GROUP)?;
    Ok(registry.iter().copied().collect())
}

/// As in the real runtime.
pub use __private::v1::shape as __s;

pub mod __private {
    //! The same names as in the real runtime.

    pub mod v1 {
        //! The same names as in the real runtime.

        pub use crate::registry::{
            entry::{Entry, MIGRATIONS},
            function::Texts,
            policies::{POLICY_FILES, PolicyFile},
            seal::{SUMS, SumFile},
            verify::verify,
        };
        pub use linkme;

        pub mod shape {
            //! The same names as in the real runtime.

            pub use linkme;
            pub use mongrate_seal::models::{
                ConstAlternative, ConstField, ConstShape, Literal, ShapeRef, Types, agree,
            };

            pub use crate::{
                mongo::shaped::{
                    fields::{field, optional, required},
                    trait_def::{Model, Shaped},
                },
                registry::models::{
                    descriptor::{MODELS, ModelDescriptor, SNAPSHOTS, SnapshotFile},
                    generated_test::models,
                    gone::no_model_is_gone,
                },
            };
        }
    }
}
