//! What has to hold in every state, and the model as the checker wants it.

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::{
    basics::{Direction, Kind},
    runner::{At, Outcome, Runner, Then},
    server::{Open, Record, Stored},
    world::{Action, Scope, Trouble, World},
};

/// Each effect is there once, or not at all.
pub const EXACTLY_ONCE: &str = "exactly once";
/// An effect is there if and only if the history says so.
pub const HISTORY: &str = "history equals effects";
/// Migration v found the effects of 1 to v-1, and no other.
pub const ORDER_SEEN: &str = "migration v saw exactly 1 to v-1";
/// Later commits have no lower fence.
pub const FENCES_RISE: &str = "fences rise in the order of commits";
/// Nothing commits under a fence once a higher one is known to be raised.
pub const NO_STALE: &str = "no commit under a stale fence";
/// The digest of what is applied says what the records say.
pub const DIGEST: &str = "the digest equals the history";
/// A process that is started now, and left alone, ends with nothing pending.
pub const NOT_STUCK: &str = "nothing is stuck";
/// When all have ended by themselves, no transaction is open.
pub const NONE_OPEN: &str = "no transaction is left open";
/// No process releases the lock of another process.
pub const OWN_LOCK: &str = "nobody releases another's lock";
/// A process that was told that its lease is lost begins nothing more.
pub const LISTENS: &str = "who lost the lease stops";
/// What was reported as failed, or as interrupted by a cancellation, is not there.
pub const TRUTHFUL: &str = "what is said to have failed has not committed";
/// A process that knows of a pause begins no step of its plan, no step of an online migration and
/// no DDL; one that knows that it is cancelled, nothing at all.
pub const HEEDS: &str = "a paused or cancelled runner begins nothing";
/// A process ends as cancelled only if an operator asked the run with its fence to end.
pub const OWN_CANCEL: &str = "no run is ended by a request for another run";
/// A paused process that is left alone after the resume ends with nothing pending.
pub const GOES_ON: &str = "a paused run continues once the history is resumed";

/// What was reported as done, a majority has.
pub const DURABLE: &str = "what is said to be done is there for good";

/// What has to happen somewhere, or a check has proved little.
pub mod reached {
    /// Everything is applied, and every runner has ended.
    pub const COMPLETE: &str = "all have ended, and all is applied";
    /// A take-over ends a dead owner's transaction.
    pub const KILL: &str = "a transaction of a former owner is in the way";
    /// A runner finds out that a commit without an answer got through.
    pub const SETTLED: &str = "a commit without an answer is looked for";
    /// A command is still to come whose process is dead, or no longer waits for it.
    pub const LATE: &str = "a command is late";
    /// An online migration resumes after its checkpoint.
    pub const RESUMED: &str = "an online migration goes on after its checkpoint";
    /// A guard meets a higher fence.
    pub const FENCED: &str = "a guard meets a higher fence";
    /// A primary has what a majority has not.
    pub const LAG: &str = "the majority lags";
    /// A take-over waits for a transaction that it may not end.
    pub const WAITS: &str = "a take-over waits for the server to end a transaction";
    /// An election takes back what only the former primary had, and its runner does it again.
    pub const TAKEN_BACK: &str = "an election takes back what was done";
    /// A run that has the lock waits because the history is paused.
    pub const PAUSED: &str = "a run is paused while it has the lock";
    /// The pause was written between the peek and the acquisition.
    pub const PAUSE_FOUND: &str = "an acquisition finds the pause";
    /// The same where another process had the lock before, and one has died.
    pub const PAUSE_TAKEN_OVER: &str = "a take-over finds the pause";
    /// A run ends because an operator asked it to.
    pub const CANCELLED: &str = "a run ends cancelled";
    /// A run ends because an operator asked it to, in the middle of a migration.
    pub const INTERRUPTED: &str = "a run ends cancelled within a migration";
    /// The request for a run that is gone is left in the lock, and its successor reads it.
    pub const OLD_CANCEL: &str = "a successor finds a request for an older run";

    /// All of them.
    pub const ALL: [&str; 15] = [
        COMPLETE,
        KILL,
        SETTLED,
        LATE,
        RESUMED,
        FENCED,
        LAG,
        WAITS,
        TAKEN_BACK,
        PAUSED,
        PAUSE_FOUND,
        PAUSE_TAKEN_OVER,
        CANCELLED,
        INTERRUPTED,
        OLD_CANCEL,
    ];
}

