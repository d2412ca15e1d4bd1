//! The short form of the chaos suite: what the long one does for an hour, for a few minutes.
//! `cargo run --release -p mongrate-chaos -- --help` has the long form.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongrate::embedded::Embedded;
use mongrate_chaos::{
    history::History,
    mutants::{self, MUTANTS, Within},
    network::FAULTS,
    point::{Blow, Count, Point, Side},
    recovery::{self, Fall},
    round::{Verb, World},
    steered::Ask,
    units::{self, State, Unit},
    weather::Set,
};

const RUNNER: &str = env!("CARGO_BIN_EXE_chaos-runner");
/// Longer than a busy machine stalls.
const LEASE: Duration = Duration::from_secs(2);
const JOBS: usize = 24;
/// How many rounds one server has.
const ROUNDS_MAX: usize = 120;

async fn server() -> Embedded {
    // Of its own: thousands of short-lived clients would disturb the other tests.
    Embedded::builder().test_commands().private().quiet(true).start().await.unwrap()
}

/// Runs them and insists that nothing was wrong. A server goes through what earlier rounds have left, sessions and
/// files of dropped collections, again and again: so each server has only some of the rounds.
async fn all_well(units: Vec<Unit>) {
    for units in units.chunks(ROUNDS_MAX) {
        let server = server().await;
        let mut world = World::new(server.uri(), RUNNER.into(), LEASE).await.unwrap();
        // The machine's other tests disturb; `after_a_kill_…` of `mongrate-tests` is timed.
        world.timed = false;
        let world = Arc::new(world);
        let state = Arc::new(Mutex::new(State::open(None).unwrap()));
        let late = units::run(&world, units.to_vec(), JOBS, None, &state).await.unwrap();
        units::again(&world, late, 2, None, &state).await.unwrap();
        print!("{}", state.lock().unwrap().tally());
        let violations = state.lock().unwrap().violations();
        assert_eq!(violations, 0, "each was printed above, as VIOLATION");
        server.stop().await;
    }
}

#[tokio::test]
async fn every_crash_point_of_one_runner() {
    let server = server().await;
    let world = World::new(server.uri(), RUNNER.into(), LEASE).await.unwrap();
    let mut units = Vec::new();
    // `mixed` holds transactions and online migrations; theirs alone are the long form's.
    let runs = ["mixed", "audited", "approved", "backfill", "declared"]
        .map(|history| [Verb::Up, Verb::Down].map(|verb| (history, verb)));
    let alone = History::APART.map(|history| (history, Verb::Only));
    let years = History::YEARS.map(|history| (history, Verb::Up));
    for (history, verb) in runs.into_iter().flatten().chain(alone).chain(years) {
        let count = Count::All;
        let commands = world.commands(history, verb, count).await.unwrap();
        // The long form has the rest.
        let every = match history {
            "mixed" | "transactional" => 1,
            "backfill" | "squashed" | "half_way" | "repeated" => 3,
            "audited" | "approved" => 5,
            _ => 9,
        };
        let points = Point::all(commands).step_by(every);
        units.extend(points.map(|point| Unit::Single { history, verb, count, point }));
    }
    let (history, verb, count) = ("slow", Verb::Up, Count::Heartbeats);
    let beats = world.commands(history, verb, count).await.unwrap();
    units.extend(Point::all(beats).map(|point| Unit::Single { history, verb, count, point }));
    server.stop().await;
    all_well(units).await;
}

#[tokio::test]
async fn an_operator_pauses_or_cancels_at_crash_points() {
    let server = server().await;
    let world = World::new(server.uri(), RUNNER.into(), LEASE).await.unwrap();
    let mut units = Vec::new();
    for (history, verb, every) in
        [("mixed", Verb::Up, 3), ("mixed", Verb::Down, 9), ("backfill", Verb::Up, 7)]
    {
        let commands = world.commands(history, verb, Count::All).await.unwrap();
        // Every third and seventh of them is another side and another blow each time.
        for (point, ask) in
            Point::all(commands).step_by(every).zip([Ask::Pause, Ask::Cancel].into_iter().cycle())
        {
            units.push(Unit::Steered { history, verb, point, ask });
        }
    }
    server.stop().await;
    all_well(units).await;
}

