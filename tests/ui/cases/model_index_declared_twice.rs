//! Model index declared twice.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", index(email), index(email, unique), index(email, name = "mine"), index(_id))]
struct User {
    email: String,
}

fn main() {}
