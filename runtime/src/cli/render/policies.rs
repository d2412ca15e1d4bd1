//! The policies that hold, below the status.

use super::{
    style::{FAINT, paint, safe},
    table::wrapped,
    view::View,
};
use crate::PolicyReport;

pub(super) fn policies(all: &[PolicyReport], view: View) -> String {
    let mut text = String::new();
    for PolicyReport { rule, place, .. } in all {
        let line = format!("policy {} ({})", safe(rule), safe(place));
        for (at, line) in wrapped(&line, view, 2).iter().enumerate() {
            let mark = if at == 0 { paint(FAINT, "·") } else { " ".to_owned() };
            text += &format!("{mark} {line}\n");
        }
    }
    text
}
