//! Model index on no nested field.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users", index(address.ctiy), index(name.first))]
struct User {
    address: Option<Address>,
    name: String,
}

#[derive(mongrate::Model)]
struct Address {
    city: String,
}

fn main() {}
