//! The fixture's migrations: each effect is an insert that conflicts with nothing, so that
//! doing it twice shows, and notes which effects it found before it.
//!
//! One history per kind of migration, and `mixed` of transactions and online ones in turn. A new
//! kind gets a history of its own in [`History::ALL`]: the enumeration, the random rounds and the
//! checks take it from there. What changes many documents changes [`ROWS`].

use mongrate::{
    BoxError, Change, Error, Migration, Migrator, Online, OnlineFn, RunReport, Transaction,
    TransactionFn, Version,
    bson::{Binary, Document, doc, spec::BinarySubtype},
};
use mongrate_seal::{Applied, Replaces};

/// A reversible transactional migration with these effects.
macro_rules! transactional {
    ($version:literal, $($effect:literal),+) => {
        Migration::transactional($version, concat!("migration_", $version), |tx| {
            Box::pin(async move {
                $(leave(tx, concat!("+", $effect)).await?;)+
                Ok(())
            })
        })
        .reversible_by(|tx| {
            Box::pin(async move {
                for effect in [$(concat!("-", $effect)),+].into_iter().rev() {
                    leave(tx, effect).await?;
                }
                Ok(())
            })
        })
    };
}
/// The collection that holds the effects.
pub const EFFECTS: &str = "effects";
/// The audit log.
pub const LOG: &str = "migrations.audit_log";
/// The collection that gets and loses indexes.
pub const THINGS: &str = "things";
/// The collection of which every document is changed.
pub const ROWS: &str = "rows";
/// How many documents the collection has.
pub const ROW_COUNT: i32 = 24;
/// So that there are several batches.
pub(crate) const BATCH: u32 = 7;

/// What becomes of [`ROWS`]. A backfill and the one that undoes it count in fields of their own:
/// done twice and undone twice would look like once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// The documents are not there.
    None,
    /// Each is counted by a backfill.
    Counted,
    /// Each is counted, a field renamed, a field removed.
    Declared,
}

impl Rows {
    /// The documents before `up`.
    pub fn seed(self) -> Vec<Document> {
        match self {
            Self::None => Vec::new(),
            Self::Counted | Self::Declared => (0..ROW_COUNT)
                .map(|id| {
                    let old = format!("name {id}");
                    doc! { "_id": id, "up": 0, "down": 0, "old": old, "gone": 7 * id }
                })
                .collect(),
        }
    }

    /// The documents after `up`, and after `up` and `down`.
    pub fn expected(self, is_up: bool) -> Vec<Document> {
        let mut rows = self.seed();
        for row in &mut rows {
            match (self, is_up) {
                (Self::Counted, true) => drop(row.insert("up", 1)),
                (Self::Counted, false) => {
                    row.insert("up", 1);
                    row.insert("down", 1);
                }
                (Self::Declared, true) => {
                    row.insert("up", 1);
                    row.remove("gone");
                    if let Some(name) = row.remove("old") {
                        row.insert("new", name);
                    }
                }
                // Its rollback restores what was there.
                (Self::Declared, false) | (Self::None, _) => {}
            }
        }
        rows
    }

    /// More commands than a run of such a history sends.
    pub const fn commands_max(self) -> u32 {
        match self {
            Self::None => 45,
            Self::Counted => 60,
            Self::Declared => 140,
        }
    }
}

/// Migrations, and what they leave.
#[derive(Debug)]
pub struct History {
    /// The name of the history on the command line.
    pub name: &'static str,
    /// The migrations, oldest first.
    pub migrations: fn() -> Vec<Migration>,
    /// The effects of `up`, in order. Those of `down` are the same backwards, with a minus.
    pub effects: &'static [&'static str],
    /// The indexes of [`THINGS`] after `up`, without `_id_`. There are none after `down`.
    pub indexes: &'static [&'static str],
    /// What the history does to [`ROWS`].
    pub rows: Rows,
    /// Whether its runs keep an audit log.
    pub audited: bool,
    /// The migrations that are applied before the round.
    pub before: fn() -> Vec<Migration>,
    /// The state of records that it does not depend on the run: of a skipped migration, one that a
    /// squash stands for, a repeatable one.
    pub fixed: fn(i64) -> Option<&'static str>,
}

const fn nothing(_: i64) -> Option<&'static str> {
    None
}

impl History {
    /// All of them.
    pub const ALL: [Self; 6] = [TRANSACTIONAL, ONLINE, MIXED, BACKFILL, DECLARED, AUDITED];

