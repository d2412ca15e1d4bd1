//! Broken variants of the protocol, so that the tests can show that they would notice.
//!
//! No user's build has them: only `--cfg mongrate_mutants`, which no feature sets, compiles
//! them, and only `CHAOS_MUTANT` in the environment turns one of them on. The tests build
//! them with `RUSTC_WORKSPACE_WRAPPER` (see `tests/chaos`).

use std::sync::OnceLock;

/// A way to get the protocol wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Guarded transactions do not touch the fence.
    NoFence,
    /// Guarded transactions only read the fence.
    FenceOnlyRead,
    /// Guarded transactions set the fence to the value that it has.
    FenceNoOpSet,
    /// A guard that does not match writes the record all the same; the client has to undo it.
    GuardGoesOn,
    /// The record is written after the commit.
    HistoryOutside,
    /// The open transaction of a dead owner is left to the server.
    NoKillSessions,
    /// Where the server refuses to end the open transaction of a dead owner, a take-over fails.
    DoesNotWait,
    /// The session of the lock's former owner is killed, not the session that the fence names.
    KillPreviousOwner,
    /// A heartbeat that finds the lock lost is ignored.
    HeartbeatIgnored,
    /// Writes of the fence are acknowledged by the primary alone.
    FenceW1,
    /// The lock is released even if another process holds it.
    ReleaseAny,
    /// A run ends without waiting for a majority.
    LastIsProvisional,
    /// The release that stands for the last commits does not ask whether they are there.
    ReleasesBlindly,
    /// A pause holds only for the run under which it was asked for.
    ForgetsPause,
    /// A cancellation drops the batch at hand.
    CancelDoesNotWait,
    /// A cancellation of an earlier run is obeyed.
    ObeysOldCancel,
    /// The entries of the audit log are written outside of the transaction.
    AuditOutside,
}

const NAMES: [(&str, Mutant); 17] = [
    ("no-fence", Mutant::NoFence),
    ("fence-only-read", Mutant::FenceOnlyRead),
    ("fence-no-op-set", Mutant::FenceNoOpSet),
    ("guard-goes-on", Mutant::GuardGoesOn),
    ("history-outside", Mutant::HistoryOutside),
    ("no-kill-sessions", Mutant::NoKillSessions),
    ("does-not-wait", Mutant::DoesNotWait),
    ("kill-previous-owner", Mutant::KillPreviousOwner),
    ("heartbeat-ignored", Mutant::HeartbeatIgnored),
    ("fence-w1", Mutant::FenceW1),
    ("release-any", Mutant::ReleaseAny),
    ("last-is-provisional", Mutant::LastIsProvisional),
    ("releases-blindly", Mutant::ReleasesBlindly),
    ("forgets-pause", Mutant::ForgetsPause),
    ("cancel-does-not-wait", Mutant::CancelDoesNotWait),
    ("obeys-old-cancel", Mutant::ObeysOldCancel),
    ("audit-outside", Mutant::AuditOutside),
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
