//! Backfills next to code written by hand: the ways, the documents that each run starts with, and
//! the check of its result.

pub mod data;
pub mod half;
pub mod way;
