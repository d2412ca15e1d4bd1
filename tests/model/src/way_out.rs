//! Whether there is a way out of a state, for a process that is left alone.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::{
    basics::Kind,
    runner::{At, Goal, Outcome, Runner},
    server::{Documents, Open, Stored},
    world::{Action, Scope, World},
};

impl Scope {
    /// Whether a process that is started now, and left alone by everybody else, ends with nothing
    /// pending: at the latest when the lease of a dead owner has run out, and without waiting
    /// for the server to end a transaction by itself. (Unless that is all that the server allows.)
    /// If the history is paused, it is started after an operator has resumed it.
    pub fn finishes(&self, world: &World) -> bool {
        thread_local! {
            /// Most states differ only in what the others are about to do.
            static KNOWN: RefCell<HashMap<Seen, bool>> = RefCell::default();
        }
        let mut id = DefaultHasher::new();
        (self.protocol, &self.kinds, &self.goals, self.refuses_kill).hash(&mut id);
        let mut now = world.server.now;
        now.lock.paused = false;
        let key = (id.finish(), now, world.server.open.clone());
        if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).copied()) {
            return known;
        }
        let mut world = world.clone();
        world.server.set_paused(false);
        world.late.clear();
        let last = world.runners.len();
        world.runners.push(Runner::new(u8::try_from(last).expect("few")));
        let finishes = self.finish_alone(&mut world, last);
        KNOWN.with_borrow_mut(|known| {
            if known.len() > 1_000_000 {
                known.clear();
            }
            known.insert(key, finishes);
        });
        finishes
    }

    /// Whether every paused `up` goes on once an operator has resumed the history, and ends with
    /// nothing pending if it is left alone, and not cancelled.
    pub fn goes_on(&self, world: &World) -> bool {
        let paused =
            |index: &usize| world.runners[*index].at == At::Paused && self.goal(*index) == Goal::Up;
        (0..world.runners.len()).filter(paused).all(|index| {
            let mut world = world.clone();
            world.server.set_paused(false);
            world.server.now.lock.cancel = None;
            world.late.clear();
            self.finish_alone(&mut world, index)
        })
    }

    fn finish_alone(&self, world: &mut World, last: usize) -> bool {
        // Far more than it takes.
        for _ in 0..200 {
            let index = u8::try_from(last).expect("few");
            let paused = world.runners[last].at == At::Paused;
            let next = if paused { Action::Beat(index) } else { Action::Step(index) };
            if self.act_on(world, next) {
                match world.runners[last].at {
                    At::Ended(Outcome::Current | Outcome::Done) => return self.is_complete(world),
                    At::Ended(_) => return false,
                    _ => continue,
                }
            }
            if world.runners[last].waits && !world.server.open.is_empty() {
                world.server.open.clear();
                continue;
            }
            let lock = world.server.now.lock;
            if lock.owner.is_none() || lock.expired {
                return false;
            }
            world.server.expire();
        }
        false
    }

    /// Whether everything is applied, and there exactly once.
    pub fn is_complete(&self, world: &World) -> bool {
        let rules = self.rules();
        let now = &world.server.now;
        (1..=rules.count()).all(|version| {
            now.record(version).state == Stored::Applied
                && now.effect(version) == 1
                && self.ddl_is_there(now, version)
        })
    }

    /// Whether the DDL of an applied migration was done. Not asked where a runner rolls back: a
    /// late `dropIndexes` can undo what was built after it, and no fence can hold it back.
    pub fn ddl_is_there(&self, now: &Documents, version: u8) -> bool {
        let has_rollbacks = self.goals.contains(&Goal::Down);
        has_rollbacks || self.rules().kind(version) == Kind::Transactional || now.ddl.has(version)
    }
}

/// The scope, and what of a world matters to a process that is started in it.
type Seen = (u64, Documents, Vec<Open>);
