//! Model default that is no literal.

#![allow(dead_code)]

#[derive(mongrate::Model)]
struct User {
    #[model(default = now())]
    at: i64,
    #[model(default = { a: 1 })]
    map: i64,
}

fn main() {}
