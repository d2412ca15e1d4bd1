//! Model of a union.

#![allow(dead_code)]

#[derive(mongrate::Model)]
union Bits {
    _a: u32,
    _b: f32,
}

fn main() {}
