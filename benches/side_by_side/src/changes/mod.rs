//! Declared document operations next to what a server can do by itself: the cases, their
//! documents, and the ways to change and to restore these documents.

pub mod case;
pub mod data;
pub mod operation;
pub mod remembered;
pub mod way;
