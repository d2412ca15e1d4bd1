//! Sealed history as a user meets it: small crates are built against the real attribute and a
//! stand-in for the runtime, and sealed and checked by the real subcommand.

mod fixture;
mod history;
mod outside;
mod packaged;
mod policies;
mod readings;
mod unreached;
mod unread;
mod uses;
