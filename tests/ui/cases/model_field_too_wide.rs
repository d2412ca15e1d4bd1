//! Model field too wide.

#![allow(dead_code)]

#[derive(mongrate::Model)]
struct User {
    number: i128,
}

fn main() {}
