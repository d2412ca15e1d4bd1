//! Rounds in which the network fails one runner at one command, after the server has executed
//! it or before; another runner comes meanwhile.

use std::time::{Duration, Instant};

use mongrate::mongodb::{
    error::Error,
    options::{ClientOptions, ServerAddress},
};

use crate::{
    child::{Orders, Runner},
    point::Count,
    proxy::{Fault, Proxy, Rule},
    round::{Ground, Outcome, Verb, World},
};

/// The faults that are tried at each command. Silences are shorter and longer than the lease of 1 s.
pub const FAULTS: [(&str, Fault); 6] = [
    ("cut-before", Fault::CutBefore),
    ("cut-after", Fault::CutAfter),
    ("swallow", Fault::Swallow(Duration::from_millis(1_500))),
    ("delay", Fault::Delay(Duration::from_millis(300))),
    ("late", Fault::Late(Duration::from_millis(300))),
    ("partition", Fault::Partition(Duration::from_millis(2_500))),
];

/// One round: the fault at the command counted `at`.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn round(
    world: &World,
    history: &str,
    verb: Verb,
    at: u32,
    fault: Fault,
) -> Result<Outcome, Error> {
    let mut ground = world.ground(history, verb, true).await?;
    let (proxy, mut first) = through(world, &ground, Rule { at, fault }).await?;
    let suffered = proxy.suffered();
    let ended = tokio::select! {
        ended = first.next(world.patience) => Some(ended),
        () = suffered.cancelled() => None,
    };
    match ended {
        Some(ended) => {
            ground.outcome.missed = !suffered.is_cancelled();
            ground.well_or_replaced("the first", ended);
            ground.finish(Instant::now()).await;
        }
        None => {
            ground.finish(Instant::now()).await;
            let ended = first.next(world.patience).await;
            ground.well_or_replaced("the first, after the fault", ended);
        }
    }
    if suffered.is_cancelled() {
        ground.outcome.struck += 1;
    }
    // The one that suffers may well keep the lock meanwhile.
    ground.outcome.late = false;
    ground.verdict().await
}

/// A runner that reaches the server through a proxy of its own.
///
/// # Errors
///
/// When the proxy does not start.
///
/// # Panics
///
/// When the system refuses a process.
pub async fn through(
    world: &World,
    ground: &Ground<'_>,
    rule: Rule,
) -> Result<(Proxy, Runner), Error> {
    let options = ClientOptions::parse(&world.uri).await?;
    let server = match options.hosts.first() {
        Some(ServerAddress::Tcp { host, port }) => format!("{host}:{}", port.unwrap_or(27_017)),
        other => panic!("a server at {other:?}"),
    };
    let proxy = Proxy::start(&server, Some(rule)).await?;
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
    let orders = Orders { uri, ..ground.orders(None, Count::All) };
    Ok((proxy, Runner::start(&orders).expect("a runner process")))
}
