//! Which models are checked: small ones with the tests, large ones on demand.

use crate::{
    basics::Kind::{self, Online, Transactional},
    mutant::Protocol,
    properties::{
        DURABLE, EXACTLY_ONCE, HEEDS, LISTENS, NO_STALE, NOT_STUCK, ORDER_SEEN, OWN_CANCEL,
        OWN_LOCK, TRUTHFUL,
    },
    runner::Goal::{self, Down, Up},
    world::{Scope, Trouble},
};

const NONE: Trouble = Trouble {
    crashes: 0,
    silences: 0,
    expiries: 0,
    suspicions: 0,
    failovers: 0,
    reaps: 0,
    pauses: 0,
    cancels: 0,
};

fn scope(kinds: &[Kind], applied: usize, goals: &[Goal], trouble: Trouble) -> Scope {
    let (kinds, goals) = (kinds.to_vec(), goals.to_vec());
    Scope { protocol: Protocol::True, kinds, applied, goals, trouble, refuses_kill: false }
}

/// The same on a server that refuses `killSessions`.
fn without_kill(scope: Scope) -> Scope {
    Scope { refuses_kill: true, ..scope }
}

/// Those that `cargo test` tries to the last state.
pub fn small() -> Vec<Scope> {
    let (one, two) = ([Transactional], [Transactional, Online]);
    let base = Trouble { expiries: 1, ..NONE };
    vec![
        // Death, silence and a false alarm at every point.
        scope(&one, 0, &[Up, Up], Trouble { crashes: 1, silences: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { silences: 1, suspicions: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { crashes: 2, expiries: 2, ..NONE }),
        // A failover at every point, with everything that it can lose.
        scope(&one, 0, &[Up, Up], Trouble { failovers: 1, silences: 1, ..base }),
        scope(&[Online], 0, &[Up, Up], Trouble { failovers: 1, crashes: 1, ..base }),
        // What only the primary has, at every point, and what may be lost of it.
        scope(&[Transactional; 2], 0, &[Up, Up], Trouble { failovers: 1, ..base }),
        scope(&[Transactional; 3], 0, &[Up], Trouble { failovers: 2, silences: 1, ..base }),
        scope(&two, 0, &[Up], Trouble { failovers: 2, silences: 1, ..base }),
        scope(&[Transactional; 2], 0, &[Up, Up], Trouble { crashes: 1, failovers: 1, ..base }),
        // What resumes after its checkpoint; what comes after what.
        scope(&[Online], 0, &[Up, Up], Trouble { silences: 1, ..base }),
        scope(&two, 0, &[Up, Up], Trouble { crashes: 1, ..base }),
        scope(&[Transactional, Transactional], 0, &[Up, Up], Trouble { silences: 1, ..base }),
        // The server ends transactions of the living.
        scope(&one, 0, &[Up, Up], Trouble { reaps: 2, ..base }),
        // Three.
        scope(&one, 0, &[Up, Up, Up], Trouble { crashes: 1, ..base }),
        // Back, and back against forth.
        scope(&one, 1, &[Down, Down], Trouble { silences: 1, ..base }),
        scope(&[Transactional, Transactional], 1, &[Up, Down], Trouble { silences: 1, ..base }),
        scope(&[Online], 1, &[Up, Down], Trouble { crashes: 1, ..base }),
        // What a take-over may not end, it waits for.
        without_kill(scope(&one, 0, &[Up, Up], Trouble { crashes: 1, silences: 1, ..base })),
        without_kill(scope(&two, 0, &[Up, Up], Trouble { crashes: 1, ..base })),
        without_kill(scope(&one, 0, &[Up, Up], Trouble { failovers: 1, ..base })),
        // Paused once, and resumed at any time: with a death, silence, a false alarm.
        scope(&one, 0, &[Up, Up], Trouble { pauses: 1, crashes: 1, ..base }),
        scope(&[Online], 0, &[Up, Up], Trouble { pauses: 1, crashes: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { pauses: 1, silences: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { pauses: 1, suspicions: 1, ..base }),
        // Paused twice, with what only the primary has.
        scope(&[Transactional; 2], 0, &[Up], Trouble { pauses: 2, failovers: 1, ..base }),
        // Cancelled once, at any time: with a death, silence, what only the primary has.
        scope(&one, 0, &[Up, Up], Trouble { cancels: 1, crashes: 1, ..base }),
        scope(&[Online], 0, &[Up, Up], Trouble { cancels: 1, crashes: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { cancels: 1, silences: 1, ..base }),
        scope(&one, 0, &[Up], Trouble { cancels: 1, silences: 2, ..NONE }),
        scope(&one, 0, &[Up, Up], Trouble { cancels: 1, failovers: 1, ..base }),
        scope(&two, 0, &[Up], Trouble { cancels: 1, failovers: 1, silences: 1, ..base }),
        scope(
            &[Transactional; 2],
            0,
            &[Up],
            Trouble { cancels: 1, failovers: 1, silences: 1, ..base },
        ),
        without_kill(scope(
            &one,
            0,
            &[Up, Up],
            Trouble { cancels: 1, crashes: 1, silences: 1, ..base },
        )),
        // Paused once and cancelled once.
        scope(&one, 0, &[Up, Up], Trouble { pauses: 1, cancels: 1, crashes: 1, ..base }),
        scope(&[Transactional; 2], 0, &[Up, Up], Trouble { pauses: 1, cancels: 1, ..base }),
        scope(&[Transactional; 2], 1, &[Up, Down], Trouble { pauses: 1, cancels: 1, ..base }),
        scope(&[Online], 1, &[Up, Down], Trouble { pauses: 1, cancels: 1, crashes: 1, ..base }),
    ]
}

/// Those for a machine that has the time.
pub fn large() -> Vec<Scope> {
    let (one, two) = ([Transactional], [Transactional, Online]);
    let base = Trouble { expiries: 1, ..NONE };
    let all = Trouble { crashes: 1, silences: 1, suspicions: 1, failovers: 1, reaps: 1, ..base };
    vec![
        scope(&one, 0, &[Up, Up], all),
        scope(&one, 0, &[Up, Up], Trouble { crashes: 2, silences: 2, expiries: 2, ..NONE }),
        scope(&one, 0, &[Up, Up], Trouble { silences: 3, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { failovers: 2, silences: 1, ..base }),
        scope(&two, 0, &[Up, Up], Trouble { crashes: 1, silences: 1, ..base }),
        scope(&two, 0, &[Up, Up], Trouble { failovers: 1, silences: 1, ..base }),
        scope(&[Transactional; 2], 0, &[Up, Up], Trouble { failovers: 1, silences: 1, ..base }),
        scope(&[Transactional; 3], 0, &[Up, Up], Trouble { failovers: 1, crashes: 1, ..base }),
        scope(&one, 0, &[Up, Up, Up], Trouble { crashes: 2, expiries: 2, ..NONE }),
        scope(&one, 0, &[Up, Up, Up], Trouble { silences: 1, ..base }),
        scope(&two, 1, &[Up, Down], Trouble { crashes: 1, silences: 1, ..base }),
        scope(&[Online], 1, &[Up, Down], Trouble { crashes: 1, silences: 1, ..base }),
        scope(&one, 1, &[Up, Down, Down], Trouble { crashes: 1, ..base }),
        without_kill(scope(&one, 0, &[Up, Up], all)),
        without_kill(scope(&one, 0, &[Up, Up, Up], Trouble { crashes: 2, expiries: 2, ..NONE })),
        scope(
            &one,
            0,
            &[Up, Up],
            Trouble { pauses: 1, cancels: 1, crashes: 1, silences: 1, ..base },
        ),
        scope(&two, 0, &[Up, Up], Trouble { pauses: 1, cancels: 1, crashes: 1, ..base }),
        scope(&[Transactional; 2], 0, &[Up, Up], Trouble { cancels: 2, silences: 1, ..base }),
        scope(&one, 0, &[Up, Up], Trouble { pauses: 1, cancels: 1, failovers: 1, ..base }),
    ]
}

/// For each weaker protocol, a model that shows what it breaks.
pub fn mutants() -> Vec<(Scope, &'static str)> {
    let trouble = Trouble { expiries: 1, ..NONE };
    let crash = Trouble { crashes: 1, ..trouble };
    let failover = Trouble { failovers: 1, ..trouble };
    Protocol::MUTANTS
        .into_iter()
        .map(|protocol| {
            let (trouble, property) = match protocol {
                Protocol::True => unreachable!("it is no mutant"),
                Protocol::NoFence | Protocol::FenceOnlyRead | Protocol::FenceNoOpSet => {
                    (trouble, EXACTLY_ONCE)
                }
                Protocol::HistoryOutside => (crash, EXACTLY_ONCE),
                Protocol::NoKill | Protocol::DoesNotWait => (crash, NOT_STUCK),
                Protocol::KillPreviousOwner => (trouble, NOT_STUCK),
                Protocol::HeartbeatIgnored => (trouble, LISTENS),
                Protocol::FenceW1 => (failover, NO_STALE),
                Protocol::ReleaseAny => (trouble, OWN_LOCK),
                Protocol::GuardGoesOn => (trouble, NOT_STUCK),
                Protocol::ForgetsAlways => {
                    (Trouble { silences: 2, suspicions: 1, ..NONE }, NOT_STUCK)
                }
                Protocol::SettlesEarly => (Trouble { failovers: 1, silences: 1, ..NONE }, TRUTHFUL),
                Protocol::LastIsLight | Protocol::ReleasesBlindly => (failover, DURABLE),
                Protocol::SkipsTakenBack => (failover, ORDER_SEEN),
                Protocol::ForgetsPause => (Trouble { pauses: 1, ..NONE }, HEEDS),
                Protocol::CancelDoesNotWait => (Trouble { cancels: 1, ..trouble }, TRUTHFUL),
                Protocol::ObeysOldCancel => (Trouble { cancels: 1, ..trouble }, OWN_CANCEL),
            };
            let kinds = match protocol {
                Protocol::SkipsTakenBack => vec![Transactional; 2],
                // Its commits wait for a majority.
                Protocol::SettlesEarly => vec![Online],
                _ => vec![Transactional],
            };
            let refuses_kill = protocol == Protocol::DoesNotWait;
            let scope = scope(&kinds, 0, &[Up, Up], trouble);
            (Scope { protocol, refuses_kill, ..scope }, property)
        })
        .chain([(
            // What only reading the fence costs beside.
            Scope {
                protocol: Protocol::FenceOnlyRead,
                ..scope(&[Transactional], 0, &[Up, Up], trouble)
            },
            NO_STALE,
        )])
        .collect()
}
