//! An app with Mongrate that has up to 1,000 migrations; see `mongrate_bench::app`.

use mongrate::{BoxError, Migration};
use mongrate_bench::{
    app::{self, Known},
    list,
};

static LIST: [Migration; 1_000] = list::trivial();

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(Known::Given(&LIST)).await
}
