//! Model index on no field.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", index(emial), index(phone), index())]
struct User {
    #[serde(rename = "email")]
    _email: String,
}

fn main() {}
