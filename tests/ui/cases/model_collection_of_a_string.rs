//! Model collection of a string.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "names")]
struct Name(String);

#[derive(mongrate::Model)]
#[model(collection = "plans")]
enum Plan {
    Free,
    Pro,
}

#[derive(mongrate::Model)]
#[model(collection = "pairs")]
struct Pair(i32, i32);

fn main() {}
