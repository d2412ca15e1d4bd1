//! Records that a squash stands for what is applied, without running it.

use crate::{
    model::{error::Error, result::BoxError, state::Direction, version::Version},
    mongo::{reply::touched, server_error::ServerError},
    protocol::{
        engine::{Engine, attempts::Guarded},
        history::History,
        record::{Record, Stored},
        record_change::RecordChange,
        record_squash::{is_left_to_a_squash, replaced_statement, restored_statement},
        stamp::Stamp,
        stop::StopReason,
    },
    registry::{migration::Migration, squash::Squash},
};

/// One guarded transaction: the squash is recorded as applied, and what it stands for as replaced.
/// `history`: as it is now.
pub(crate) async fn stand(
    engine: &mut Engine,
    squash: &Squash,
    history: &History,
) -> Result<(), StopReason> {
    let own = squash.migration.version();
    let to = Version::new(squash.replaces.to);
    let mut digest = engine.applied();
    let mut others = 0;
    for record in history.records().filter(|one| squash.reaches(one.version)) {
        if record.is_applied() {
            digest.remove(record.version, &record.checksum);
        }
        others += i64::from(record.version != own && is_left_to_a_squash(record.state));
    }
    digest.add(own, &squash.migration.checksum());
    let change = RecordChange::Stands { to, batch: engine.batch };
    let change = Guarded::of(squash.migration.identity(), &change, digest);
    let (control, who) = (engine.control.clone(), engine.who.clone());
    let fence = engine.fence();
    engine
        .transaction(change, async |session| {
            let stamp = Stamp { who: &who, fence, sequence: 0, why: None, plan: None };
            let statement = replaced_statement(to, own, &stamp);
            let reply = control.once(Some(session), control.update(vec![statement])).await?;
            // The guard holds back every other process, so this is somebody's hand.
            if touched(&reply) != others {
                let why = "the records changed meanwhile, outside of mongrate; try again";
                let error = Error::server("record a squash", ServerError::in_reply(why, None));
                return Err(BoxError::from(error));
            }
            Ok(())
        })
        .await?;
    Ok(())
}

/// The versions that a squash which was not run stands for, and no older one of its kind. `None`: its
/// record has the number of one of them, whose own record is gone; or one of them was half-done.
pub(crate) fn stood_for(own: &Record, history: &History) -> Option<Vec<Version>> {
    let to = own.replaces.filter(|to| own.version > *to)?;
    let is_within = |record: &&Record| !record.version.is_repeatable() && record.version <= to;
    let replaced =
        || history.records().filter(is_within).filter(|record| record.state == Stored::Replaced);
    let older = || replaced().filter_map(|record| Some((record.version, record.replaces?)));
    let is_free = |record: &&Record| {
        !older().any(|(squash, to)| record.version <= to && record.version != squash)
    };
    let was_applied =
        |record: &Record| record.direction == Direction::Up && record.applied_at.is_some();
    let these = || replaced().filter(is_free);
    these().all(was_applied).then(|| these().map(|record| record.version).collect())
}

/// One guarded transaction: the squash is recorded as withdrawn, and what it stood for as applied.
pub(crate) async fn withdraw(
    engine: &mut Engine,
    migration: &Migration,
    own: &Record,
    restored: &[Version],
    history: &History,
) -> Result<(), StopReason> {
    let mut digest = engine.applied();
    digest.remove(own.version, &own.checksum);
    for record in restored.iter().filter_map(|version| history.get(*version)) {
        digest.add(record.version, &record.checksum);
    }
    let change = Guarded::of(migration.identity(), &RecordChange::Withdrawn, digest);
    let (control, who, fence) = (engine.control.clone(), engine.who.clone(), engine.fence());
    let count = i64::try_from(restored.len()).unwrap_or(i64::MAX);
    let (restored, squash) = (restored.to_vec(), own.version);
    engine
        .transaction(change, async |session| {
            let stamp = Stamp { who: &who, fence, sequence: 0, why: None, plan: None };
            let statement = restored_statement(&restored, squash, &stamp);
            let reply = control.once(Some(session), control.update(vec![statement])).await?;
            if touched(&reply) != count {
                let why = "the records changed meanwhile, outside of mongrate; try again";
                let error = Error::server("withdraw a squash", ServerError::in_reply(why, None));
                return Err(BoxError::from(error));
            }
            Ok(())
        })
        .await?;
    Ok(())
}
