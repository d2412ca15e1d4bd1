//! Model default that does not fit.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "users")]
struct User {
    #[model(default = "fre")]
    plan: Plan,
    #[model(default = 1)]
    name: String,
    #[model(default = 5000000000)]
    number: i32,
}

#[derive(mongrate::Model)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
    Pro,
}

fn main() {}
