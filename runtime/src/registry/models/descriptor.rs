//! A model's static descriptor, which the derive registers.

use linkme::distributed_slice;
use mongrate_seal::models::ShapeRef;

/// Every model of a collection that is linked into this binary, in no particular order.
#[distributed_slice]
pub static MODELS: [ModelDescriptor];

/// The `models.snap` of each linked crate that has one, once or more.
#[distributed_slice]
pub static SNAPSHOTS: [SnapshotFile];

/// What the derive knows of a model.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct ModelDescriptor {
    /// The model's name in its collection.
    pub name: &'static str,
    /// The path of the type.
    pub path: &'static str,
    /// Empty if the model is in no `models.snap`.
    pub package: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub shape: ShapeRef,
    /// The collection with its options and the indexes of this model, as the text of a snapshot
    /// without models.
    pub about: &'static str,
}

/// A crate's `models.snap`, as it was compiled.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct SnapshotFile {
    pub package: &'static str,
    pub text: &'static str,
}
