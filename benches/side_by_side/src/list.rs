//! The migrations of the app that is measured: each inserts one document.

use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::bson::{Document, doc};
use mongrate::{BoxError, Migration, Transaction};

/// Where the effects go: a document with `n` for each.
pub const THINGS: &str = "things";

/// As long as that of `#[migration]`, whose migrations bring theirs along.
const CHECKSUM: &str = "v1:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What the next body inserts, as a body made by hand does not know its version.
static NEXT: AtomicI64 = AtomicI64::new(1);

/// As many as any program has.
const MOST: usize = 10_010;

/// How long a name is.
const WIDTH: usize = 8;

/// The names, one after the other.
static NAMES: [u8; MOST * WIDTH] = {
    let mut names = [b'm'; MOST * WIDTH];
    let mut at = 0;
    while at < MOST {
        let mut rest = at + 1;
        let mut digit = WIDTH;
        while digit > 1 {
            digit -= 1;
            names[at * WIDTH + digit] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        at += 1;
    }
    names
};

const fn name(at: usize) -> &'static str {
    let (_, from) = NAMES.split_at(at * WIDTH);
    let (name, _) = from.split_at(WIDTH);
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => panic!("digits are UTF-8"),
    }
}

/// So many migrations, with versions from 1. For a `static`: those of an app are in its binary, too,
/// and no start makes them.
pub const fn trivial<const N: usize>() -> [Migration; N] {
    let one = Migration::transactional(1, "", |tx| Box::pin(add_next(tx)))
        .reversible_by(|tx| Box::pin(take_last(tx)))
        .with_checksum(CHECKSUM);
    let mut all = [one; N];
    let mut at = 0;
    while at < N {
        all[at] = Migration::transactional(at as i64 + 1, name(at), |tx| Box::pin(add_next(tx)))
            .reversible_by(|tx| Box::pin(take_last(tx)))
            .with_checksum(CHECKSUM);
        at += 1;
    }
    all
}

/// Where rolling back begins.
pub fn applied_already(count: i64) {
    NEXT.store(count + 1, Ordering::SeqCst);
}

async fn add_next(tx: &mut Transaction<'_>) -> Result<(), BoxError> {
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    add(tx, n).await
}

async fn take_last(tx: &mut Transaction<'_>) -> Result<(), BoxError> {
    let n = NEXT.fetch_sub(1, Ordering::SeqCst) - 1;
    let things = tx.collection::<Document>(THINGS).delete_one(doc! { "n": n }).await?;
    if things.deleted_count == 1 { Ok(()) } else { Err(format!("effect {n} is not there").into()) }
}

async fn add(tx: &mut Transaction<'_>, n: i64) -> Result<(), BoxError> {
    tx.collection::<Document>(THINGS).insert_one(doc! { "n": n }).await?;
    Ok(())
}

const fn one<const N: i64>(name: &'static str) -> Migration {
    Migration::transactional(N, name, |tx| Box::pin(add(tx, N))).with_checksum(CHECKSUM)
}

/// Twenty that know what they insert, whichever process runs which of them.
pub static TWENTY: [Migration; 20] = [
    one::<1>("m01"),
    one::<2>("m02"),
    one::<3>("m03"),
    one::<4>("m04"),
    one::<5>("m05"),
    one::<6>("m06"),
    one::<7>("m07"),
    one::<8>("m08"),
    one::<9>("m09"),
    one::<10>("m10"),
    one::<11>("m11"),
    one::<12>("m12"),
    one::<13>("m13"),
    one::<14>("m14"),
    one::<15>("m15"),
    one::<16>("m16"),
    one::<17>("m17"),
    one::<18>("m18"),
    one::<19>("m19"),
    one::<20>("m20"),
];

/// Three of them.
pub static THREE: [Migration; 3] = [one::<1>("m1"), one::<2>("m2"), one::<3>("m3")];

/// The same three, as a process has them whose second one says `inside` after its write, and
/// hangs.
pub static HANGING: [Migration; 3] = [
    one::<1>("m1"),
    Migration::transactional(2, "m2", |tx| {
        Box::pin(async move {
            add(tx, 2).await?;
            println!("inside");
            tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
            Ok(())
        })
    })
    .with_checksum(CHECKSUM),
    one::<3>("m3"),
];
