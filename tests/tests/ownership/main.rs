//! Whose history is it, whose collection, and whose settings: what Mongrate refuses to take for its
//! own, and what it never lets in.

mod collections;
mod command_line;
mod connection;
mod history;
mod inside;
