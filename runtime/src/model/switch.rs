//! A switch in an environment variable: on or off, and nothing else.

/// Reads a switch. `Ok(None)`: it is empty, which is as good as unset.
///
/// # Errors
///
/// What is wrong, if it is neither on nor off.
pub(crate) fn parse(text: &str) -> Result<Option<bool>, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "1" | "yes" | "on" => Ok(Some(true)),
        "false" | "0" | "no" | "off" => Ok(Some(false)),
        _ => Err(format!("`{}` is neither `true` nor `false`", text.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_on_nor_off_is_refused() {
        for on in ["true", " TRUE\n", "1", "yes", "On"] {
            assert_eq!(parse(on), Ok(Some(true)), "{on}");
        }
        for off in ["false", "0", "no", "OFF "] {
            assert_eq!(parse(off), Ok(Some(false)), "{off}");
        }
        assert_eq!(parse("  "), Ok(None));
        for wrong in ["ture", "2", "-", "enabled", "truefalse"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
