//! An app with Mongrate that has up to 100 migrations; see `mongrate_bench::app`.

use mongrate::{BoxError, Migration};
use mongrate_bench::{
    app::{self, Known},
    list,
};

static LIST: [Migration; 100] = list::trivial();

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    app::run(Known::Given(&LIST)).await
}
