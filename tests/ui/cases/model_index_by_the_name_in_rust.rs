//! Model index by the name in rust.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", index(created_at = -1))]
#[serde(rename_all = "camelCase")]
struct User {
    created_at: i64,
}

fn main() {}
