//! The protocol keeps every promise within the small bounds; each weaker variant breaks the one
//! that it is said to, and only because it is weaker.
#![expect(clippy::print_stdout, reason = "counterexamples and counts, with --nocapture")]

use std::collections::BTreeSet;

use mongrate_model::{
    mutant::Protocol,
    properties::{check, check_until, reached},
    scopes,
    story::explain,
    world::Scope,
};

const THREADS: usize = 2;

fn hold(scope: &Scope, threads: usize) -> (usize, Vec<&'static str>) {
    let verdict = check(scope, threads);
    if let Some((property, actions)) = verdict.broken.first() {
        panic!("{scope}\nbreaks `{property}`:\n{}", explain(scope, actions));
    }
    println!("{:>9} states, {:>3} deep: {scope}", verdict.states, verdict.depth);
    (verdict.states, verdict.reached)
}

#[test]
fn the_protocol_keeps_every_promise() {
    let mut happened = BTreeSet::new();
    let mut states = 0;
    for scope in scopes::small() {
        let (count, reached) = hold(&scope, THREADS);
        happened.extend(reached);
        states += count;
    }
    println!("{states:>9} states in all");
    assert_eq!(happened, BTreeSet::from(reached::ALL), "or it was too easy");
}

#[test]
fn every_weaker_protocol_breaks_a_promise() {
    for (scope, property) in scopes::mutants() {
        let verdict = check_until(&scope, property);
        let broken = verdict.broken.iter().find(|(name, _)| *name == property);
        let Some((_, actions)) = broken else {
            panic!("{scope}\nkeeps `{property}`, in {} states", verdict.states);
        };
        println!("{:?} breaks `{property}`:\n{}", scope.protocol, explain(&scope, actions));
        // The same trouble does nothing to the protocol as it is.
        hold(&Scope { protocol: Protocol::True, ..scope }, 1);
    }
}
