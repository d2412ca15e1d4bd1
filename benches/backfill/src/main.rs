//! Backfills next to code written by hand, in one run on one server:
//! `cargo run --release -p mongrate-bench-backfill -- [documents] [rounds]`.
//!
//! Prints seconds and ratios of each round and of the medians. Each run checks that every
//! document was changed exactly once before its time counts.

use std::{env, time::Duration};

use mongrate::{BoxError, embedded::Embedded, mongodb::Client};
use mongrate_bench_backfill::{Way, check, peak_memory, reset, run, seed};

fn memory() -> String {
    peak_memory().map_or_else(|| "unknown".to_owned(), |peak| format!("{peak} MB"))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = env::args().skip(1);
    let count: i32 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let server = Embedded::start().await?;
    let db = Client::with_uri_str(server.uri()).await?.database("bench_backfill");
    db.drop().await?;
    seed(&db, count).await?;
    println!(
        "{count} documents, {rounds} rounds; seconds, and ratio to the way it is compared with"
    );
    let mut all: Vec<(Way, Vec<Duration>)> = Way::ALL.map(|way| (way, Vec::new())).into();
    for round in 1..=rounds {
        for (way, times) in &mut all {
            reset(&db).await?;
            let took = run(&db, *way).await?;
            check(&db, count).await?;
            let (name, seconds) = (way.name(), took.as_secs_f64());
            println!("round {round}: {name:22} {seconds:8.2} s   peak {}", memory());
            times.push(took);
        }
    }
    let medians: Vec<(Way, f64)> = all
        .iter_mut()
        .map(|(way, times)| {
            times.sort();
            (*way, times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64())
        })
        .collect();
    println!("\nmedians");
    for (way, seconds) in &medians {
        let floor = medians.iter().find(|(other, _)| *other == way.floor());
        let ratio = seconds / floor.map_or(f64::NAN, |(_, floor)| *floor);
        println!("{:22} {seconds:8.2} s  × {ratio:.2}", way.name());
    }
    db.drop().await?;
    Ok(())
}
