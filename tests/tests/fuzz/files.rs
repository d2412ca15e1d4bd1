//! The files of a package: `migrations.sum`, `models.snap`, `mongrate.toml`; and plan files.

use std::path::Path;

use mongrate::{Error, PlanFile};
use mongrate_seal::{
    models::Snapshot,
    policies,
    sum::{Sum, lines},
};

use crate::{Fuzz, Outcome, outcome};

/// A file of this repository.
fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn sum_files() {
    let corpus = ["billing", "users", "rebased", "spellings"]
        .map(|name| file(&format!("tests/fixtures/{name}/migrations.sum")))
        .into_iter()
        .chain([file("migrations/migrations.sum")]);
    let mut fuzz = Fuzz::new("sum file", corpus);
    while fuzz.goes_on() {
        let mut input = fuzz.mutator.text();
        // A chain that fits, so that the rest of the file is judged.
        if fuzz.mutator.one_in(2)
            && let Some(sealed) = Sum::unchained(&input)
        {
            input = Sum::of(sealed).render();
        }
        fuzz.try_one(&input, |input| {
            lines(input).flatten().for_each(|line| drop(line.sealed().shown()));
            let parsed = Sum::parse(input);
            if let Err(fault) = &parsed {
                let _ = fault.to_string();
            }
            if let Ok(sum) = &parsed {
                let again = Sum::parse(&sum.render());
                let again = again.unwrap_or_else(|fault| panic!("written, but not read: {fault}"));
                assert_eq!(again.sealed(), sum.sealed());
            }
            outcome(&parsed)
        });
    }
    fuzz.done();
}

#[test]
fn models_files() {
    let rich = "mongrate-models v1\n\
        users options collection moderate/error\n\
        users index email_1 {\"key\":{\"email\":1},\"unique\":true}\n\
        users User root object@User\n\
        users User field _id objectId\n\
        users User field address optional object@Address\n\
        users User field address.city string\n\
        users User field plan \"free\"|\"pro\"@Plan\n\
        users User field tags optional [string]\n\
        end\n";
    let corpus = [rich.to_owned(), file("migrations/models.snap")];
    Fuzz::new("models file", corpus).texts(|input| {
        let parsed = Snapshot::parse(input);
        if let Err(fault) = &parsed {
            let _ = fault.to_string();
        }
        if let Ok(snapshot) = &parsed {
            for text in [snapshot.render(), snapshot.export()] {
                let again = Snapshot::parse(&text);
                let again =
                    again.unwrap_or_else(|fault| panic!("written, but not read: {fault}\n{text}"));
                assert_eq!(&again, snapshot, "{text}");
            }
        }
        outcome(&parsed)
    });
}

#[test]
fn policy_files() {
    let guide = file("docs/policies.md");
    let blocks = guide.split("```toml\n").skip(1);
    let blocks =
        blocks.filter_map(|rest| rest.split_once("```").map(|(block, _)| block.to_owned()));
    let corpus: Vec<String> = blocks.chain([file("migrations/mongrate.toml")]).collect();
    Fuzz::new("mongrate.toml", corpus).texts(|input| {
        let parsed = policies::read::read(input);
        if let Err(faults) = &parsed {
            assert!(!faults.is_empty());
            let _: Vec<String> = faults.iter().map(ToString::to_string).collect();
        }
        if let Ok(rules) = &parsed {
            // As the attribute hands them to the runtime.
            let lines = policies::lines(rules);
            let again = policies::parse_lines(&lines).unwrap_or_else(|e| panic!("{e}\n{lines}"));
            assert_eq!(policies::lines(&again), lines);
        }
        outcome(&parsed)
    });
}

#[test]
fn plan_files() {
    let corpus = [file("tests/stored/0.1.0/plan.json")];
    let mut fuzz = Fuzz::new("plan file", corpus);
    while fuzz.goes_on() {
        let input = match fuzz.mutator.one_in(2) {
            true => fuzz.mutator.json(),
            false => fuzz.mutator.text(),
        };
        fuzz.try_one(&input, |input| match PlanFile::parse(input) {
            Ok(plan) => {
                let again = PlanFile::parse(&plan.to_json()).unwrap();
                assert_eq!(again.to_json(), plan.to_json());
                Outcome::Accepted
            }
            Err(error) => {
                assert!(matches!(error, Error::Settings { .. }), "{error:?}");
                assert!(error.to_string().contains("nothing was run"), "{error}");
                Outcome::Refused
            }
        });
    }
    fuzz.done();
}
