//! Rounds in which a seed decides: how many runners break, where, when, and for how long
//! they are frozen.

use std::time::{Duration, Instant};

use fastrand::Rng;
use mongrate::mongodb::error::Error;

use crate::{
    child::{Next, Runner},
    history::History,
    point::{Blow, Count, Point, Side},
    round::{Ground, Outcome, Verb, World},
};

/// What one runner of a round suffers.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Nothing,
    /// At a command.
    Struck(Point),
    /// At a time, wherever the runner is then.
    Hit(Blow, Duration),
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    start: Duration,
    fate: Fate,
    thaw: Duration,
}

fn plan(rng: &mut Rng, runners: u32, commands_max: u32) -> Plan {
    let start = Duration::from_millis(rng.u64(0..600));
    let thaw = Duration::from_millis(rng.u64(0..2_500));
    let blow = if rng.bool() { Blow::Kill } else { Blow::Stop };
    // Of 50, most have nothing to do: enough have to be struck that it matters.
    let share = if runners > 8 { 0.3 } else { 0.7 };
    let fate = if rng.f64() > share {
        Fate::Nothing
    } else if rng.bool() {
        let side = if rng.bool() { Side::Before } else { Side::After };
        Fate::Struck(Point { at: rng.u32(1..commands_max), side, blow })
    } else {
        Fate::Hit(blow, Duration::from_millis(rng.u64(0..400)))
    };
    Plan { start, fate, thaw }
}

/// The end of one runner.
struct Became {
    struck: Option<String>,
    /// A freeze at an unknown place: DDL may have gone out late.
    anywhere: bool,
    /// How the runner ended, unless it was killed.
    next: Option<Next>,
}

async fn live(ground: &Ground<'_>, patience: Duration, plan: Plan) -> Became {
    tokio::time::sleep(plan.start).await;
    let point = match plan.fate {
        Fate::Struck(point) => Some(point),
        _ => None,
    };
    let mut runner: Runner = ground.start(point, Count::All);
    let mut became = Became { struck: None, anywhere: false, next: None };
    if let Fate::Hit(blow, after) = plan.fate {
        tokio::time::sleep(after).await;
        match blow {
            Blow::Kill => {
                runner.kill().await;
                became.struck = Some("killed".to_owned());
                return became;
            }
            Blow::Stop => {
                runner.freeze().await;
                became.struck = Some("frozen".to_owned());
                became.anywhere = true;
                tokio::time::sleep(plan.thaw).await;
                runner.thaw();
            }
        }
    }
    let mut next = runner.next(patience).await;
    if let Next::Struck(at) = &next {
        became.struck = Some(at.clone());
        if point.is_some_and(|point| point.blow == Blow::Kill) {
            return became;
        }
        tokio::time::sleep(plan.thaw).await;
        runner.thaw();
        next = runner.next(patience).await;
    }
    became.next = Some(next);
    became
}

/// One round.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn round(world: &World, runners: u32, seed: u64) -> Result<Outcome, Error> {
    let mut rng = Rng::with_seed(seed ^ (u64::from(runners) << 48));
    let histories = History::ALL;
    let history = &histories[rng.usize(0..histories.len())];
    let verb = if rng.f64() < 0.75 { Verb::Up } else { Verb::Down };
    let reach = history.rows.commands_max();
    let plans: Vec<Plan> = (0..runners).map(|_| plan(&mut rng, runners, reach)).collect();

    let mut ground = world.ground(history.name, verb, true).await?;
    let lives = plans.into_iter().map(|plan| live(&ground, world.patience, plan));
    let became = futures_util::future::join_all(lives).await;
    for (at, became) in became.into_iter().enumerate() {
        if let Some(at) = &became.struck {
            ground.struck(at);
        }
        if became.anywhere {
            ground.ignore_indexes();
        }
        if let Some(next) = became.next {
            ground.well_or_replaced(&format!("runner {at}"), next);
        }
    }
    ground.finish(Instant::now()).await;
    ground.verdict().await
}

/// Two runners at a time and then one, none of which is harmed: what breaks are the servers.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn calm(world: &World, seed: u64) -> Result<Outcome, Error> {
    let mut rng = Rng::with_seed(seed);
    let histories = History::ALL;
    let history = &histories[rng.usize(0..histories.len())];
    let verb = if rng.f64() < 0.75 { Verb::Up } else { Verb::Down };
    let mut ground = world.ground(history.name, verb, true).await?;
    let plan = |start: u64| Plan {
        start: Duration::from_millis(start),
        fate: Fate::Nothing,
        thaw: Duration::ZERO,
    };
    let later = rng.u64(0..100);
    let (first, second) = (plan(0), plan(later));
    let lives = [first, second].map(|plan| live(&ground, world.patience, plan));
    let became = futures_util::future::join_all(lives).await;
    for (at, became) in became.into_iter().enumerate() {
        if let Some(next) = became.next {
            ground.well_or_replaced(&format!("runner {at}"), next);
        }
    }
    ground.finish(Instant::now()).await;
    ground.verdict().await
}
