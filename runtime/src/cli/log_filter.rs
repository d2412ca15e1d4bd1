//! The log filter from the arguments and the environment.

use std::env::VarError;

use tracing_subscriber::filter::{ParseError, Targets};

use super::{args::CliArgs, error::CliError};

/// In filters by span or field: `[run{batch=1}]=info`.
const BY_SPAN: [char; 2] = ['[', '{'];

/// Whether each log line is a JSON object, and the filter's directives; `None`: no filter was
/// given.
pub(crate) fn asked(args: &CliArgs) -> Result<(bool, Option<String>), CliError> {
    let from_env = match std::env::var("RUST_LOG") {
        Ok(filter) => Some(by_target(&filter)).filter(|filter| !filter.trim().is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            let message =
                "the environment variable RUST_LOG is not UTF-8; set it again, or unset it";
            return Err(CliError::usage("bad_log_filter", message));
        }
    };
    let asked = match (&args.log, args.verbose) {
        (Some(filter), _) => Some(filter.clone()),
        (None, 0) => from_env,
        (None, 1) => Some("warn,mongrate=info".to_owned()),
        (None, _) => Some("info,mongrate=debug".to_owned()),
    };
    Ok(asked.map_or((false, None), |asked| split_json(&asked)))
}

/// A value of `RUST_LOG` without filters by span or field: it may be meant for the whole app, and a log
/// filter stops no migration.
fn by_target(asked: &str) -> String {
    let mut depth = 0_i32;
    let outside = |char: char| {
        depth += match char {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        };
        char == ',' && depth <= 0
    };
    let has_target = |directive: &&str| !directive.contains(BY_SPAN);
    asked.split(outside).filter(has_target).collect::<Vec<_>>().join(",")
}

/// Whether each log line is a JSON object.
pub(super) fn is_json(args: &CliArgs) -> bool {
    asked(args).is_ok_and(|(json, _)| json)
}

/// Whether `json` is among the directives, and the others.
pub(crate) fn split_json(asked: &str) -> (bool, Option<String>) {
    let (json, rest): (Vec<&str>, Vec<&str>) =
        asked.split(',').partition(|directive| directive.trim() == "json");
    (!json.is_empty(), (!rest.is_empty()).then(|| rest.join(",")))
}

/// The filter of these directives: levels, and targets with a level each.
///
/// Filters by span or field are refused: they would need a library for regular expressions.
pub(super) fn parsed(directives: &str) -> Result<Targets, CliError> {
    let refused = |problem: &str| {
        let message = format!(
            "`{directives}` is not a log filter ({problem}); try `info`, or `mongrate=debug,info`"
        );
        CliError::usage("bad_log_filter", message)
    };
    if directives.contains(BY_SPAN) {
        return Err(refused("filters by span or field are not supported"));
    }
    let each = directives.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let trimmed = each.collect::<Vec<_>>().join(",");
    trimmed.parse().map_err(|error: ParseError| refused(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused_and_how_to_write_one_is_said() {
        for fine in
            ["warn", "off", "3", "mongrate", "mongrate=debug,info", "a::b=trace, off", "INFO"]
        {
            assert!(parsed(fine).is_ok(), "{fine}");
        }
        for wrong in ["mongrate=loud", "a=b=c", "[run]=info", "mongrate[run{batch=1}]=info"] {
            let error = parsed(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("mongrate=debug"), "{error}");
        }
    }

    #[test]
    fn what_the_environment_asks_for_spans_is_left_to_others() {
        assert_eq!(by_target("info,app[run{batch=1}]=debug,mongrate=warn"), "info,mongrate=warn");
        assert_eq!(by_target("app[run{a=1,b=2}]=debug,[run{a,b}]=info,warn"), "warn");
        assert_eq!(by_target("[run]=trace"), "");
    }

    #[test]
    fn json_is_a_form_and_no_target() {
        assert_eq!(split_json("json"), (true, None));
        assert_eq!(split_json("json,mongrate=debug"), (true, Some("mongrate=debug".to_owned())));
        assert_eq!(split_json("info,json"), (true, Some("info".to_owned())));
        assert_eq!(split_json("jsonrpc=info"), (false, Some("jsonrpc=info".to_owned())));
    }
}
