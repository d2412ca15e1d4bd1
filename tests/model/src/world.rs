//! Server, runners, messages that are late, and what may still go wrong.

use std::fmt;

use crate::{
    basics::{Kind, Token, VERSIONS_MAX, Versions},
    mutant::Protocol,
    runner::{After, At, Goal, Runner},
    server::{Command, Documents, Fence, Record, Reply, Rules, Server, Stored},
};

/// How often each kind of trouble may happen in one execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// `kill -9` of a runner.
    pub crashes: u8,
    /// No answer: the command takes effect at any later time, or never.
    pub silences: u8,
    /// The lease runs out. (Time as such is not modelled: a lease may run out at any moment, a
    /// runner may be paused before any of its steps, for ever.)
    pub expiries: u8,
    /// Heartbeats that fail for so long that the runner gives its lease up.
    pub suspicions: u8,
    /// Failovers, which lose what a majority has not got.
    pub failovers: u8,
    /// Transactions that the server ends because they take too long.
    pub reaps: u8,
    /// Pauses by an operator. What is paused may be resumed at any time.
    pub pauses: u8,
    /// Runs that an operator asks to end.
    pub cancels: u8,
}

/// A model to check.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Which protocol.
    pub protocol: Protocol,
    /// The migrations; version 1 first.
    pub kinds: Vec<Kind>,
    /// How many migrations are applied at the start.
    pub applied: usize,
    /// One for each runner.
    pub goals: Vec<Goal>,
    /// What may go wrong.
    pub trouble: Trouble,
    /// The server refuses `killSessions`.
    pub refuses_kill: bool,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, kinds, applied, goals, trouble, refuses_kill } = self;
        let Trouble { crashes, silences, expiries, suspicions, failovers, reaps, pauses, cancels } =
            trouble;
        write!(f, "{goals:?} over {kinds:?}, {applied} applied")?;
        let kinds = [
            (*crashes, "crashes"),
            (*silences, "without an answer"),
            (*expiries, "lease runs out"),
            (*suspicions, "false alarms"),
            (*failovers, "failovers"),
            (*reaps, "reaped"),
            (*pauses, "pauses"),
            (*cancels, "cancellations"),
        ];
        for (count, what) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {what}: {count}")?;
        }
        if *refuses_kill {
            f.write_str(", no killSessions")?;
        }
        if *protocol == Protocol::True { Ok(()) } else { write!(f, "; {protocol:?}") }
    }
}

/// One state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The database.
    pub server: Server,
    /// The processes.
    pub runners: Vec<Runner>,
    /// Commands that were sent, and whose runners no longer wait for them; sorted.
    pub late: Vec<Command>,
    /// What may still go wrong.
    pub left: Trouble,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The server executes a runner's command, a majority has it, and the runner takes the answer
    /// and sends its next.
    Step(u8),
    /// The primary executes it; the majority lags.
    Lag(u8),
    /// A runner gets no answer.
    Silence(u8, After),
    /// A runner is killed. Whether its command had been sent.
    Crash(u8, bool),
    /// A late command takes effect.
    Late(usize),
    /// A heartbeat.
    Beat(u8),
    /// Heartbeats have failed for two thirds of the lease.
    Suspect(u8),
    /// A body is dropped because the lease is lost, or the run is cancelled.
    Interrupt(u8),
    /// A runner starts over while its release is still on its way.
    Leave(u8),
    /// The lease runs out.
    Expire,
    /// The majority catches up.
    Replicate,
    /// Another node becomes the primary.
    FailOver,
    /// The server ends a transaction that has been open for too long.
    Reap(Token),
    /// An operator pauses the history.
    Pause,
    /// An operator resumes it.
    Resume,
    /// An operator asks the run that owns the lock to end.
    Cancel,
}

