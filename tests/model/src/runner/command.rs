//! What a runner sends next.

use super::{At, LIGHT_MAX, PlanStep, Runner, Stage, Why};
use crate::{
    basics::{Direction, Kind, Versions},
    mutant::Protocol,
    server::{Change, Command, Guard, Rules},
};

impl Runner {
    /// What is on its way.
    pub fn command(&self, rules: &Rules<'_>) -> Option<Command> {
        let (by, fence, number) = (self.token, self.fence, self.number);
        Some(match self.at {
            At::Peek => Command::Peek,
            At::Acquire => Command::Acquire { by },
            At::Raise => Command::Raise { by, fence },
            At::ReadRefused | At::ReadHolder => Command::ReadFence,
            At::Kill(whom) => Command::Kill { whom },
            At::EndOwn(_) => Command::EndOwn { by },
            At::ReadAll => Command::ReadAll,
            At::Guard => {
                let (guards, version) = (self.guards, self.step().version);
                let (change, applied) = self.trial(rules);
                Command::Guard(Guard { by, number, fence, guards, applied, version, change })
            }
            At::Body => {
                let PlanStep { version, direction, .. } = self.step();
                Command::Body { by, number, version, direction }
            }
            At::Commit => Command::Commit { by, number, light: self.is_light(rules) },
            At::Write => {
                let change = self.trial(rules).0;
                let sequence = self.guards + 1;
                Command::Write { version: self.step().version, change, fence, sequence }
            }
            At::Abort(_) => Command::Abort { by, number },
            At::Look(why) => {
                let early = rules.protocol == Protocol::SettlesEarly && why == Why::GaveUp;
                Command::Look { fresh: !early }
            }
            At::Ddl => {
                let PlanStep { version, direction, .. } = self.step();
                Command::Ddl { version, direction }
            }
            At::Release(_) => {
                let always = rules.protocol == Protocol::ForgetsAlways;
                let forgets = always || !self.unsettled;
                Command::Release { by, fence, forgets, under: self.under(rules) }
            }
            At::StandDown => Command::Release { by, fence, forgets: false, under: None },
            At::Paused | At::Ended(_) | At::Dead => return None,
        })
    }

    /// Whether the commit under way is answered when the primary has it: a later one waits, or the
    /// release.
    pub(super) fn is_light(&self, rules: &Rules<'_>) -> bool {
        let transactional = rules.kind(self.step().version) == Kind::Transactional;
        self.stage == Stage::End && transactional && self.light[LIGHT_MAX - 1].is_none()
    }

    /// What the fence must count for a release that stands for the last commits, too.
    fn under(&self, rules: &Rules<'_>) -> Option<u8> {
        let stands = self.releases_under() && rules.protocol != Protocol::ReleasesBlindly;
        stands.then_some(self.guards)
    }

    /// How the guarded transaction under way changes the record and the digest.
    pub(super) fn trial(&self, rules: &Rules<'_>) -> (Change, Versions) {
        let PlanStep { version, direction, resumes, .. } = self.step();
        let online = rules.kind(version) == Kind::Online;
        match (self.stage, direction) {
            (Stage::Begin, Direction::Up) => {
                (Change::Running { direction, keep: resumes }, self.applied)
            }
            (Stage::Begin, Direction::Down) => {
                let change = Change::Running { direction, keep: resumes };
                (change, self.applied.set(version, false))
            }
            (Stage::Step, _) => (Change::Step, self.applied),
            (Stage::Note, _) => (Change::Failed(direction), self.applied),
            (Stage::NoteCancelled, _) => (Change::Cancelled(direction), self.applied),
            (_, Direction::Up) => (Change::Applied, self.applied.set(version, true)),
            (_, Direction::Down) if online => (Change::Reverted, self.applied),
            (_, Direction::Down) => (Change::Reverted, self.applied.set(version, false)),
        }
    }
}
