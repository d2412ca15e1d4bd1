//! A runner process for the tests: `fixture <scenario>`, on `FIXTURE_URI` and
//! `FIXTURE_DATABASE`. Prints what happens, a line each; ends with the error's exit code.

use std::{process::ExitCode, time::Duration};

use mongrate::{
    CancellationToken, Error, Migration, Migrator, StartPolicy, Wait,
    bson::{Document, doc},
    mongodb::Client,
};
use mongrate_tests::{
    effect,
    effects::{self, TWENTY},
};

/// Its second migration says `inside` after its write, and never ends by itself.
const HANGING: [Migration; 3] = [
    effect!(1),
    Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            effects::leave(tx, 2).await?;
            println!("inside");
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(())
        })
    }),
    effect!(3),
];

/// The same three migrations, where the second one ends.
const CALM: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

/// An online migration with three steps; with `FIXTURE_HANG` it hangs before its third.
const STEPS: [Migration; 1] = [Migration::online_steps(1, "steps", |on| {
    Box::pin(async move {
        on.create_index("things", doc! { "a": 1 }).await?;
        on.transaction("one", async |tx| effects::leave(tx, 1).await).await?;
        on.transaction("two", async |tx| effects::leave(tx, 2).await).await?;
        if std::env::var_os("FIXTURE_HANG").is_some() {
            println!("inside");
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
        on.transaction("three", async |tx| effects::leave(tx, 3).await).await?;
        on.drop_index("things", "a_1").await
    })
})];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let code = error.downcast_ref::<Error>().map_or(99, |error| error.kind().exit_code());
            ExitCode::from(code)
        }
    }
}

async fn run() -> mongrate::Result {
    let scenario = std::env::args().nth(1).unwrap_or_default();
    let client = Client::with_uri_str(std::env::var("FIXTURE_URI")?).await?;
    let db = client.database(&std::env::var("FIXTURE_DATABASE")?);
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        on_signal.cancel();
    });
    let lease = std::env::var("FIXTURE_LEASE_S").map_or(Ok(3), |seconds| seconds.parse())?;
    let lease_only = std::env::var_os("FIXTURE_LEASE_ONLY").is_some();
    let with = |list: &[Migration]| {
        Migrator::with(&db, list.to_vec())
            .lease(Duration::from_secs(lease))
            .local_takeover(!lease_only)
            .wait(Wait::AtMost(Duration::from_secs(60)))
            .cancel_on(cancel.clone())
    };
    match scenario.as_str() {
        "twenty" => {
            with(&TWENTY).on_start().policy(StartPolicy::Migrate).await?;
        }
        "hanging" => drop(with(&HANGING).up().await?),
        "calm" => drop(with(&CALM).up().await?),
        "steps" => drop(with(&STEPS).up().await?),
        "clock" => {
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH)?;
            println!("clock {}", since.as_secs());
            with(&TWENTY).up().await?;
        }
        other => return Err(format!("no scenario `{other}`").into()),
    }
    let count = db.collection::<Document>(effects::EFFECTS).count_documents(doc! {}).await?;
    println!("done with {count} effects");
    Ok(())
}
