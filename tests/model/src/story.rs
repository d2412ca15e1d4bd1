//! An execution as a person can read it.

use std::fmt::{self, Write as _};

use crate::{
    basics::{Direction, name},
    runner::After,
    server::{Change, Command, Documents, Guard, Lock, Record, Reply, Stored},
    world::{Action, Scope, World},
};

/// One line for each action, and what the database holds then.
pub fn explain(scope: &Scope, actions: &[Action]) -> String {
    let mut world = scope.start();
    let mut text = String::new();
    for (number, action) in (1..).zip(actions) {
        let _ = writeln!(text, "{number:3}. {}", narrate(scope, &world, *action));
        let Some(next) = scope.act(&world, *action) else { break };
        world = next;
    }
    for (index, runner) in (0..).zip(&world.runners) {
        let _ = match runner.command(&scope.rules()) {
            Some(command) => writeln!(text, "     {} sends next: {command}", name(index)),
            None => writeln!(text, "     {}: {:?}", name(index), runner.at),
        };
    }
    let now = &world.server.now;
    let lock = match now.lock.owner {
        Some(owner) => format!("{owner:?}'s{}", if now.lock.expired { ", expired" } else { "" }),
        None => "nobody's".to_owned(),
    };
    let fence = now.fence.map_or(0, |fence| fence.number);
    let _ = write!(text, "     Then the lock is {lock}, the fence is {fence}");
    let _ = write!(text, "{}", Shown(now.lock));
    for open in &world.server.open {
        let _ = write!(text, ", a transaction of {:?} is open", open.session);
    }
    text.push_str(".\n");
    for version in 1..=scope.rules().count() {
        let (effect, record) = (now.effect(version), Shown(now.record(version)));
        let _ = writeln!(text, "     Migration {version}: done {effect} times, {record}.");
    }
    text
}

