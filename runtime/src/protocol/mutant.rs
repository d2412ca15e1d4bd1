//! Broken variants of the protocol, so that the tests can show that they would notice.
//!
//! In no build of a user: only `--cfg mongrate_mutants`, which no feature sets, compiles
//! them, and only `CHAOS_MUTANT` in the environment turns one of them on. The tests build
//! them with `RUSTC_WORKSPACE_WRAPPER` (see `tests/chaos`).

use std::sync::OnceLock;

/// A way to get the protocol wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Guarded transactions do not touch the fence.
    NoFence,
    /// They only read it.
    FenceOnlyRead,
    /// They set it to what it is.
    FenceNoOpSet,
    /// A guard that does not match writes the record all the same, and is undone by the client.
    GuardGoesOn,
    /// The record is written after the commit.
    HistoryOutside,
    /// The open transaction of a dead owner is left to the server.
    NoKillSessions,
    /// The session of the former owner of the lock is killed, not the one that the fence names.
    KillPreviousOwner,
    /// A heartbeat that finds the lock lost changes nothing.
    HeartbeatIgnored,
    /// What writes the fence is acknowledged by the primary alone.
    FenceW1,
    /// The lock is released whoever holds it.
    ReleaseAny,
    /// Nothing waits for a majority before a run ends.
    LastIsProvisional,
}

const NAMES: [(&str, Mutant); 11] = [
    ("no-fence", Mutant::NoFence),
    ("fence-only-read", Mutant::FenceOnlyRead),
    ("fence-no-op-set", Mutant::FenceNoOpSet),
    ("guard-goes-on", Mutant::GuardGoesOn),
    ("history-outside", Mutant::HistoryOutside),
    ("no-kill-sessions", Mutant::NoKillSessions),
    ("kill-previous-owner", Mutant::KillPreviousOwner),
    ("heartbeat-ignored", Mutant::HeartbeatIgnored),
    ("fence-w1", Mutant::FenceW1),
    ("release-any", Mutant::ReleaseAny),
    ("last-is-provisional", Mutant::LastIsProvisional),
];

/// Whether this mutant is on.
pub(crate) fn is(mutant: Mutant) -> bool {
    static ON: OnceLock<Option<Mutant>> = OnceLock::new();
    let on = ON.get_or_init(|| {
        let name = std::env::var("CHAOS_MUTANT").ok()?;
        let known = NAMES.into_iter().find(|(known, _)| *known == name);
        Some(known.unwrap_or_else(|| panic!("no mutant is called `{name}`")).1)
    });
    *on == Some(mutant)
}
