//! Dry runs, shadow runs, `--atomic`, and what is said before a run.

mod atomic;
mod lints;
mod rehearse;
mod shadow;
