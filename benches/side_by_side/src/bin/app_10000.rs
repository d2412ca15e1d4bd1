//! An app with Mongrate that has 10,000 linked migrations; see `mongrate_bench::app`. Its build takes
//! minutes, so it is built only for the workloads that measure it.

use mongrate::BoxError;
use mongrate_bench::app::{self, Known};

include!(concat!(env!("OUT_DIR"), "/linked.rs"));

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(Known::Linked).await
}
