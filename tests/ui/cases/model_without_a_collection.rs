//! Model without a collection.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(validate = "strict", index(_a), was = "old")]
struct Address {
    _a: i32,
}

fn main() {}
