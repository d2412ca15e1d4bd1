//! Model validation unknown.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", validate = "always")]
struct User {
    _a: i32,
}

#[derive(mongrate::Model)]
#[model(collection = "users", action = "warn")]
struct Other {
    _a: i32,
}

fn main() {}
