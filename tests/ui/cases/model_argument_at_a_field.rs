//! Model argument at a field.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users")]
struct User {
    #[model(index(_a))]
    _a: i32,
}

fn main() {}
