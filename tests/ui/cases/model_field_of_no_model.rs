//! Model field of no model.

#![allow(dead_code)]

struct Other;

#[derive(mongrate::Model)]
struct User {
    other: Vec<Other>,
}

fn main() {}
