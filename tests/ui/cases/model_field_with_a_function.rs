//! Model field with a function.

#![allow(dead_code)]

#[derive(mongrate::Model)]
struct User {
    #[serde(with = "somewhere")]
    at: i64,
    #[serde(serialize_with = "somewhere::write")]
    id: Option<i64>,
}

fn main() {}