impl Model for Scope {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.start()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.possible(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        self.act(world, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EXACTLY_ONCE, |_, world: &World| {
                world.server.now.effects.iter().all(|count| *count <= 1)
            }),
            Property::always(HISTORY, |scope: &Self, world: &World| {
                (1..=scope.rules().count()).all(|version| {
                    let now = &world.server.now;
                    let record = now.record(version);
                    (now.effect(version) > 0) == tells(record, scope.rules().kind(version))
                        && (record.state != Stored::Applied || scope.ddl_is_there(now, version))
                })
            }),
            Property::always(ORDER_SEEN, |_, world: &World| !world.server.now.saw_wrong),
            Property::always(FENCES_RISE, |_, world: &World| !world.server.watch.order_broken),
            Property::always(NO_STALE, |_, world: &World| !world.server.watch.stale_commit),
            Property::always(DIGEST, |scope: &Self, world: &World| {
                world.server.now.fence.is_none_or(|fence| {
                    (1..=scope.rules().count()).all(|version| {
                        let applied = world.server.now.record(version).state == Stored::Applied;
                        fence.applied.has(version) == applied
                    })
                })
            }),
            Property::always(NOT_STUCK, Self::finishes),
            Property::always(NONE_OPEN, |scope: &Self, world: &World| {
                let ended = |at: At| matches!(at, At::Ended(_));
                let all = world.late.is_empty() && world.runners.iter().all(|it| ended(it.at));
                // A late command may begin one after all have gone, and a new primary does not
                // even know that it is late. The next take-over ends it.
                let Trouble { silences, failovers, .. } = scope.trouble;
                let late = (world.left.silences, world.left.failovers) != (silences, failovers);
                // A take-over that is cancelled may leave a former owner's to the next, too.
                let cut_short = |open: &Open| {
                    world.runners.iter().any(|it| cancelled(it).is_some_and(|by| by > open.fence))
                };
                let holder = world.server.now.fence.and_then(|fence| fence.holder);
                let known = |open: &Open| (late || cut_short(open)) && holder == Some(open.session);
                !all || world.server.open.iter().all(known)
            }),
            Property::always(OWN_LOCK, |_, world: &World| !world.server.watch.released_foreign),
            Property::always(LISTENS, |_, world: &World| world.runners.iter().all(|it| !it.deaf)),
            Property::always(TRUTHFUL, |_, world: &World| {
                let is_done = |version: u8, fence: u8, direction: Direction| {
                    let record = world.server.now.record(version);
                    let done = match direction {
                        Direction::Up => Stored::Applied,
                        Direction::Down => Stored::Reverted,
                    };
                    (record.state, record.fence) == (done, fence)
                };
                world.runners.iter().all(|runner| match runner.at {
                    At::Ended(Outcome::Failed { version, fence, direction }) => {
                        !is_done(version, fence, direction)
                    }
                    At::Ended(Outcome::Cancelled { fence, under_way: Some((version, way)) }) => {
                        !is_done(version, fence, way)
                    }
                    _ => true,
                })
            }),
            Property::always(HEEDS, |_, world: &World| world.runners.iter().all(|it| !it.heedless)),
            Property::always(OWN_CANCEL, |_, world: &World| {
                let asked = |fence: u8| world.server.watch.has_asked(fence);
                world.runners.iter().all(|it| cancelled(it).is_none_or(asked))
            }),
            Property::always(GOES_ON, Self::goes_on),
            Property::always(DURABLE, |_, world: &World| {
                let there = world.server.durable().fence.map(|fence| (fence.number, fence.guards));
                let begins_to_say =
                    |runner: &Runner| matches!(runner.at, At::Release(_)) && runner.says_done();
                !world.server.watch.said_too_early
                    && world.runners.iter().all(|runner| {
                        !begins_to_say(runner) || there >= Some((runner.fence(), runner.guards()))
                    })
            }),
            Property::sometimes(reached::COMPLETE, |scope: &Self, world: &World| {
                world.runners.iter().all(|it| matches!(it.at, At::Ended(_)))
                    && scope.is_complete(world)
            }),
            Property::sometimes(reached::KILL, |_, world: &World| {
                world.runners.iter().any(|it| matches!(it.at, At::Kill(_)))
            }),
            Property::sometimes(reached::SETTLED, |_, world: &World| {
                world.runners.iter().any(|it| it.unknown && matches!(it.at, At::Look(_)))
            }),
            Property::sometimes(reached::LATE, |_, world: &World| !world.late.is_empty()),
            Property::sometimes(reached::RESUMED, |_, world: &World| {
                world.runners.iter().any(Runner::has_resumed)
            }),
            Property::sometimes(reached::FENCED, |_, world: &World| {
                world.runners.iter().any(|it| it.at == At::Abort(Then::Settle))
            }),
            Property::sometimes(reached::LAG, |_, world: &World| world.server.majority.is_some()),
            Property::sometimes(reached::WAITS, |_, world: &World| {
                world.runners.iter().any(|it| it.waits)
            }),
            Property::sometimes(reached::TAKEN_BACK, |_, world: &World| {
                world.runners.iter().any(|it| it.took_back)
            }),
            Property::sometimes(reached::PAUSED, |_, world: &World| {
                let owner = world.server.now.lock.owner;
                world.runners.iter().any(|it| it.at == At::Paused && owner == Some(it.token))
            }),
            Property::sometimes(reached::PAUSE_FOUND, |_, world: &World| {
                world.runners.iter().any(|it| it.found_paused)
            }),
            Property::sometimes(reached::PAUSE_TAKEN_OVER, |_, world: &World| {
                let dead = world.runners.iter().any(|it| it.at == At::Dead);
                let takes_over = |it: &Runner| it.found_paused && it.fence() > 1;
                dead && world.runners.iter().any(takes_over)
            }),
            Property::sometimes(reached::CANCELLED, |_, world: &World| {
                world.runners.iter().any(|it| cancelled(it).is_some())
            }),
            Property::sometimes(reached::INTERRUPTED, |_, world: &World| {
                let interrupted = |it: &Runner| {
                    matches!(it.at, At::Ended(Outcome::Cancelled { under_way: Some(_), .. }))
                };
                world.runners.iter().any(interrupted)
            }),
            Property::sometimes(reached::OLD_CANCEL, |_, world: &World| {
                let lock = world.server.now.lock;
                let finds = |it: &Runner| {
                    it.at == At::Raise
                        && lock.owner == Some(it.token)
                        && lock.cancel.is_some_and(|fence| fence < it.fence())
                };
                world.runners.iter().any(finds)
            }),
        ]
    }
}

