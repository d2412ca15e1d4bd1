//! The protocol as it is, and its weaker variants.

/// Which protocol is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// As the runtime has it.
    True,
    /// The guard has no statement for the fence.
    NoFence,
    /// The guard reads the fence instead of writing it.
    FenceOnlyRead,
    /// The guard sets the fence's number to what it is.
    FenceNoOpSet,
    /// The record is written after the commit, by a command of its own.
    HistoryOutside,
    /// A take-over waits for the dead owner's transaction instead of ending it.
    NoKill,
    /// A take-over that may not end the dead owner's transaction gives up.
    DoesNotWait,
    /// A take-over ends the session of the lock's previous owner, not the session in the fence.
    KillPreviousOwner,
    /// A runner ignores what its heartbeat finds.
    HeartbeatIgnored,
    /// The fence is raised with `w: 1`.
    FenceW1,
    /// The release does not ask which process owns the lock.
    ReleaseAny,
    /// A guard that does not match still writes its record.
    GuardGoesOn,
    /// What became of a commit is read without ending the transaction first, and without waiting
    /// for a majority to have it.
    SettlesEarly,
    /// The release takes the session out of the fence also when a guard may still come.
    ForgetsAlways,
    /// A run ends when the primary has its release: nothing waits for a majority.
    LastIsLight,
    /// The release that stands for a run's last commits does not ask whether the fence counts them.
    ReleasesBlindly,
    /// A runner that finds fewer guarded transactions than there were runs what is next, and does not
    /// run again what was taken back.
    SkipsTakenBack,
    /// A process does not look for a pause before it acquires the lock, nor when it has acquired it.
    ForgetsPause,
    /// A cancelled run drops what is under way, and gives the lock back at once.
    CancelDoesNotWait,
    /// A run ends because of any cancellation in the lock, whatever its fence.
    ObeysOldCancel,
}

impl Protocol {
    /// Every variant but the true one.
    pub const MUTANTS: [Self; 19] = [
        Self::NoFence,
        Self::FenceOnlyRead,
        Self::FenceNoOpSet,
        Self::HistoryOutside,
        Self::NoKill,
        Self::DoesNotWait,
        Self::KillPreviousOwner,
        Self::HeartbeatIgnored,
        Self::FenceW1,
        Self::ReleaseAny,
        Self::GuardGoesOn,
        Self::SettlesEarly,
        Self::ForgetsAlways,
        Self::LastIsLight,
        Self::ReleasesBlindly,
        Self::SkipsTakenBack,
        Self::ForgetsPause,
        Self::CancelDoesNotWait,
        Self::ObeysOldCancel,
    ];

    /// Whether a guarded transaction writes the fence document.
    pub(crate) fn writes_fence(self) -> bool {
        !matches!(self, Self::NoFence | Self::FenceOnlyRead | Self::FenceNoOpSet)
    }
}