    /// Those whose second migration can be rolled back alone, as nothing later builds on it.
    pub const APART: [&'static str; 3] = ["transactional", "backfill", "declared"];

    /// Those of histories that live for years: they are applied, and not rolled back.
    pub const YEARS: [&'static str; 3] = ["squashed", "half_way", "repeated"];

    /// Those that are run as an approved plan says.
    pub const PLANNED: [&'static str; 1] = ["approved"];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain([
                APPROVED,
                SQUASHED,
                HALF_WAY,
                REPEATED,
                DDL,
                SLOW,
                PAUSE,
                PAUSED_BATCH,
                BIG,
                MANY,
            ])
            .find(|history| history.name == name)
    }

    /// The labels of all effects after `up`.
    pub fn up(&self) -> Vec<String> {
        self.effects.iter().map(|effect| format!("+{effect}")).collect()
    }

    /// The labels of all effects after `up` and a `down` of migration 2 alone.
    pub fn up_only(&self) -> Vec<String> {
        let alone = self.effects.iter().rev().filter(|effect| effect.starts_with('2'));
        self.up().into_iter().chain(alone.map(|effect| format!("-{effect}"))).collect()
    }

    /// The labels of all effects after `up` and `down`.
    pub fn up_down(&self) -> Vec<String> {
        let down = self.effects.iter().rev().map(|effect| format!("-{effect}"));
        self.up().into_iter().chain(down).collect()
    }
}

/// Rolls back the second migration alone: those after it do not depend on it.
///
/// # Errors
///
/// Those of `down`.
pub async fn alone(migrator: &Migrator) -> Result<RunReport, Error> {
    let later = migrator.migrations()?.into_iter().map(|one| one.version());
    let later: Vec<Version> = later.filter(|version| version.get() > 2).collect();
    migrator.down().only(2).independent_of(later).await
}