impl Scope {
    /// What the server and the runners go by.
    pub fn rules(&self) -> Rules<'_> {
        Rules { protocol: self.protocol, kinds: &self.kinds, refuses_kill: self.refuses_kill }
    }

    /// The beginning: some are applied, the lock is free.
    pub fn start(&self) -> World {
        assert!(self.kinds.len() <= VERSIONS_MAX && self.applied <= self.kinds.len());
        let mut now = Documents::default();
        if self.applied > 0 {
            let applied = Versions::first(self.applied);
            let guards = u8::try_from(self.applied).expect("few");
            let holder = Some(Token { runner: 25, attempt: 0 });
            now.fence = Some(Fence { number: 1, holder, guards, applied });
            (now.lock.fence, now.last_fence) = (1, 1);
            for (at, sequence) in (1..=guards).enumerate() {
                let step = self.kinds[at] == Kind::Online;
                now.records[at] = Record {
                    state: Stored::Applied,
                    step,
                    fence: 1,
                    sequence,
                    ..Record::default()
                };
                now.effects[at] = 1;
                now.ddl = now.ddl.set(sequence, step);
            }
        }
        let runners = (0_u8..).take(self.goals.len()).map(Runner::new).collect();
        World { server: Server::new(now), runners, late: Vec::new(), left: self.trouble }
    }

    pub(crate) fn goal(&self, runner: usize) -> Goal {
        self.goals.get(runner).copied().unwrap_or(Goal::Up)
    }

    /// Everything that can happen next.
    pub fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        for (index, runner) in (0_u8..).zip(&world.runners) {
            self.possible_of(world, index, runner, actions);
        }
        let left = world.left;
        actions.extend((0..world.late.len()).map(Action::Late));
        let lock = world.server.now.lock;
        if left.expiries > 0 && lock.owner.is_some() && !lock.expired {
            actions.push(Action::Expire);
        }
        if world.server.majority.is_some() {
            actions.push(Action::Replicate);
        }
        if left.failovers > 0 {
            actions.push(Action::FailOver);
        }
        for open in &world.server.open {
            if left.reaps > 0 || !world.uses(open.session) {
                actions.push(Action::Reap(open.session));
            }
        }
        if left.pauses > 0 && !lock.paused {
            actions.push(Action::Pause);
        }
        if lock.paused {
            actions.push(Action::Resume);
        }
        if left.cancels > 0 && lock.owner.is_some() && lock.cancel != Some(lock.fence) {
            actions.push(Action::Cancel);
        }
    }

    /// What can happen next to one runner.
    fn possible_of(&self, world: &World, index: u8, runner: &Runner, actions: &mut Vec<Action>) {
        let (rules, left) = (self.rules(), world.left);
        if !runner.is_running() {
            return;
        }
        if let Some(command) = runner.command(&rules) {
            actions.push(Action::Step(index));
            if left.failovers > 0 && runner.answer.is_none() && Server::can_lag(&command) {
                actions.push(Action::Lag(index));
            }
            if left.silences > 0 && !is_read(&command) {
                actions.push(Action::Silence(index, After::Again));
                if runner.at == At::Commit && !runner.lost {
                    actions.push(Action::Silence(index, After::Anew));
                    actions.push(Action::Silence(index, After::GiveUp));
                }
                if runner.releases_under() {
                    actions.push(Action::Silence(index, After::GiveUp));
                }
            }
            if left.crashes > 0 && !is_read(&command) && runner.answer.is_none() {
                actions.push(Action::Crash(index, true));
            }
        }
        if left.crashes > 0 {
            actions.push(Action::Crash(index, false));
        }
        if runner.has_lease() {
            let lock = world.server.now.lock;
            let owns = lock.owner == Some(runner.token);
            let news = lock.expired || runner.has_news(lock, &rules);
            if if owns { news } else { !runner.told } {
                actions.push(Action::Beat(index));
            }
            if left.suspicions > 0 && !runner.lost {
                actions.push(Action::Suspect(index));
            }
        }
        if (runner.lost || runner.cancelled) && runner.is_interruptible(&rules) {
            actions.push(Action::Interrupt(index));
        }
        if runner.lost && runner.at == At::StandDown {
            actions.push(Action::Leave(index));
        }
    }

    /// What comes of it. `None`: it changes nothing, or has to wait.
    pub fn act(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.act_on(&mut next, action).then(|| {
            next.tidy();
            next
        })
    }

    pub(crate) fn act_on(&self, world: &mut World, action: Action) -> bool {
        let rules = self.rules();
        match action {
            Action::Step(index) => {
                let index = usize::from(index);
                let Some(reply) = self.answer(world, index) else { return false };
                world.runners[index].answer = None;
                return self.deliver(world, index, reply, After::Again);
            }
            Action::Lag(index) => {
                let index = usize::from(index);
                let Some(command) = world.runners[index].command(&rules) else { return false };
                let before = world.server.now;
                let reply = world.server.execute(&command, false, &rules);
                if world.server.now == before {
                    return false;
                }
                let light = matches!(command, Command::Commit { light: true, .. });
                let acquires = matches!(command, Command::Acquire { .. });
                let raises = matches!(command, Command::Raise { .. });
                let releases = matches!(command, Command::Release { .. });
                if light
                    || acquires
                    || (raises && self.protocol == Protocol::FenceW1)
                    || (releases && self.protocol == Protocol::LastIsLight)
                {
                    return self.deliver(world, index, reply, After::Again);
                }
                world.runners[index].answer = Some(reply);
            }
            Action::Silence(index, after) => {
                let index = usize::from(index);
                world.left.silences -= 1;
                let runner = &mut world.runners[index];
                if runner.answer.take().is_none() {
                    world.late.extend(runner.command(&rules));
                }
                return self.deliver(world, index, Reply::Nothing, after);
            }
            Action::Crash(index, sent) => {
                world.left.crashes -= 1;
                let runner = &mut world.runners[usize::from(index)];
                if sent {
                    world.late.extend(runner.command(&rules));
                }
                runner.die();
            }
            Action::Late(index) => {
                let command = world.late.remove(index);
                world.server.execute(&command, true, &rules);
            }
            Action::Beat(index) => {
                let runner = &mut world.runners[usize::from(index)];
                match world.server.beat(runner.token) {
                    Some(lock) => runner.hear(lock, &rules),
                    None => {
                        runner.told = true;
                        runner.lost |= self.protocol != Protocol::HeartbeatIgnored;
                    }
                }
                runner.go_on(&rules);
            }
            Action::Suspect(index) => {
                world.left.suspicions -= 1;
                let runner = &mut world.runners[usize::from(index)];
                runner.lost = true;
                runner.go_on(&rules);
            }
            Action::Interrupt(index) => {
                let runner = &mut world.runners[usize::from(index)];
                if runner.answer.take().is_none() {
                    world.late.extend(runner.command(&rules).filter(|command| !is_read(command)));
                }
                runner.interrupt(&rules);
            }
            Action::Leave(index) => {
                let goal = self.goal(usize::from(index));
                let runner = &mut world.runners[usize::from(index)];
                world.late.extend(runner.command(&rules));
                runner.start_over(goal);
            }
            Action::Expire => {
                world.left.expiries -= 1;
                world.server.expire();
            }
            Action::Replicate => world.server.replicate(),
            Action::FailOver => {
                world.left.failovers -= 1;
                world.server.fail_over();
                for index in 0..world.runners.len() {
                    if world.runners[index].answer.take().is_some() {
                        self.deliver(world, index, Reply::Nothing, After::Again);
                    }
                }
            }
            Action::Reap(session) => {
                if world.uses(session) {
                    world.left.reaps -= 1;
                }
                world.server.end(session);
            }
            Action::Pause => {
                world.left.pauses -= 1;
                world.server.set_paused(true);
            }
            Action::Resume => world.server.set_paused(false),
            Action::Cancel => {
                world.left.cancels -= 1;
                world.server.cancel();
            }
        }
        true
    }

    /// The answer to a runner's command; `None` while it has to wait for a majority.
    pub fn answer(&self, world: &mut World, index: usize) -> Option<Reply> {
        let rules = self.rules();
        let runner = &world.runners[index];
        let lags = world.server.majority.is_some();
        if let Some(reply) = runner.answer {
            return (!lags).then_some(reply);
        }
        let command = runner.command(&rules)?;
        // These read in a session, not earlier than what it has seen.
        if lags && matches!(command, Command::ReadAll | Command::Look { fresh: true }) {
            return None;
        }
        Some(world.server.execute(&command, true, &rules))
    }

    fn deliver(&self, world: &mut World, index: usize, reply: Reply, after: After) -> bool {
        let runner = &mut world.runners[index];
        let (fence, light) = (runner.fence(), runner.light());
        let changed = runner.receive(reply, after, self.goal(index), &self.rules());
        if runner.says_done() {
            let there = world.server.durable();
            let is_there = |(version, sequence): (u8, u8)| {
                let record = there.record(version);
                (record.fence, record.sequence) == (fence, sequence)
            };
            // What it says to be taken back, it does not say to be done.
            let taken_back = |sequence: u8| sequence > runner.guards() && runner.is_running();
            let all = light.into_iter().all(|it| taken_back(it.1) || is_there(it));
            world.server.watch.said_too_early |= !all;
        }
        let runner = &world.runners[index];
        if runner.at == At::ReadAll && reply != Reply::Nothing {
            let raised = world.server.durable().fence.map_or(0, |fence| fence.number);
            let raised = match self.protocol {
                Protocol::FenceW1 => world.server.now.fence.map_or(0, |fence| fence.number),
                _ => raised,
            };
            let mine = runner.fence().min(raised);
            let watch = &mut world.server.watch;
            watch.acknowledged = watch.acknowledged.max(mine);
        }
        changed
    }
}

