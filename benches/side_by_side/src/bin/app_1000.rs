//! An app with Mongrate that has up to 1,010 migrations; see `mongrate_bench::app`.

use mongrate::{BoxError, Migration};
use mongrate_bench::{app, list};

static LIST: [Migration; 1_010] = list::trivial();

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(&LIST).await
}
