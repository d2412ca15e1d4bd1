//! Operations of a declared migration as Rust code. Pure.

/// The longest line, and the longest chain of calls on one line: as `rustfmt` has them by default.
const LINE_CHARS_MAX: usize = 100;
const CHAIN_CHARS_MAX: usize = 60;

/// What the operations import.
pub(super) fn imports(operations: &[String]) -> &'static str {
    match operations.iter().any(|operation| operation.contains("doc! {")) {
        true => "use mongrate::{Change, bson::doc, migration};\n",
        false => "use mongrate::{Change, migration};\n",
    }
}

/// The statements of the function.
pub(super) fn body(operations: &[String]) -> String {
    operations.iter().map(|operation| statement(operation)).collect()
}

/// An operation as a statement. A long one has a line for each call.
fn statement(operation: &str) -> String {
    let (mut broken, mut calls) = (String::from("    "), 0);
    let (mut depth, mut is_quoted, mut is_escaped) = (0_u32, false, false);
    for letter in operation.chars() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted => depth = depth.saturating_sub(1),
            '.' if !is_quoted && depth == 0 => {
                broken += "\n        ";
                calls += 1;
            }
            _ => {}
        }
        broken.push(letter);
    }
    let chars = operation.trim_end_matches(';').chars().count();
    let limit = if calls > 1 { CHAIN_CHARS_MAX } else { LINE_CHARS_MAX - 5 };
    if chars <= limit { format!("    {operation}\n") } else { broken + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_operation_has_a_line_for_each_call() {
        let short = "change.drop_collection(\"a\");";
        assert_eq!(statement(short), format!("    {short}\n"));
        let long = format!(
            "change.create_index(\"a.b\", doc! {{ \"x.y\": 1 }}).partial_filter(doc! {{ \"{}\": \
             1.5 }}).unique(true);",
            "a\\\".".repeat(20)
        );
        let lines: Vec<String> = statement(&long).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert_eq!(lines[0], "    change");
        assert_eq!(lines[1], "        .create_index(\"a.b\", doc! { \"x.y\": 1 })");
        assert_eq!(lines[3], "        .unique(true);");
    }

    #[test]
    fn what_is_not_used_is_not_imported() {
        assert!(imports(&["change.create_index(\"a\", doc! { });".to_owned()]).contains("bson"));
        assert!(!imports(&["change.unset_validator(\"a\");".to_owned()]).contains("bson"));
    }
}
