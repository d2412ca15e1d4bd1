//! Server, runners, messages that are late, and what may still go wrong.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::{
    basics::{Kind, Token, VERSIONS_MAX, Versions},
    mutant::Protocol,
    runner::{After, At, Goal, Outcome, Runner},
    server::{Command, Documents, Fence, Open, Record, Reply, Rules, Server, Stored},
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
        let Trouble { crashes, silences, expiries, suspicions, failovers, reaps } = trouble;
        write!(f, "{goals:?} over {kinds:?}, {applied} applied")?;
        let kinds = [
            (*crashes, "crashes"),
            (*silences, "without an answer"),
            (*expiries, "lease runs out"),
            (*suspicions, "false alarms"),
            (*failovers, "failovers"),
            (*reaps, "reaped"),
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
    /// A body is dropped because the lease is lost.
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

    fn goal(&self, runner: usize) -> Goal {
        self.goals.get(runner).copied().unwrap_or(Goal::Up)
    }

    /// Everything that can happen next.
    pub fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        let rules = self.rules();
        let left = world.left;
        for (index, runner) in (0_u8..).zip(&world.runners) {
            let Some(command) = runner.command(&rules) else { continue };
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
            if left.crashes > 0 {
                actions.push(Action::Crash(index, false));
                if !is_read(&command) && runner.answer.is_none() {
                    actions.push(Action::Crash(index, true));
                }
            }
            if runner.has_lease() {
                let lock = world.server.now.lock;
                let owns = lock.owner == Some(runner.token);
                if if owns { lock.expired } else { !runner.told } {
                    actions.push(Action::Beat(index));
                }
                if left.suspicions > 0 && !runner.lost {
                    actions.push(Action::Suspect(index));
                }
            }
            if runner.lost && runner.is_interruptible(&rules) {
                actions.push(Action::Interrupt(index));
            }
            if runner.lost && runner.at == At::StandDown {
                actions.push(Action::Leave(index));
            }
        }
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
    }

    /// What comes of it. `None`: it changes nothing, or has to wait.
    pub fn act(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.act_on(&mut next, action).then(|| {
            next.tidy();
            next
        })
    }

    fn act_on(&self, world: &mut World, action: Action) -> bool {
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
                if !world.server.beat(runner.token) {
                    runner.told = true;
                    runner.lost |= self.protocol != Protocol::HeartbeatIgnored;
                }
            }
            Action::Suspect(index) => {
                world.left.suspicions -= 1;
                world.runners[usize::from(index)].lost = true;
            }
            Action::Interrupt(index) => {
                let runner = &mut world.runners[usize::from(index)];
                if runner.answer.take().is_none() {
                    world.late.extend(runner.command(&rules).filter(|command| !is_read(command)));
                }
                runner.interrupt();
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
            let all = light.into_iter().all(is_there);
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

    /// Whether a process that is started now, and left alone by everybody else, ends with nothing
    /// pending: at the latest when the lease of a dead owner has run out, and without waiting
    /// for the server to end a transaction by itself. (Unless that is all that the server allows.)
    pub fn finishes(&self, world: &World) -> bool {
        thread_local! {
            /// Most states differ only in what the others are about to do.
            static KNOWN: RefCell<HashMap<Seen, bool>> = RefCell::default();
        }
        let mut id = DefaultHasher::new();
        (self.protocol, &self.kinds, &self.goals, self.refuses_kill).hash(&mut id);
        let key = (id.finish(), world.server.now, world.server.open.clone());
        if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).copied()) {
            return known;
        }
        let mut world = world.clone();
        world.server.replicate();
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

    fn finish_alone(&self, world: &mut World, last: usize) -> bool {
        // Far more than it takes.
        for _ in 0..200 {
            let index = u8::try_from(last).expect("few");
            if self.act_on(world, Action::Step(index)) {
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