/// The fence of a run that ended because it was cancelled.
fn cancelled(runner: &Runner) -> Option<u8> {
    match runner.at {
        At::Ended(Outcome::Cancelled { fence, .. }) => Some(fence),
        _ => None,
    }
}

/// Whether a record says that the effect is there.
fn tells(record: Record, kind: Kind) -> bool {
    match (record.state, record.direction) {
        (Stored::Applied, _) => true,
        (Stored::Running, Direction::Down) => !record.step,
        (Stored::Running | Stored::Failed, Direction::Up) => kind == Kind::Online && record.step,
        _ => false,
    }
}

/// The outcome of a check.
#[derive(Debug)]
pub struct Verdict {
    /// Distinct states.
    pub states: usize,
    /// The most actions from the start that were looked at.
    pub depth: usize,
    /// A short execution for each property that is broken.
    pub broken: Vec<(&'static str, Vec<Action>)>,
    /// Which of [`reached::ALL`] happened.
    pub reached: Vec<&'static str>,
}

/// Tries everything that can happen, until something breaks.
pub fn check(scope: &Scope, threads: usize) -> Verdict {
    verdict(scope, threads, HasDiscoveries::AnyFailures)
}

/// Tries everything until this property breaks.
pub fn check_until(scope: &Scope, property: &'static str) -> Verdict {
    verdict(scope, 1, HasDiscoveries::AllOf([property].into()))
}

fn verdict(scope: &Scope, threads: usize, finish: HasDiscoveries) -> Verdict {
    let checker = scope.clone().checker().threads(threads).finish_when(finish).spawn_bfs().join();
    let (mut reached, mut broken) = (Vec::new(), Vec::new());
    for (name, path) in checker.discoveries() {
        let path: Path<World, Action> = path;
        match reached::ALL.contains(&name) {
            true => reached.push(name),
            false => broken.push((name, shorten(scope, name, path.into_actions()))),
        }
    }
    broken.sort();
    Verdict { states: checker.unique_state_count(), depth: checker.max_depth(), broken, reached }
}

/// Leaves out whatever an execution does not need to break the property.
fn shorten(scope: &Scope, property: &'static str, mut actions: Vec<Action>) -> Vec<Action> {
    let holds = scope.property(property).condition;
    let possible = |world: &World, action: Action| {
        let mut all = Vec::new();
        scope.possible(world, &mut all);
        if all.contains(&action) { scope.act(world, action) } else { None }
    };
    // How many actions it takes; `None` if it holds to the end, or an action cannot be done.
    let breaks = |actions: &[Action]| {
        let mut world = scope.start();
        for (count, action) in (1..).zip(actions) {
            world = possible(&world, *action)?;
            if !holds(scope, &world) {
                return Some(count);
            }
        }
        None
    };
    let Some(count) = breaks(&actions) else { return actions };
    actions.truncate(count);
    // Without one stretch, or without two actions.
    let without = |actions: &[Action]| {
        let length = actions.len();
        let stretches = (1..=8).rev().flat_map(|width| {
            (0..=length.saturating_sub(width)).map(move |from| (from..from + width).collect())
        });
        let pairs = (0..length).flat_map(|one| (one + 1..length).map(move |two| vec![one, two]));
        stretches.chain(pairs).find_map(|left_out: Vec<usize>| {
            let kept = (0..length).filter(|index| !left_out.contains(index));
            let fewer: Vec<Action> = kept.map(|index| actions[index]).collect();
            breaks(&fewer).map(|count| fewer[..count].to_vec())
        })
    };
    while let Some(fewer) = without(&actions) {
        actions = fewer;
    }
    actions
}
