//! The HTTP interface: what it answers, what it refuses, what it never says.

mod events;
mod reading;
mod running;
mod security;
mod support;
