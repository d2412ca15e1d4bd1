//! The verbs, each on a real server.

mod approved;
mod down;
mod newer_format;
mod policies;
mod records;
mod releases;
mod start;
mod stored;
mod up;
mod wait;

use mongrate::Migration;
use mongrate_tests::effect;

const FIVE: [Migration; 5] = [effect!(1), effect!(2), effect!(3), effect!(4), effect!(5)];

fn failing(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |tx| {
        Box::pin(async move {
            mongrate_tests::effects::leave(tx, 99).await?;
            Err("the body says no".into())
        })
    })
}
