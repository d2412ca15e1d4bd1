//! Rewrites the documents of a collection so that they come back exactly.
//!
//! One law holds for every rewrite. There is a way forward F and a way back B. The transaction that
//! changes a batch remembers every document d for which B(F(d)) is not d: with its contents before
//! and after, or, if F(d) is d, as a document to leave alone. The rollback puts back every
//! remembered document that was not changed since, and applies B to all other documents. Values
//! that B would overwrite for good are put aside in the same way.

pub(crate) mod backward;
pub(crate) mod convert;
mod direct;
pub(crate) mod documents;
pub(crate) mod expr;
pub(crate) mod fields;
pub(crate) mod forward;
pub(crate) mod kind;
pub(crate) mod pipelines;
mod restore;
pub(crate) mod run;
