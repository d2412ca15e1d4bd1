//! The open connections of `serve`, and which connection is closed when there are too many: one
//! client cannot take all of them, and a connection that is signed in is never closed for another.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::peer::Peer;

/// The most connections that may be open, in all and of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) all: usize,
    pub(super) of_one_peer: usize,
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Seats {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The number of the next connection; the oldest connection has the smallest one.
    next: u64,
    seats: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    signed_in: SignedIn,
    cut: CancellationToken,
}

/// Whether a request with a known token has come on a connection. The guard sets it.
#[derive(Clone, Debug, Default)]
pub(super) struct SignedIn(Arc<AtomicBool>);

impl SignedIn {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The place of one connection. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    pub(super) signed_in: SignedIn,
    /// Fires when the connection has to make room for another one.
    pub(super) cut: CancellationToken,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
    }
}

impl Seats {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a connection from this address. If no place is free, the oldest connection
    /// that is not signed in is cut: one of the same peer if that peer has too many, else one of
    /// any peer. A client with a token sends it at once, so its connection is never the oldest.
    /// `None` if all connections are signed in.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let peer = Peer::of(address);
        let mut taken = self.taken();
        let of_peer = taken.seats.values().filter(|entry| entry.peer == peer).count();
        if of_peer >= self.limits.of_one_peer {
            taken.cut_oldest(|entry| entry.peer == peer)?;
        } else if taken.seats.len() >= self.limits.all {
            taken.cut_oldest(|_| true)?;
        }
        let (signed_in, cut) = (SignedIn::default(), CancellationToken::new());
        let number = taken.next;
        taken.next += 1;
        let entry = Entry { peer, signed_in: signed_in.clone(), cut: cut.clone() };
        taken.seats.insert(number, entry);
        Some(Seat { seats: Arc::clone(self), number, signed_in, cut })
    }
}

impl Taken {
    fn cut_oldest(&mut self, of: impl Fn(&Entry) -> bool) -> Option<()> {
        let stranger = |(_, entry): &(&u64, &Entry)| of(entry) && !entry.signed_in.get();
        let number = *self.seats.iter().find(stranger)?.0;
        self.seats.remove(&number)?.cut.cancel();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_peer_cannot_take_all_and_strangers_leave_first() {
        let seats = Seats::new(Limits { all: 5, of_one_peer: 3 });
        let evil = at("10.0.0.1");
        let member = seats.take(evil).unwrap();
        member.signed_in.set();
        let strangers: Vec<Seat> = (0..4).map(|_| seats.take(evil).unwrap()).collect();
        let cut: Vec<bool> = strangers.iter().map(|seat| seat.cut.is_cancelled()).collect();
        assert_eq!(cut, [true, true, false, false]);
        assert!(!member.cut.is_cancelled());
        // Other peers still get a place; at the limit of all, the oldest stranger is cut.
        let others: Vec<Seat> =
            (2..5).map(|n| seats.take(at(&format!("10.0.0.{n}"))).unwrap()).collect();
        assert!(strangers[2].cut.is_cancelled());
        assert!(!strangers[3].cut.is_cancelled());
        others.iter().for_each(|seat| seat.signed_in.set());
        strangers[3].signed_in.set();
        assert!(seats.take(at("10.0.0.9")).is_none(), "all are signed in");
        drop(others);
        assert!(seats.take(at("10.0.0.9")).is_some());
        drop((member, strangers));
        assert!(seats.taken().seats.is_empty());
    }

    #[test]
    fn addresses_of_one_network_are_one_peer() {
        let seats = Seats::new(Limits { all: 50, of_one_peer: 2 });
        let one: Vec<Seat> =
            (0..3).map(|n| seats.take(at(&format!("2001:db8::{n}"))).unwrap()).collect();
        assert!(one[0].cut.is_cancelled());
        assert!(!one[1].cut.is_cancelled());
        let _other = seats.take(at("2001:db8:0:1::1")).unwrap();
        assert!(!one[1].cut.is_cancelled());
    }
}
