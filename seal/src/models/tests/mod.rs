//! Shapes of every kind: their text, their hash and their schema; and files that are sound or not.

mod agreement;
mod arbitrary;
mod constants;
mod files;
mod literals;
mod schemas;