fn narrate(scope: &Scope, world: &World, action: Action) -> String {
    let rules = scope.rules();
    let command = |index: u8| {
        let command = world.runners[usize::from(index)].command(&rules);
        command.map_or_else(String::new, |command| command.to_string())
    };
    match action {
        Action::Step(index) => {
            let reply = scope.answer(&mut world.clone(), usize::from(index));
            let waited = world.runners[usize::from(index)].answer.is_some();
            let note = if waited { " (a majority has it now)" } else { "" };
            let reply = reply.map_or_else(String::new, |reply| reply.to_string());
            format!("{}: {}{note}: {reply}", name(index), command(index))
        }
        Action::Lag(index) => {
            format!("{}: {}: done, but the majority lags", name(index), command(index))
        }
        Action::Silence(index, after) => {
            let then = match after {
                After::Again => "",
                After::Anew => "; it begins anew",
                After::GiveUp => "; it gives up",
            };
            format!("{}: {}: no answer{then}", name(index), command(index))
        }
        Action::Crash(index, sent) => {
            let when = if sent { "having sent" } else { "before it can" };
            format!("{} is killed, {when}: {}", name(index), command(index))
        }
        Action::Late(index) => {
            let reply = world.server.clone().execute(&world.late[index], true, &rules);
            format!("late: {}: {reply}", world.late[index])
        }
        Action::Beat(index) => {
            match world.server.clone().beat(world.runners[usize::from(index)].token) {
                Some(lock) => {
                    format!("{}'s heartbeat renews the lease{}", name(index), Shown(lock))
                }
                None => format!("{}'s heartbeat finds the lease lost", name(index)),
            }
        }
        Action::Suspect(index) => format!("{}'s heartbeats fail for too long", name(index)),
        Action::Interrupt(index) => {
            let lost = world.runners[usize::from(index)].lost;
            let why = if lost { "has lost the lease" } else { "is cancelled" };
            format!("{} {why}, and drops: {}", name(index), command(index))
        }
        Action::Leave(index) => format!("{} starts over; its release is late", name(index)),
        Action::Expire => "the lease runs out".to_owned(),
        Action::Replicate => "the majority catches up".to_owned(),
        Action::FailOver => "failover: what a majority has not got is lost".to_owned(),
        Action::Reap(session) => format!("the server ends the transaction of {session:?}"),
        Action::Pause => "an operator pauses the history".to_owned(),
        Action::Resume => "an operator resumes the history".to_owned(),
        Action::Cancel => {
            let fence = world.server.now.lock.fence;
            format!("an operator asks the run with fence {fence} to end")
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |direction: Direction| match direction {
            Direction::Up => "apply",
            Direction::Down => "roll back",
        };
        match self {
            Self::Peek => f.write_str("look whether anything is pending"),
            Self::Acquire { by } => write!(f, "acquire the lock as {by:?}"),
            Self::Raise { fence, .. } => write!(f, "raise the fence to {fence}"),
            Self::ReadFence => f.write_str("read the fence"),
            Self::Kill { whom } => write!(f, "end the session of {whom:?}"),
            Self::EndOwn { by } => write!(f, "end its own session, {by:?}"),
            Self::ReadAll => f.write_str("read the history"),
            Self::Guard(Guard { number, fence, guards, version, change, .. }) => {
                let what = match change {
                    Change::Applied => "applied".to_owned(),
                    Change::Reverted => "reverted".to_owned(),
                    Change::Running { direction, .. } => format!("running {direction:?}"),
                    Change::Step => "step done".to_owned(),
                    Change::Failed(_) => "failed".to_owned(),
                    Change::Cancelled(_) => "cancelled".to_owned(),
                };
                write!(
                    f,
                    "begin transaction {number} under fence {fence}, guard {guards}, with {version} \
                     {what}"
                )
            }
            Self::Body { version, direction, .. } => write!(f, "{} {version}", way(*direction)),
            Self::Commit { by, number, light } => {
                let how = if *light { ", the primary is enough" } else { "" };
                write!(f, "commit transaction {number} of {by:?}{how}")
            }
            Self::Abort { by, number } => write!(f, "abort transaction {number} of {by:?}"),
            Self::Write { version, .. } => write!(f, "write the record of {version}"),
            Self::Ddl { version, direction } => {
                write!(f, "{} the index of {version}", way(*direction))
            }
            Self::Release { by, under: None, .. } => write!(f, "release the lock as {by:?}"),
            Self::Release { by, under: Some(guards), .. } => {
                write!(f, "release the lock as {by:?}, if the fence counts {guards}")
            }
            Self::Look { .. } => f.write_str("find out what became of it"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("done"),
            Self::Peeked { applied, held, paused } => {
                let lock = if *held { "held" } else { "free" };
                let paused = if *paused { ", paused" } else { "" };
                write!(f, "{:?} applied, lock {lock}{paused}", applied.unwrap_or_default())
            }
            Self::Lock(lock) => match lock.owner {
                Some(owner) => write!(f, "it is {owner:?}'s, fence {}{}", lock.fence, Shown(*lock)),
                None => f.write_str("it is nobody's"),
            },
            Self::Duplicate => f.write_str("the fence is not as it is to be"),
            Self::Blocked => f.write_str("an open transaction is in the way"),
            Self::Found(found) => Shown(found).fmt(f),
            Self::Matched(true) => f.write_str("matched"),
            Self::Matched(false) => f.write_str("not matched"),
            Self::Conflict => f.write_str("write conflict"),
            Self::Refused => f.write_str("the server does not allow it"),
            Self::Gone => f.write_str("there is no such transaction any more"),
            Self::Nothing => f.write_str("no answer"),
        }
    }
}

struct Shown<T>(T);

impl fmt::Display for Shown<&Documents> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.fence {
            Some(fence) => write!(f, "fence {}, guards {}", fence.number, fence.guards)?,
            None => f.write_str("no fence")?,
        }
        for (version, record) in (1..).zip(self.0.records) {
            if record.state != Stored::None {
                write!(f, ", {version} {}", Shown(record))?;
            }
        }
        Ok(())
    }
}

/// What operators want.
impl fmt::Display for Shown<Lock> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.paused {
            f.write_str(", paused")?;
        }
        self.0.cancel.map_or(Ok(()), |fence| write!(f, ", the run with fence {fence} is to end"))
    }
}

impl fmt::Display for Shown<Record> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { state, direction, step, fence, sequence } = self.0;
        match state {
            Stored::None => return f.write_str("no record"),
            Stored::Running => write!(f, "running {direction:?}")?,
            Stored::Applied => f.write_str("applied")?,
            Stored::Failed => f.write_str("failed")?,
            Stored::Reverted => f.write_str("reverted")?,
            Stored::Cancelled => f.write_str("cancelled")?,
        }
        if step {
            f.write_str(" (step done)")?;
        }
        write!(f, " under fence {fence} as number {sequence}")
    }
}
