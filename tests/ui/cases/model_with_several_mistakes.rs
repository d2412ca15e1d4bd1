//! Model with several mistakes.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", index(nobody), action = "warn")]
struct User {
    #[model(bson = "x")]
    a: i64,
    #[serde(with = "b")]
    b: i64,
}

fn main() {}
