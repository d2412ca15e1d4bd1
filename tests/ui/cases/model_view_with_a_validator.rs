//! Model view with a validator.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "recent", view, validate = "strict", index(a))]
struct Recent {
    #[serde(rename = "a")]
    _a: i32,
}

fn main() {}
