//! Model field of no shape.

#![allow(dead_code)]

#[derive(mongrate::Model)]
struct User {
    #[model(bson = "integer")]
    at: i64,
    #[model(bson = "<A:int>")]
    id: i64,
}

fn main() {}
