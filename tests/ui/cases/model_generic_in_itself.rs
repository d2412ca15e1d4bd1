//! Model generic in itself.

#![allow(dead_code)]

#[derive(mongrate::Model)]
struct Tree<T> {
    value: T,
    kids: Vec<Tree<T>>,
}

fn main() {}
