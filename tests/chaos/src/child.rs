//! Runner processes as the coordinator sees them.

use std::{path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::Instant,
};

use crate::{
    app::End,
    point::{Blow, Count, Point},
};

/// The orders of a runner.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The program.
    pub exe: PathBuf,
    /// The mutation, if it is the broken program.
    pub mutant: Option<String>,
    /// The server.
    pub uri: String,
    /// The database.
    pub database: String,
    /// The history's name.
    pub history: String,
    /// `up`, `up-1` or `down`.
    pub verb: String,
    /// The lease.
    pub lease: Duration,
    /// The point at which the runner breaks.
    pub point: Option<Point>,
    /// The commands that are counted.
    pub count: Count,
    /// A dead owner's lease has to run out.
    pub lease_only: bool,
    /// More environment.
    pub env: Vec<(String, String)>,
}

/// A runner process. Killed when dropped.
#[derive(Debug)]
pub struct Runner {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stops: bool,
}

/// What a runner did next.
#[derive(Clone, Debug)]
pub enum Next {
    /// It reached its point: the point and the command. If the blow was a `SIGSTOP` it is
    /// stopped, else it is dead.
    Struck(String),
    /// The runner ended.
    Ended(End),
    /// The runner died, or printed something else; with the text of both streams.
    Broke(String),
    /// The runner did neither in time.
    Stuck,
}

impl Runner {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn start(orders: &Orders) -> std::io::Result<Self> {
        let mut command = Command::new(&orders.exe);
        command
            .env("CHAOS_URI", &orders.uri)
            .env("CHAOS_DATABASE", &orders.database)
            .env("CHAOS_HISTORY", &orders.history)
            .env("CHAOS_VERB", &orders.verb)
            .env("CHAOS_LEASE_MS", orders.lease.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(point) = orders.point {
            command.env("CHAOS_POINT", point.to_string());
        }
        if orders.lease_only {
            command.env("CHAOS_LEASE_ONLY", "1");
        }
        command.env("CHAOS_COUNT", orders.count.to_string());
        if let Some(mutant) = &orders.mutant {
            command.env("CHAOS_MUTANT", mutant);
        }
        for (name, value) in &orders.env {
            command.env(name, value);
        }
        let mut child = command.spawn()?;
        let out = child.stdout.take().expect("piped");
        let stops = orders.point.is_some_and(|point| point.blow == Blow::Stop);
        Ok(Self { child, lines: BufReader::new(out).lines(), stops })
    }

    /// Waits, for at most so long, for what the runner does next.
    pub async fn next(&mut self, limit: Duration) -> Next {
        let until = Instant::now() + limit;
        let mut said = String::new();
        loop {
            let line = match tokio::time::timeout_at(until, self.lines.next_line()).await {
                Err(_) => return Next::Stuck,
                Ok(Ok(Some(line))) => line,
                Ok(_) => {
                    if let Some(mut errors) = self.child.stderr.take() {
                        let _ = errors.read_to_string(&mut said).await;
                    }
                    let status = self.child.wait().await;
                    return Next::Broke(format!("{status:?}: {said}"));
                }
            };
            if let Some(at) = line.strip_prefix("at ") {
                self.struck().await;
                return Next::Struck(at.to_owned());
            }
            if let Some(end) = line.strip_prefix("end ") {
                let _ = self.child.wait().await;
                return match serde_json::from_str(end) {
                    Ok(end) => Next::Ended(end),
                    Err(error) => Next::Broke(error.to_string()),
                };
            }
            said += &line;
        }
    }

    /// Waits until it says exactly this.
    pub async fn says(&mut self, text: &str, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            match tokio::time::timeout_at(until, self.lines.next_line()).await {
                Ok(Ok(Some(line))) if line == text => return true,
                Ok(Ok(Some(_))) => {}
                _ => return false,
            }
        }
    }

    /// Sends it a line.
    pub async fn tell(&mut self, line: &str) {
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
        }
    }

    /// Waits for a blow that the runner has announced.
    async fn struck(&mut self) {
        if !self.stops {
            let _ = self.child.wait().await;
            return;
        }
        self.stopped().await;
    }

    /// Waits until the kernel has stopped it.
    pub async fn stopped(&self) {
        let Some(pid) = self.child.id() else { return };
        for _ in 0..5_000 {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The state follows the name in brackets.
            if stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with(['T', 'Z']))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Sends it a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.try_into().unwrap_or(0)));
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }

    /// `SIGSTOP`, and waits for it.
    pub async fn freeze(&self) {
        self.signal(Signal::STOP);
        self.stopped().await;
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// `SIGKILL`, and waits for it.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }
}
