//! Model argument unknown.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(table = "users")]
struct User {
    #[model(primary)]
    _a: i32,
}

fn main() {}
