//! Model collection of a generic type.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "pages")]
struct Page<T> {
    _items: Vec<T>,
}

fn main() {}
