//! An app with Mongrate, with up to so many migrations; see `mongrate_bench::app`.

use mongrate::{BoxError, Migration};
use mongrate_bench::{app, list};

static LIST: [Migration; 1_010] = list::trivial();

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(&LIST).await
}
