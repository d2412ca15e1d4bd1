//! Model time series without a time.

#![allow(dead_code)]

#[derive(mongrate::Model)]
#[model(collection = "a", time_series(meta = "sensor"))]
struct A {
    _sensor: i32,
}

#[derive(mongrate::Model)]
#[model(collection = "b", time_series(time = "at"), index(sensor, unique))]
struct B {
    #[serde(rename = "sensor")]
    _sensor: i32,
}

fn main() {}
