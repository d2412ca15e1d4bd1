//! Rounds on a replica set in which a runner and the primary die together: how long until
//! somebody else has finished, against what is promised.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::{
    point::{Blow, Count, Point, Side},
    round::{GRACE, Outcome, Verb, World},
    weather::{Failure, Set},
};

/// More than the history's run sends would miss.
const COMMANDS: u32 = 24;

/// What happens to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// `kill -9`, and a restart once another one is elected.
    Kill,
    /// The primary steps down.
    StepDown,
}

/// One round: a runner is killed at a point that the seed says, the primary falls at once, and
/// the next runner must be done within lease, election and grace. Also how long the election
/// took.
///
/// # Errors
///
/// When the set does not recover.
pub async fn round(
    world: &World,
    set: &Set,
    fall: Fall,
    seed: u64,
) -> Result<(Outcome, Duration), Failure> {
    let mut rng = Rng::with_seed(seed);
    let verb = if rng.bool() { Verb::Up } else { Verb::Down };
    let side = if rng.bool() { Side::Before } else { Side::After };
    let point = Point { at: rng.u32(2..=COMMANDS), side, blow: Blow::Kill };
    let mut ground = world.ground("mixed", verb, true).await?;
    let mut first = ground.start(Some(point), Count::All);
    let blow = ground.blow("the first", &mut first, point).await.unwrap_or_else(Instant::now);
    let (election, ()) = tokio::join!(
        async {
            match fall {
                Fall::Kill => set.kill_primary().await,
                Fall::StepDown => set.step_down().await,
            }
        },
        ground.finish(blow)
    );
    let election = election?;
    let took = Duration::from_millis(ground.outcome.recovery_ms);
    let granted = world.lease + election + GRACE;
    let mut outcome = ground.verdict().await?;
    if took > granted {
        outcome.wrong.push(format!(
            "recovery: {took:?}, and lease, election ({election:?}) and grace are {granted:?}"
        ));
    }
    Ok((outcome, election))
}
