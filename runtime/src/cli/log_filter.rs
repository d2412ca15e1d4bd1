//! The log filter from the arguments and the environment.

use std::env::VarError;

use super::{args::CliArgs, error::CliError};

/// Whether each log line is a JSON object, and the filter's directives; `None`: no filter was
/// given.
pub(crate) fn asked(args: &CliArgs) -> Result<(bool, Option<String>), CliError> {
    let from_env = match std::env::var("RUST_LOG") {
        Ok(filter) => Some(filter).filter(|filter| !filter.trim().is_empty()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_a_form_and_no_target() {
        assert_eq!(split_json("json"), (true, None));
        assert_eq!(split_json("json,mongrate=debug"), (true, Some("mongrate=debug".to_owned())));
        assert_eq!(split_json("info,json"), (true, Some("info".to_owned())));
        assert_eq!(split_json("jsonrpc=info"), (false, Some("jsonrpc=info".to_owned())));
    }
}
