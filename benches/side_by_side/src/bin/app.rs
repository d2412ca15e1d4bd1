//! An app with Mongrate that has up to 110 migrations; see `mongrate_bench::app`.

use mongrate::{BoxError, Migration};
use mongrate_bench::{app, list};

static LIST: [Migration; 110] = list::trivial();

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(&LIST).await
}
