//! Model with a tag and a tuple.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[serde(tag = "type")]
enum Event {
    Pair(i32, i32),
}

fn main() {}
