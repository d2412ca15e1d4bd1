//! Model argument misspelt.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(colection = "users")]
struct User {
    _a: i32,
}

fn main() {}
