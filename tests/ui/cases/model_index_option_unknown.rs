//! Model index option unknown.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(
    collection = "users",
    index(email, uniqe = true),
)]
struct User {
    email: String,
}

#[derive(mongrate::Model)]
#[model(collection = "users", index(email, expire_after_seconds = "soon"))]
struct Second {
    email: String,
}

#[derive(mongrate::Model)]
#[model(collection = "users", index(email = 2))]
struct Third {
    email: String,
}

#[derive(mongrate::Model)]
#[model(collection = "users", index(email, collation))]
struct Fourth {
    email: String,
}

fn main() {}