/// Pairs that once found something, and some more.
#[tokio::test]
async fn pairs_of_crash_points() {
    let point = |at: u32, side: Side, blow: Blow| Point { at, side, blow };
    use {Blow::*, Side::*};
    let found = [
        // A thawed online migration was recorded as failed, not as replaced.
        ("mixed", Verb::Down, point(15, After, Stop), point(15, Before, Stop)),
        ("online", Verb::Up, point(15, Before, Kill), point(22, After, Stop)),
        ("mixed", Verb::Up, point(8, After, Stop), point(27, After, Stop)),
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    let mut some = || {
        let side = if rng.bool() { Before } else { After };
        let blow = if rng.bool() { Kill } else { Stop };
        point(rng.u32(2..24), side, blow)
    };
    let more = (0..40).map(|at| {
        let verb = if at % 2 == 0 { Verb::Up } else { Verb::Down };
        ("mixed", verb, some(), some())
    });
    let units = found
        .into_iter()
        .chain(more)
        .map(|(history, verb, first, second)| Unit::Pair { history, verb, points: (first, second) })
        .collect();
    all_well(units).await;
}

#[tokio::test]
async fn the_network_fails_one_runner() {
    let server = server().await;
    let (history, verb) = ("mixed", Verb::Up);
    let world = World::new(server.uri(), RUNNER.into(), LEASE).await.unwrap();
    let commands = world.commands(history, verb, Count::All).await.unwrap();
    // Each command with one fault, each fault with many commands.
    let units = (1..=commands)
        .map(|at| Unit::Network { history, verb, at, fault: at as usize % FAULTS.len() })
        .collect();
    server.stop().await;
    all_well(units).await;
}

#[tokio::test]
async fn random_rounds() {
    let rounds =
        |runners: u32, rounds: u64| (0..rounds).map(move |seed| Unit::Random { runners, seed });
    let units = rounds(2, 20).chain(rounds(8, 12)).chain(rounds(50, 1)).collect();
    all_well(units).await;
}

#[tokio::test]
async fn the_primary_steps_down_dies_and_freezes() {
    let set = Set::start().await.unwrap();
    let mut world = World::new(set.server.uri(), RUNNER.into(), 3 * LEASE).await.unwrap();
    world.election = Duration::from_secs(60);
    let world = Arc::new(world);
    let state = Arc::new(Mutex::new(State::open(None).unwrap()));
    let units = (0..16).map(|seed| Unit::Storm { seed }).collect();
    let rounds = units::run(&world, units, 4, None, &state);
    let weather = async {
        for _ in 0..4 {
            set.step_down().await.unwrap();
        }
        set.kill_primary().await.unwrap();
        set.freeze_primary().await.unwrap();
    };
    let (rounds, ()) = tokio::join!(rounds, weather);
    rounds.unwrap();
    for (fall, seed) in [(Fall::Kill, 1), (Fall::StepDown, 2)] {
        let (outcome, _) = recovery::round(&world, &set, fall, seed).await.unwrap();
        // How long it took is the long form's: other tests disturb.
        let wrong: Vec<_> =
            outcome.wrong.iter().filter(|wrong| !wrong.starts_with("recovery")).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert_eq!(state.lock().unwrap().violations(), 0, "each was printed above, as VIOLATION");
    set.stop().await;
}

/// The suite is able to fail: every mutant of the protocol is caught, and the true program
/// passes what catches them.
#[tokio::test]
async fn every_mutant_is_caught() {
    let build = || mutants::build(Within::TheWorkspace);
    let mutant = tokio::task::spawn_blocking(build).await.unwrap().unwrap();
    let judged = [1, 3].map(async |nodes| {
        let server = Embedded::builder().test_commands().private().quiet(true).nodes(nodes);
        let server = server.start().await.unwrap();
        let programs = (Path::new(RUNNER), mutant.as_path());
        let verdicts = mutants::judge(&server, LEASE, programs, 3).await.unwrap();
        server.stop().await;
        verdicts
    });
    let verdicts = futures_util::future::join_all(judged).await.concat();
    let left = mutants::survivors(&verdicts);
    assert!(left.is_empty(), "{left:#?}");
    for mutant in MUTANTS {
        assert!(verdicts.iter().any(|verdict| verdict.mutant == Some(mutant)), "{mutant} untried");
    }
}

/// Without the flag the program does not even know the variable: no feature brings a mutant
/// into a build of a user.
#[tokio::test]
async fn a_build_without_the_flag_has_no_mutants() {
    const { assert!(!cfg!(mongrate_mutants)) };
    let server = server().await;
    let mut world = World::new(server.uri(), RUNNER.into(), LEASE).await.unwrap();
    // A build with the flag refuses a name that it does not know.
    world.mutant = Some("no such mutant".to_owned());
    world.commands("mixed", Verb::Up, Count::All).await.unwrap();
    server.stop().await;
}
