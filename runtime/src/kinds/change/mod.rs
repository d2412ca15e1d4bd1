//! Declared changes: operations that are recorded first, and run, undone or shown later.
//!
//! A migration that takes [`Change`] declares operations. Each operation has an inverse, and
//! records before it begins what is in the database; so a rollback restores exactly that, not what
//! is usually there.

mod build;
pub(crate) mod build_options;
mod build_search;
mod build_sharding;
mod collections;
mod custom;
pub(crate) mod declared;
pub(crate) mod effects;
mod encrypted;
pub(crate) mod footprint;
pub(crate) mod index_spec;
mod indexes;
pub(crate) mod keep;
pub(crate) mod mentioned;
mod names;
mod operation;
mod options;
pub(crate) mod reached;
pub(crate) mod rewrite;
mod run;
pub(crate) mod search;
mod sharding;
pub(crate) mod slot;
pub(crate) mod turn;
mod undo;
mod unique;
pub(crate) mod unjudged;
mod validators;

pub use self::{
    build_options::{
        ChangeType, CollMod, CreateCollection, CreateIndex, CreateSearchIndex, DropCollection,
        DropIndex, SetValidator, Update,
    },
    declared::{Change, ChangeFn},
    rewrite::convert::FieldType,
};
