//! Records that a squash stands for what is applied, without running it.

use crate::{
    model::{error::Error, result::BoxError},
    mongo::{reply::touched, server_error::ServerError},
    protocol::{
        engine::{Engine, attempts::Guarded},
        history::History,
        record_change::{self, RecordChange},
        stamp::Stamp,
        stop::StopReason,
    },
    registry::squash::Squash,
};

/// One guarded transaction: the squash is recorded as applied, and what it stands for as replaced.
/// `history`: as it is now.
pub(crate) async fn stand(
    engine: &mut Engine,
    squash: &Squash,
    history: &History,
) -> Result<(), StopReason> {
    let own = squash.migration.version();
    let to = crate::model::version::Version::new(squash.replaces.to);
    let mut digest = engine.applied();
    let mut others = 0;
    let replaced = history.records().filter(|one| one.is_applied() && squash.reaches(one.version));
    for record in replaced {
        digest.remove(record.version, &record.checksum);
        others += i64::from(record.version != own);
    }
    digest.add(own, &squash.migration.checksum());
    let change = RecordChange::Stands { to, batch: engine.batch };
    let change = Guarded::of(squash.migration.identity(), &change, digest);
    let (control, who) = (engine.control.clone(), engine.who.clone());
    let fence = engine.fence();
    engine
        .transaction(change, async |session| {
            let stamp = Stamp { who: &who, fence, sequence: 0, why: None, plan: None };
            let statement = record_change::replaced_statement(to, own, &stamp);
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
