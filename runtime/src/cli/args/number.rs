//! Numbers as arguments. The parsers of std say only "invalid digit found in string".

use std::str::FromStr;

use crate::Version;

pub(super) fn version(text: &str) -> Result<Version, String> {
    let rule = "a version is a whole number, such as 20250122001; `status` lists them";
    text.parse().map_err(|_| of_its_size(text, rule))
}

/// A version, or the number that stands for a repeatable migration of this name.
pub(super) fn version_or_name(text: &str) -> Result<Version, String> {
    let is_name = text.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if is_name {
        return Ok(Version::new(mongrate_seal::repeatable_number(text)));
    }
    version(text)
}

/// A count or a number that Mongrate has shown. What it means the verb judges.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| of_its_size(text, "expected a whole number, such as 100"))
}

/// What is wrong with a text that is not taken as a number: `rule`, if it is none.
fn of_its_size(text: &str, rule: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number, sign) {
        (false, _) => rule.to_owned(),
        (true, false) => "this number is too large".to_owned(),
        (true, true) => "this number must not be below 0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{version, whole};
    use crate::cli::usage::CommandLine;

    #[test]
    fn a_number_of_another_size_is_not_called_a_word() {
        let said = |text| whole::<u32>(text).unwrap_err();
        assert_eq!(said("5000000000"), "this number is too large");
        assert_eq!(said("-1"), "this number must not be below 0");
        assert_eq!(said("1.5"), "expected a whole number, such as 100");
        assert_eq!(version(&"9".repeat(25)).unwrap_err(), "this number is too large");
        assert_eq!(
            version("-"),
            Err("a version is a whole number, such as 20250122001; `status` lists them".to_owned())
        );
    }

    /// Every option and argument of every verb, with a word in place of its value.
    #[test]
    fn a_word_in_place_of_a_number_is_told_what_is_expected() {
        let mut numbers = 0;
        let mut unclear = Vec::new();
        let command = CommandLine::command();
        let mut open: Vec<(Vec<String>, clap::Command)> = vec![(vec!["shop".to_owned()], command)];
        while let Some((path, command)) = open.pop() {
            for verb in command.get_subcommands() {
                let path = path.iter().cloned().chain([verb.get_name().to_owned()]).collect();
                open.push((path, verb.clone()));
            }
            for argument in command.get_arguments() {
                let mut line = path.clone();
                line.extend(argument.get_long().map(|long| format!("--{long}=1x")));
                if argument.is_positional() {
                    line.push("1x".to_owned());
                }
                let Err(error) = CommandLine::command().try_get_matches_from(&line) else {
                    continue;
                };
                let text = error.to_string();
                numbers += usize::from(text.contains("whole number"));
                if ["invalid digit", "integer", "fit in target"].iter().any(|it| text.contains(it))
                {
                    unclear.push(text);
                }
            }
        }
        assert!(unclear.is_empty(), "{unclear:#?}");
        assert!(numbers > 10, "{numbers}");
    }
}