fn is_read(command: &Command) -> bool {
    matches!(command, Command::Peek | Command::ReadFence | Command::ReadAll | Command::Look { .. })
}

impl World {
    /// Whether a live runner works with this session.
    pub fn uses(&self, session: Token) -> bool {
        self.runners.iter().any(|runner| runner.has_lease() && runner.token == session)
    }

    /// Forgets what can no longer matter, so that states that differ in it alone are one.
    fn tidy(&mut self) {
        self.late.sort_unstable();
        let failovers = self.left.failovers > 0;
        let server = &mut self.server;
        if server.majority == Some(server.now) && !server.sessions.iter().any(|it| it.lagging) {
            server.majority = None;
        }
        let now = server.now;
        let durable = *server.durable();
        let late = std::mem::take(&mut self.late);
        let keeps = |command: &Command| {
            let seen = |by: Token| {
                server.sessions.iter().find(|it| it.token == by).map_or(0, |it| it.seen)
            };
            let open = |by: Token| server.open.iter().any(|open| open.session == by);
            let to_come = |by: Token| {
                late.iter().any(|it| matches!(it, Command::Guard(guard) if guard.by == by))
            };
            match *command {
                Command::Release { by, .. } => {
                    now.lock.owner == Some(by)
                        || durable.lock.owner == Some(by)
                        || late.contains(&Command::Acquire { by })
                }
                Command::Raise { fence, .. } => [now, durable]
                    .iter()
                    .any(|it| it.fence.is_none_or(|found| found.number < fence)),
                Command::Guard(guard) => failovers || seen(guard.by) < guard.number,
                Command::Body { by, .. }
                | Command::Commit { by, .. }
                | Command::Abort { by, .. } => open(by) || to_come(by),
                Command::Kill { whom } | Command::EndOwn { by: whom } => {
                    open(whom)
                        || to_come(whom)
                        || self
                            .runners
                            .iter()
                            .any(|runner| runner.has_lease() && runner.token == whom)
                }
                _ => true,
            }
        };
        self.late = late.iter().copied().filter(keeps).collect();
        let (runners, late) = (&self.runners, &self.late);
        self.server.sessions.retain(|session| {
            let token = session.token;
            runners.iter().any(|runner| runner.has_lease() && runner.token == token)
                || late.iter().any(|command| match command {
                    Command::Guard(guard) => guard.by == token,
                    Command::Commit { by, .. } => *by == token,
                    _ => false,
                })
        });
    }
}