/// Three transactions, one of them with two writes.
const TRANSACTIONAL: History = History {
    name: "transactional",
    migrations: || {
        vec![transactional!(1, "1"), transactional!(2, "2", "2b"), transactional!(3, "3")]
    },
    effects: &["1", "2", "2b", "3"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// Two online migrations; the second undoes some of the first one's DDL.
const ONLINE: History = History {
    name: "online",
    migrations: || vec![FIRST_ONLINE, SECOND_ONLINE],
    effects: &["2.x", "2.y", "4.z"],
    indexes: &["b_1"],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// Both, in turn.
const MIXED: History = History {
    name: "mixed",
    migrations: || {
        vec![
            transactional!(1, "1"),
            FIRST_ONLINE,
            transactional!(3, "3"),
            SECOND_ONLINE,
            transactional!(5, "5"),
        ]
    },
    effects: &["1", "2.x", "2.y", "3", "4.z", "5"],
    indexes: &["b_1"],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// The same by a plan that was made before the round: exactly its steps, whoever runs the rest of them.
const APPROVED: History = History { name: "approved", ..MIXED };

/// The same with an audit log.
const AUDITED: History = History { name: "audited", audited: true, ..MIXED };

/// Three that a squash stands for, which is recorded, and one after it.
const SQUASHED: History = History {
    name: "squashed",
    migrations: || vec![squash(), transactional!(5, "5")],
    effects: &["1", "2", "2b", "3", "5"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: old,
    fixed: |version| (version <= 3).then_some("replaced"),
};

/// The same with the old ones, of which the database has the first: the rest is applied, and then the
/// squash is recorded.
const HALF_WAY: History = History {
    name: "half_way",
    migrations: || {
        let mut all = old();
        all.push(squash());
        all
    },
    effects: &["1", "2", "2b", "3"],
    before: || old().into_iter().take(1).collect(),
    ..SQUASHED
};

/// Stands for [`old`].
fn squash() -> Migration {
    let checksums: Vec<_> =
        old().iter().map(|one| (one.version().get(), one.checksum().into_owned())).collect();
    let applied = Applied::of(checksums.iter().map(|(version, text)| (*version, &**text)));
    let replaces: &'static str = Replaces { to: 3, applied }.to_string().leak();
    let squash = Migration::online_steps(4, "squash", |_| {
        Box::pin(async { Err("a squash is not run where it stands for others".into()) })
    });
    squash.replacing(replaces)
}

fn old() -> Vec<Migration> {
    vec![transactional!(1, "1"), transactional!(2, "2", "2b"), transactional!(3, "3")]
}

/// One that is skipped, and two repeatable ones that run again in another form.
const REPEATED: History = History {
    name: "repeated",
    migrations: || {
        let skipped = transactional!(2, "2").labelled(&["nowhere"]);
        let mut all = vec![transactional!(1, "1"), skipped, transactional!(3, "3")];
        all.extend(repeated("new"));
        all
    },
    effects: &["0.old", "0.x.old", "1", "3", "0.new", "0.x.new"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: || repeated("old").to_vec(),
    fixed: |version| match version {
        2 => Some("skipped"),
        version if version < 0 => Some("applied"),
        _ => None,
    },
};

fn repeated(form: &'static str) -> [Migration; 2] {
    let (transaction, online): (TransactionFn, OnlineFn) = match form {
        "old" => (
            |tx| Box::pin(async move { leave(tx, "+0.old").await }),
            |on| {
                Box::pin(async move {
                    on.transaction("x", async |tx| leave(tx, "+0.x.old").await).await
                })
            },
        ),
        _ => (
            |tx| Box::pin(async move { leave(tx, "+0.new").await }),
            |on| {
                Box::pin(async move {
                    on.transaction("x", async |tx| leave(tx, "+0.x.new").await).await
                })
            },
        ),
    };
    [
        Migration::repeatable("a_transaction", transaction).with_checksum(form),
        Migration::repeatable_online("b_online", online).with_checksum(form),
    ]
}

/// A backfill between two transactions; its rollback is one, too.
const BACKFILL: History = History {
    name: "backfill",
    migrations: || vec![transactional!(1, "1"), COUNTS, transactional!(3, "3")],
    effects: &["1", "3"],
    indexes: &[],
    rows: Rows::Counted,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// A declared migration between two transactions.
const DECLARED: History = History {
    name: "declared",
    migrations: || {
        vec![
            transactional!(1, "1"),
            Migration::declared(2, "migration_2", declare),
            transactional!(3, "3"),
        ]
    },
    effects: &["1", "3"],
    indexes: &["a_1"],
    rows: Rows::Declared,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

fn declare(change: &mut Change) {
    change.create_index(THINGS, doc! { "a": 1 });
    change.update(ROWS, vec![count("up")], vec![]);
    change.rename_field(ROWS, "old", "new");
    change.remove_field(ROWS, "gone");
}

const COUNTS: Migration = Migration::online_steps(2, "migration_2", |on| {
    Box::pin(async move {
        on.backfill("count", ROWS).batch_size(BATCH).update(vec![count("up")]).await?;
        Ok(())
    })
})
.reversible_online_by(|on| {
    Box::pin(async move {
        on.backfill("count back", ROWS).batch_size(BATCH).update(vec![count("down")]).await?;
        Ok(())
    })
});

/// Not idempotent.
fn count(field: &str) -> Document {
    doc! { "$set": { field: { "$add": [format!("${field}"), 1] } } }
}

/// For a schedule: an online migration whose pause lies between two pieces of DDL. Outside
/// [`History::ALL`].
const DDL: History = History {
    name: "ddl",
    migrations: || vec![PAUSING_ONLINE, SECOND_ONLINE],
    effects: &["4.z"],
    indexes: &["b_1"],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// For heartbeats: a transaction that takes its time.
const SLOW: History = History {
    name: "slow",
    migrations: || vec![transactional!(1, "1"), PAUSING, transactional!(3, "3")],
    effects: &["1", "2", "3"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// For schedules: the second migration waits inside its transaction for a line on stdin, if
/// `CHAOS_PAUSE` is set.
const PAUSE: History = History {
    name: "pause",
    migrations: || vec![transactional!(1, "1"), WAITING, transactional!(3, "3")],
    effects: &["1", "2", "3"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// For schedules: a backfill that waits inside its first batch for a line on stdin, if `CHAOS_PAUSE` is
/// set.
const PAUSED_BATCH: History = History {
    name: "paused_batch",
    migrations: || vec![transactional!(1, "1"), WAITING_COUNTS, transactional!(3, "3")],
    effects: &["1", "3"],
    indexes: &[],
    rows: Rows::Counted,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// For the limits: fifty megabytes that do not compress, in one transaction.
const BIG: History = History {
    name: "big",
    migrations: || vec![transactional!(1, "1"), FIFTY_MEGABYTES, transactional!(3, "3")],
    effects: &["1", "2", "3"],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

/// For the limits: ten thousand that do nothing.
const MANY: History = History {
    name: "many",
    migrations: || {
        (1..=10_000)
            .map(|version| {
                let name = String::leak(format!("migration_{version}"));
                Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
            })
            .collect()
    },
    effects: &[],
    indexes: &[],
    rows: Rows::None,
    audited: false,
    before: Vec::new,
    fixed: nothing,
};

const FIFTY_MEGABYTES: Migration = Migration::transactional(2, "migration_2", |tx| {
    Box::pin(async move {
        leave(tx, "+2").await?;
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..50 {
            let mut bytes = vec![0; 1 << 20];
            rng.fill(&mut bytes);
            let big = Binary { subtype: BinarySubtype::Generic, bytes };
            tx.collection::<Document>("big").insert_one(doc! { "bytes": big }).await?;
        }
        Ok(())
    })
});

const FIRST_ONLINE: Migration = Migration::online_steps(2, "migration_2", |on| {
    Box::pin(async move {
        on.create_index(THINGS, doc! { "a": 1 }).await?;
        step(on, "+2.x").await?;
        step(on, "+2.y").await
    })
})
.reversible_online_by(|on| {
    Box::pin(async move {
        step(on, "-2.y").await?;
        step(on, "-2.x").await?;
        on.drop_index(THINGS, "a_1").await
    })
});

const SECOND_ONLINE: Migration = Migration::online_steps(4, "migration_4", |on| {
    Box::pin(async move {
        on.create_index(THINGS, doc! { "b": 1 }).await?;
        step(on, "+4.z").await?;
        on.drop_index(THINGS, "a_1").await
    })
})
.reversible_online_by(|on| {
    Box::pin(async move {
        on.create_index(THINGS, doc! { "a": 1 }).await?;
        step(on, "-4.z").await?;
        on.drop_index(THINGS, "b_1").await
    })
});

const PAUSING_ONLINE: Migration = Migration::online_steps(2, "migration_2", |on| {
    Box::pin(async move {
        on.create_index(THINGS, doc! { "other": 1 }).await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
        on.create_index(THINGS, doc! { "a": 1 }).await?;
        on.drop_index(THINGS, "other_1").await
    })
});

const PAUSING: Migration = Migration::transactional(2, "migration_2", |tx| {
    Box::pin(async move {
        leave(tx, "+2").await?;
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        Ok(())
    })
})
.reversible_by(|tx| {
    Box::pin(async move {
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        leave(tx, "-2").await
    })
});

const WAITING: Migration = Migration::transactional(2, "migration_2", |tx| {
    Box::pin(async move {
        leave(tx, "+2").await?;
        if std::env::var_os("CHAOS_PAUSE").is_some() {
            crate::app::say("inside");
            tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()))
                .await??;
        }
        Ok(())
    })
})
.reversible_by(|tx| Box::pin(leave(tx, "-2")));

const WAITING_COUNTS: Migration = Migration::online_steps(2, "migration_2", |on| {
    Box::pin(async move {
        let counts = on.backfill("count", ROWS).batch_size(BATCH);
        counts
            .update_each(|row: Document| {
                if row.get_i32("_id")? == 0 && std::env::var_os("CHAOS_PAUSE").is_some() {
                    crate::app::say("inside");
                    // The run has a thread of its own; its heartbeats go on.
                    std::io::stdin().read_line(&mut String::new())?;
                }
                Ok(Some(doc! { "$inc": { "up": 1 } }))
            })
            .await
            .map(drop)
    })
})
.reversible_online_by(|on| {
    Box::pin(async move {
        on.backfill("count back", ROWS).batch_size(BATCH).update(vec![count("down")]).await?;
        Ok(())
    })
});

async fn leave(tx: &mut Transaction<'_>, label: &str) -> Result<(), BoxError> {
    let mut found = tx.collection::<Document>(EFFECTS).find(doc! {}).await?;
    let mut saw = Vec::new();
    while let Some(effect) = found.next(tx.session()).await {
        saw.push(effect?.get_str("label")?.to_owned());
    }
    let effect = doc! { "label": label, "saw": saw };
    tx.collection::<Document>(EFFECTS).insert_one(effect).await?;
    Ok(())
}

async fn step(on: &mut Online<'_>, label: &'static str) -> Result<(), BoxError> {
    on.transaction(label, async |tx| leave(tx, label).await).await
}
