//! What has to hold in every state, and the model as the checker wants it.

use std::fmt::Write as _;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::basics::{Direction, Kind};
use crate::runner::{At, Outcome};
use crate::server::{Record, Stored};
use crate::world::{Action, Scope, World};

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
/// Nobody gives back a lock that is another's.
pub const OWN_LOCK: &str = "nobody releases another's lock";
/// Whoever was told that the lease is lost begins nothing more.
pub const LISTENS: &str = "who lost the lease stops";
/// What was reported as failed is not there.
pub const TRUTHFUL: &str = "what is said to have failed has not committed";

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
                        && (record.state != Stored::Applied
                            || scope.rules().kind(version) == Kind::Transactional
                            || now.ddl.has(version)
                            || scope.has_rollbacks())
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
            Property::always(NONE_OPEN, |_, world: &World| {
                let ended = |at: At| matches!(at, At::Ended(_));
                let all = world.late.is_empty() && world.runners.iter().all(|it| ended(it.at));
                !all || world.server.open.is_empty()
            }),
            Property::always(OWN_LOCK, |_, world: &World| !world.server.watch.released_foreign),
            Property::always(LISTENS, |_, world: &World| world.runners.iter().all(|it| !it.deaf)),
            Property::always(TRUTHFUL, |_, world: &World| {
                world.runners.iter().all(|runner| match runner.at {
                    At::Ended(Outcome::Failed { version, fence, direction }) => {
                        let record = world.server.now.record(version);
                        let done = match direction {
                            Direction::Up => Stored::Applied,
                            Direction::Down => Stored::Reverted,
                        };
                        (record.state, record.fence) != (done, fence)
                    }
                    _ => true,
                })
            }),
        ]
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

/// What a check came to.
#[derive(Debug)]
pub struct Verdict {
    /// Distinct states.
    pub states: usize,
    /// The longest execution that was looked at, in actions.
    pub depth: usize,
    /// The shortest execution that breaks each property that is broken.
    pub broken: Vec<(&'static str, Vec<Action>)>,
}

/// Tries everything. `until`: properties whose counterexamples suffice; none to see all states.
pub fn check(scope: &Scope, threads: usize, until: &[&'static str]) -> Verdict {
    let finish = match until {
        [] => HasDiscoveries::AnyFailures,
        some => HasDiscoveries::AllOf(some.iter().copied().collect()),
    };
    let checker =
        scope.clone().checker().threads(threads).finish_when(finish).spawn_bfs().join();
    let mut broken: Vec<_> = checker
        .discoveries()
        .into_iter()
        .map(|(property, path): (_, Path<World, Action>)| (property, path.into_actions()))
        .collect();
    broken.sort();
    Verdict { states: checker.unique_state_count(), depth: checker.max_depth(), broken }
}

/// An execution as a person can read it.
pub fn explain(scope: &Scope, actions: &[Action]) -> String {
    let mut world = scope.start();
    let mut text = String::new();
    for (number, action) in (1..).zip(actions) {
        let _ = writeln!(text, "{number:3}. {}", scope.narrate(&world, *action));
        let Some(next) = scope.act(&world, *action) else { break };
        world = next;
    }
    let now = &world.server.now;
    let _ = writeln!(
        text,
        "     then: lock {:?}, fence {:?}, open {:?}",
        now.lock, now.fence, world.server.open
    );
    for version in 1..=scope.rules().count() {
        let _ = writeln!(
            text,
            "     {version}: {} time(s) in effect, {:?}",
            now.effect(version),
            now.record(version)
        );
    }
    text
}
