//! Where a runner breaks: before its n-th command is sent, or after that command's reply.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use mongrate::{bson::Document, mongodb::event::command::CommandEvent};

use crate::app::say;

/// On which side of a command.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Side {
    /// Before it is sent.
    Before,
    /// After its reply has arrived.
    After,
}

/// What happens at a point.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Blow {
    /// `SIGKILL`.
    Kill,
    /// `SIGSTOP`; `SIGCONT` follows later.
    Stop,
}

/// Which commands are counted.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub enum Count {
    /// All but the heartbeats, which come when they like. The default.
    #[default]
    All,
    /// The same, from the first attempt to acquire the lock: a runner that waits polls as
    /// often as it likes.
    Acquired,
    /// Heartbeats only.
    Heartbeats,
    /// Commands of this name only.
    Only(&'static str),
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "acquired" => Ok(Self::Acquired),
            "heartbeats" => Ok(Self::Heartbeats),
            _ => match text.strip_prefix("only:") {
                // Once in the life of a process.
                Some(name) => Ok(Self::Only(String::leak(name.to_owned()))),
                None => Err(format!("cannot count `{text}`")),
            },
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Acquired => f.write_str("acquired"),
            Self::Heartbeats => f.write_str("heartbeats"),
            Self::Only(name) => write!(f, "only:{name}"),
        }
    }
}

/// A crash point: `12:before:kill`.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct Point {
    /// The number of the command, from 1.
    pub at: u32,
    /// On which side of it.
    pub side: Side,
    /// What happens.
    pub blow: Blow,
}

impl Point {
    /// Every point of a run that sends so many commands.
    pub fn all(commands: u32) -> impl Iterator<Item = Self> {
        (1..=commands).flat_map(|at| {
            [Side::Before, Side::After].into_iter().flat_map(move |side| {
                [Blow::Kill, Blow::Stop].into_iter().map(move |blow| Self { at, side, blow })
            })
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        let blow = match self.blow {
            Blow::Kill => "kill",
            Blow::Stop => "stop",
        };
        write!(f, "{}:{side}:{blow}", self.at)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a crash point like `12:before:kill`");
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or_else(wrong);
        let at = next()?.parse().map_err(|_| wrong())?;
        let side = match next()? {
            "before" => Side::Before,
            "after" => Side::After,
            _ => return Err(wrong()),
        };
        let blow = match next()? {
            "kill" => Blow::Kill,
            "stop" => Blow::Stop,
            _ => return Err(wrong()),
        };
        Ok(Self { at, side, blow })
    }
}

/// Counts the commands of this process, and strikes at the point.
#[derive(Debug)]
pub struct Striker {
    point: Option<Point>,
    count: Count,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    commands: u32,
    counting: bool,
    open: HashMap<i32, (u32, String)>,
}

impl Striker {
    /// A new one; without a point it only counts.
    pub fn new(point: Option<Point>, count: Count) -> Self {
        let counting = count != Count::Acquired;
        Self { point, count, seen: Mutex::new(Seen { counting, ..Seen::default() }) }
    }

    /// The number of commands counted so far.
    pub fn commands(&self) -> u32 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).commands
    }

    /// Called inline by the driver.
    pub fn handle(&self, event: CommandEvent) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            CommandEvent::Started(started) => {
                if is_heartbeat(&started.command) != (self.count == Count::Heartbeats) {
                    return;
                }
                seen.counting |= started.command_name == "findAndModify";
                let other = |name| name != started.command_name;
                if !seen.counting || matches!(self.count, Count::Only(name) if other(name)) {
                    return;
                }
                seen.commands += 1;
                let at = seen.commands;
                self.strike(at, Side::Before, "sent", &started.command_name);
                seen.open.insert(started.request_id, (at, started.command_name));
            }
            CommandEvent::Succeeded(reply) => {
                let unsure = reply.reply.contains_key("writeConcernError");
                let outcome = if unsure { "unsure" } else { "ok" };
                self.reply(&mut seen, reply.request_id, outcome);
            }
            CommandEvent::Failed(reply) => self.reply(&mut seen, reply.request_id, "failed"),
            _ => {}
        }
    }

    fn reply(&self, seen: &mut Seen, request: i32, outcome: &str) {
        if let Some((at, name)) = seen.open.remove(&request) {
            self.strike(at, Side::After, outcome, &name);
        }
    }

    /// This thread stops or ends before the call returns, and the others with it.
    fn strike(&self, at: u32, side: Side, outcome: &str, command: &str) {
        let Some(point) = self.point.filter(|point| (point.at, point.side) == (at, side)) else {
            return;
        };
        say(&format!("at {point} {outcome} {command}"));
        let signal = match point.blow {
            Blow::Kill => libc::SIGKILL,
            Blow::Stop => libc::SIGSTOP,
        };
        // SAFETY: it takes a number. Not `kill`: that may choose another thread, and this one
        // would send its command before the stop reaches it.
        let code = unsafe { libc::raise(signal) };
        assert_eq!(code, 0, "a process may signal itself");
    }
}

/// A renewal of the lease: unlike an acquisition, it names the owner of the lock.
pub(crate) fn is_heartbeat(command: &Document) -> bool {
    let query = command.get("findAndModify").and_then(|_| command.get_document("query").ok());
    query.is_some_and(|query| query.contains_key("owner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_is_written() {
        for point in Point::all(3) {
            assert_eq!(point.to_string().parse(), Ok(point));
        }
        assert_eq!(Point::all(3).count(), 12);
        "3:between:kill".parse::<Point>().unwrap_err();
    }
}
