//! The answer to a made-up event.

use super::style::{ERROR, GOOD, paint, safe};
use crate::webhook::WebhookAnswer;

pub(crate) fn answer(answer: &WebhookAnswer) -> String {
    let (to, event) = (safe(&answer.to), safe(&answer.event));
    let mut text = match (&answer.problem, answer.status) {
        (None, status) => format!(
            "{} {to} accepted a sample of `{event}` (status {}, {} ms)\n",
            paint(GOOD, "✓"),
            status.unwrap_or_default(),
            answer.duration_ms
        ),
        (Some(problem), _) => format!(
            "{} {to} did not accept a sample of `{event}`: {} ({} ms)\n",
            paint(ERROR, "✗"),
            safe(problem),
            answer.duration_ms
        ),
    };
    if !answer.answer.is_empty() {
        text += &format!("  answer: {}\n", safe(&answer.answer));
    }
    text
}
