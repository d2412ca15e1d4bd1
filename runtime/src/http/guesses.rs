//! Unknown tokens: how many a peer has tried, how long the peer has to wait, and which tries are
//! logged.
//!
//! A peer that has tried too many unknown tokens gets the same refusal for every token, so it
//! learns nothing. Behind a proxy many clients are one peer: a token that was used from that peer
//! before is still accepted, so one client cannot keep the others out.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::peer::Peer;

/// How many unknown tokens a peer may try at once.
const AT_ONCE: u32 = 64;

/// How long a peer then has to wait before each further try.
const EVERY: Duration = Duration::from_secs(1);

/// How many peers are remembered.
const PEERS_MAX: usize = 4_096;

/// How many tokens are remembered per peer.
const KNOWN_MAX: usize = 64;

/// How many events are logged at most within [`EVENTS_WINDOW`], of all peers together.
const EVENTS_MAX: u32 = 60;

const EVENTS_WINDOW: Duration = Duration::from_secs(60);

/// The unknown tokens that each peer has tried.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    peers: HashMap<Peer, Tried>,
    /// How many unknown tokens came without a known peer.
    elsewhere: u64,
    events: Option<(Instant, u32)>,
    unlogged: u64,
}

#[derive(Debug)]
struct Tried {
    /// The time at which the peer's tries would be used up, at one in each [`EVERY`].
    even: Instant,
    wrong: u64,
    /// Names of tokens that signed in from this peer.
    known: Vec<String>,
}

impl Tried {
    /// Returns how long this peer has to wait before it may try another token.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let free = self.even.checked_sub(EVERY * (AT_ONCE - 1))?;
        (free > now).then(|| free - now)
    }
}

impl Guesses {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a known token. `Err`: its peer has to wait first.
    pub(super) fn right(
        &self,
        peer: Option<Peer>,
        token: &str,
        now: Instant,
    ) -> Result<(), Duration> {
        let Some(peer) = peer else { return Ok(()) };
        let mut table = self.table();
        let tried = table.of(peer, now);
        if tried.known.iter().any(|known| known == token) {
            return Ok(());
        }
        if let Some(wait) = tried.wait(now) {
            return Err(wait);
        }
        if tried.known.len() < KNOWN_MAX {
            tried.known.push(token.to_owned());
        }
        Ok(())
    }

    /// Counts an unknown token. `Err`: its peer has to wait before the next try.
    pub(super) fn wrong(&self, peer: Option<Peer>, now: Instant) -> Result<(), Duration> {
        let mut table = self.table();
        let Some(from) = peer else {
            table.elsewhere += 1;
            let count = table.elsewhere;
            table.log(None, count, None, now);
            return Ok(());
        };
        let tried = table.of(from, now);
        tried.wrong += 1;
        let count = tried.wrong;
        let wait = tried.wait(now);
        if wait.is_none() {
            tried.even = tried.even.max(now) + EVERY;
        }
        table.log(peer, count, wait, now);
        wait.map_or(Ok(()), Err)
    }
}

impl Table {
    fn of(&mut self, peer: Peer, now: Instant) -> &mut Tried {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&peer) {
            self.peers.retain(|_, tried| tried.even > now);
            if self.peers.len() >= PEERS_MAX {
                let first = self.peers.iter().min_by_key(|(_, tried)| tried.even);
                let first = first.map(|(peer, _)| *peer);
                first.map(|first| self.peers.remove(&first));
            }
        }
        let new = || Tried { even: now, wrong: 0, known: Vec::new() };
        self.peers.entry(peer).or_insert_with(new)
    }

    /// Logs the first, the tenth, the hundredth try of a peer and so on, and the first try that has
    /// to wait; of all peers together, at most [`EVENTS_MAX`] in each [`EVENTS_WINDOW`].
    fn log(&mut self, peer: Option<Peer>, count: u64, wait: Option<Duration>, now: Instant) {
        let is_sample = count.checked_ilog10().is_some_and(|power| count == 10_u64.pow(power));
        let is_slowed = wait.is_some() && count == u64::from(AT_ONCE) + 1;
        if !is_sample && !is_slowed {
            return;
        }
        let (begun, events) = match self.events {
            Some((begun, events)) if now < begun + EVENTS_WINDOW => (begun, events),
            _ => (now, 0),
        };
        self.events = Some((begun, events + 1));
        if events >= EVENTS_MAX {
            self.unlogged += 1;
            return;
        }
        let unlogged = std::mem::take(&mut self.unlogged);
        let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        tracing::warn!(
            target: "mongrate::audit", peer, count, slowed = wait.is_some(), unlogged,
            "refused: this token is not known"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u32) -> Option<Peer> {
        Some(Peer::of(std::net::Ipv4Addr::from(n).into()))
    }

    #[test]
    fn a_peer_that_guesses_is_slowed_down_and_others_are_not() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        guesses.right(peer(1), "ops", now).unwrap();
        let allowed = (0..3_000).filter(|_| guesses.wrong(peer(1), now).is_ok()).count();
        assert_eq!(allowed, 64);
        // Its tokens are refused, known or not; but a token that it used before is accepted.
        let wait = guesses.right(peer(1), "other", now).unwrap_err();
        assert!(wait <= EVERY, "{wait:?}");
        guesses.right(peer(1), "ops", now).unwrap();
        guesses.right(peer(2), "other", now).unwrap();
        // It is admitted again, slowly; further tries do not make the wait longer.
        let later = now + EVERY * 10;
        let allowed = (0..3_000).filter(|_| guesses.wrong(peer(1), later).is_ok()).count();
        assert_eq!(allowed, 10);
        guesses.right(peer(1), "other", later + EVERY).unwrap();
        // Without a known peer, clients cannot be told apart.
        assert!((0..3_000).all(|_| guesses.wrong(None, now).is_ok()));
    }

    #[test]
    fn many_peers_do_not_fill_the_memory() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for n in 0..10_000 {
            let _ = guesses.wrong(peer(n), now + Duration::from_micros(u64::from(n)));
        }
        assert!(guesses.table().peers.len() <= PEERS_MAX);
        assert!(guesses.table().unlogged > 9_000, "the log is not filled either");
    }
}
