//! Whether the control collection can be read, and whether its history fits this build.

use crate::{
    model::{
        error::{Error, kind::Kind},
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::product::Product,
    verbs::doctor::{
        facts::Facts,
        finding::{answer, error, finding},
    },
};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![control_collection(facts), history(facts)]
}

fn control_collection(facts: &Facts) -> Finding {
    let check = Check::ControlCollection;
    let name = format!("`{}`", facts.control);
    let why = match &facts.state {
        Ok(()) => return finding(check, Verdict::Ok, format!("{name} can be read")),
        Err(Error::Standalone) => {
            return finding(
                check,
                Verdict::Unknown,
                format!("{name} was not read: see the topology"),
            );
        }
        // The product is an error of its own.
        Err(Error::UnsupportedServer { .. }) if lacks(facts) => {
            return finding(
                check,
                Verdict::Unknown,
                format!("{name} was not read: see the server"),
            );
        }
        Err(Error::UnsupportedServer { .. }) => {
            "the server refuses a command that migrations need, or does not report the time of its \
             operations, as MongoDB does"
                .to_owned()
        }
        Err(Error::Corrupt { collection: Some(_), .. }) => {
            let found =
                format!("{name} is not Mongrate's: another tool's, or it cannot hold a history");
            return error(check, Kind::NeedsOperator, found)
                .means("every run ends with this error, before the first write")
                .way_out("set another one: `--collection NAME`, or `Migrator::collection`");
        }
        Err(Error::Corrupt { .. }) => "a document in it was not written by Mongrate".to_owned(),
        Err(Error::Server { source, .. } | Error::Unauthorized { source, .. }) => answer(source),
        Err(_) => "it is refused".to_owned(),
    };
    let kind = facts.state.as_ref().map_or_else(Error::kind, |()| Kind::Unavailable);
    error(check, kind, format!("{name} cannot be read: {why}"))
        .means("every run ends with this error, before the first write")
        .way_out("run `status` to see the whole error; the guide \"When it stops\" says what to do")
}

fn lacks(facts: &Facts) -> bool {
    Product::recognise(&facts.hello, &facts.build_info).lacks().is_some()
}

fn history(facts: &Facts) -> Finding {
    let check = Check::History;
    match (&facts.plan, &facts.pending) {
        (_, None) => finding(check, Verdict::Unknown, "the history could not be read"),
        (Err(refused), _) => {
            let what = match refused {
                Error::Renamed(_) => "it records other migrations under the versions of this build",
                Error::Drift(_) => "applied migrations were edited since",
                Error::OutOfOrder { .. } => {
                    "pending migrations are older than the newest applied one"
                }
                Error::Ahead { .. } => "it has migrations that this build does not have",
                _ => "it does not fit this build",
            };
            error(check, refused.kind(), format!("the history is refused: {what}"))
                .means("nothing is run")
                .way_out("run `status` to see the migrations, and `plan` to see the whole error")
        }
        (Ok(()), Some(pending)) => {
            let count = pending.len();
            let plural = if count == 1 { " is" } else { "s are" };
            finding(
                check,
                Verdict::Ok,
                format!("it fits this build; {count} migration{plural} pending"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mongo::server_error::ServerError,
        verbs::doctor::judge::tests::{healthy, of},
    };

    #[test]
    fn a_state_that_no_run_can_read_is_an_error_of_its_class() {
        let source = |code| Box::new(ServerError::in_reply("secret.host.example", Some(code)));
        let foreign = Error::Corrupt {
            collection: Some("users".to_owned()),
            id: "the document with `_id` anna@example.org".to_owned(),
            problem: "was not written by mongrate".to_owned(),
        };
        let reason = "it refuses a command: secret.host.example".to_owned();
        let table = [
            (foreign, Kind::NeedsOperator),
            (Error::Unauthorized { action: "x", source: source(13) }, Kind::Forbidden),
            (Error::Server { action: "x", source: source(8_000) }, Kind::Unavailable),
            (Error::UnsupportedServer { reason }, Kind::Unavailable),
        ];
        for (error, kind) in table {
            let mut facts = healthy();
            facts.state = Err(error);
            facts.pending = None;
            let found = of(&facts, Check::ControlCollection);
            assert_eq!((found.verdict, found.refused), (Verdict::Error, Some(kind)), "{found:?}");
            let text = format!("{found:?}");
            assert!(!text.contains("secret") && !text.contains("anna"), "{text}");
            assert_eq!(of(&facts, Check::History).verdict, Verdict::Unknown);
        }
    }

    #[test]
    fn a_history_that_up_refuses_is_an_error() {
        let mut facts = healthy();
        facts.plan = Err(Error::Drift(Vec::new()));
        let found = of(&facts, Check::History);
        assert_eq!(found.refused, Some(Kind::NeedsOperator));
        assert!(found.found.contains("edited"), "{found:?}");
    }
}
