//! Fuzz targets for all that is parsed from outside: valid inputs, mutated. Nothing may panic, no error may
//! show a secret, and what is accepted has to be the same when it is written and read again.
//!
//! In a normal run each target takes a second at most, and tries the same inputs each time. `just fuzz 600` gives each ten minutes, and prints how many
//! inputs it tried. `MONGRATE_FUZZ_SEED` repeats a run.

mod control;
mod files;
mod http;
mod mutate;
mod texts;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mutate::Mutator;

/// The seed and the most inputs of a run among other tests.
const SEED: u64 = 4711;
const TRIES: u64 = 1_000;

/// What came of one input.
enum Outcome {
    Accepted,
    Refused,
}

/// The run of one target.
struct Fuzz {
    name: &'static str,
    mutator: Mutator,
    seed: u64,
    end: Instant,
    tried: u64,
    accepted: u64,
    is_long: bool,
}

impl Fuzz {
    fn new(name: &'static str, corpus: impl IntoIterator<Item = String>) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
        let seconds = number("MONGRATE_FUZZ_SECONDS");
        // A run among other tests tries the same inputs each time: what is new is found by a long one.
        let seed = number("MONGRATE_FUZZ_SEED")
            .or(seconds.is_none().then_some(SEED))
            .unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap()
            });
        Self {
            name,
            mutator: Mutator::new(seed, corpus),
            seed,
            end: Instant::now() + Duration::from_secs(seconds.unwrap_or(1)),
            tried: 0,
            accepted: 0,
            is_long: seconds.is_some(),
        }
    }

    /// Whether there is time for another input.
    fn goes_on(&self) -> bool {
        Instant::now() < self.end && (self.is_long || self.tried < TRIES)
    }

    /// Tries one input; if the target panics, says which input it was.
    fn try_one(&mut self, input: &str, target: impl FnOnce(&str) -> Outcome) {
        let ended = catch_unwind(AssertUnwindSafe(|| target(input)));
        self.note(input, ended);
    }

    fn note(&mut self, input: &str, ended: std::thread::Result<Outcome>) {
        self.tried += 1;
        match ended {
            Ok(Outcome::Accepted) => self.accepted += 1,
            Ok(Outcome::Refused) => {}
            Err(panic) => {
                eprintln!("{}: MONGRATE_FUZZ_SEED={}, input {}:", self.name, self.seed, self.tried);
                eprintln!("{input:?}");
                resume_unwind(panic);
            }
        }
    }

    /// Mutated texts until the time is over.
    fn texts(mut self, target: impl Fn(&str) -> Outcome) {
        while self.goes_on() {
            let input = self.mutator.text();
            self.try_one(&input, &target);
        }
        self.done();
    }

    /// Each target has to accept some of its inputs, and to refuse some: else it tries nothing.
    fn done(self) {
        let Self { name, tried, accepted, seed, .. } = self;
        if self.is_long {
            eprintln!("{name}: {tried} inputs, {accepted} accepted, seed {seed}");
        }
        // On a busy machine a second is too short for a target that asks a server.
        if tried < 100 {
            return;
        }
        assert!(accepted > 0, "{name}: none of {tried} inputs was accepted (seed {seed})");
        assert!(accepted < tried, "{name}: all of {tried} inputs were accepted (seed {seed})");
    }
}

fn outcome<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}
