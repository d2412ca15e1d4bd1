//! Models: what the derive makes of types, next to what `bson` and a real server make of their values.

mod arbitrary;
mod fits;
mod property;
mod shapes;
mod types;
