//! The migrations of the app that is measured: each inserts one document.

use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::bson::{Document, doc};
use mongrate::{BoxError, Migration, Transaction};

/// The collection of the effects: each is a document with a number `n`.
pub const THINGS: &str = "things";

/// A checksum as long as the checksums that `#[migration]` adds.
const CHECKSUM: &str = "v1:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The number that the next body inserts. A body of this list does not know its version.
static NEXT: AtomicI64 = AtomicI64::new(1);

/// The most migrations that a program has.
const MOST: usize = 1_000;

/// The length of a name.
const WIDTH: usize = 8;

/// All names in a row.
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

/// Makes `N` migrations with versions from 1. It is meant for a `static`: an app has its migrations
/// in its binary, too, and does not make them at its start.
pub const fn trivial<const N: usize>() -> [Migration; N] {
    let first = Migration::transactional(1, "", |tx| Box::pin(add_next(tx)))
        .reversible_by(|tx| Box::pin(take_last(tx)))
        .with_checksum(CHECKSUM);
    let mut all = [first; N];
    let mut at = 0;
    while at < N {
        all[at] = Migration::transactional(at as i64 + 1, name(at), |tx| Box::pin(add_next(tx)))
            .reversible_by(|tx| Box::pin(take_last(tx)))
            .with_checksum(CHECKSUM);
        at += 1;
    }
    all
}

/// Says how many are applied already, so that rolling back begins with the last of them.
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

const fn numbered<const N: i64>(name: &'static str) -> Migration {
    Migration::transactional(N, name, |tx| Box::pin(add(tx, N))).with_checksum(CHECKSUM)
}

/// Twenty migrations that know what they insert, whichever process runs them.
pub static TWENTY: [Migration; 20] = [
    numbered::<1>("m01"),
    numbered::<2>("m02"),
    numbered::<3>("m03"),
    numbered::<4>("m04"),
    numbered::<5>("m05"),
    numbered::<6>("m06"),
    numbered::<7>("m07"),
    numbered::<8>("m08"),
    numbered::<9>("m09"),
    numbered::<10>("m10"),
    numbered::<11>("m11"),
    numbered::<12>("m12"),
    numbered::<13>("m13"),
    numbered::<14>("m14"),
    numbered::<15>("m15"),
    numbered::<16>("m16"),
    numbered::<17>("m17"),
    numbered::<18>("m18"),
    numbered::<19>("m19"),
    numbered::<20>("m20"),
];

/// Ten migrations that are newer than any other.
pub(crate) const MORE: [Migration; 10] = [
    numbered::<20_001>("more_01"),
    numbered::<20_002>("more_02"),
    numbered::<20_003>("more_03"),
    numbered::<20_004>("more_04"),
    numbered::<20_005>("more_05"),
    numbered::<20_006>("more_06"),
    numbered::<20_007>("more_07"),
    numbered::<20_008>("more_08"),
    numbered::<20_009>("more_09"),
    numbered::<20_010>("more_10"),
];

/// Three migrations of the same kind.
pub static THREE: [Migration; 3] = [numbered::<1>("m1"), numbered::<2>("m2"), numbered::<3>("m3")];

/// The same three migrations, but the second prints `inside` after its write, and hangs.
pub static HANGING: [Migration; 3] = [
    numbered::<1>("m1"),
    Migration::transactional(2, "m2", |tx| {
        Box::pin(async move {
            add(tx, 2).await?;
            println!("inside");
            tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
            Ok(())
        })
    })
    .with_checksum(CHECKSUM),
    numbered::<3>("m3"),
];
