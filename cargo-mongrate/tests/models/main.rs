//! `cargo mongrate diff` and `cargo mongrate models`, on packages that are compiled.

mod evolves;
mod guide;
mod init;
mod package;
mod packages;
mod rebase;
mod refusals;
