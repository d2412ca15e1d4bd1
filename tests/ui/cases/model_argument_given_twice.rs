//! Model argument given twice.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", collection = "people")]
struct User {
    _a: i32,
}

fn main() {}
