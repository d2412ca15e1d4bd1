//! The reports of `lock-status` and `force-unlock`.

use super::{
    steering::orders,
    style::{ACCENT, FAINT, GOOD, WARNING, paint, safe},
    view::View,
};
use crate::{
    LockReport, UnlockReport,
    cli::duration::{ago, human},
};

pub(crate) fn lock(report: &LockReport, view: View) -> String {
    if report.held {
        return lock_line(report) + &orders(report);
    }
    let mut text = format!("{} the lock is free", paint(GOOD, "✓"));
    if report.fence > 0 {
        text += &paint(FAINT, format!(" · last fence {}", report.fence));
    }
    text.push('\n');
    if let Some(holder) = &report.holder {
        let since = report
            .expires_at
            .map(|at| ago(view.now.signed_duration_since(at).num_seconds()))
            .map(|ago| format!("; its lease ran out {ago}"))
            .unwrap_or_default();
        let ended = if report.dead { "; that process has ended" } else { "" };
        text += &format!(
            "  {} held it last and did not release it{since}{ended}\n",
            safe(&holder.to_string())
        );
    }
    text + &orders(report)
}

fn lock_line(lock: &LockReport) -> String {
    let holder =
        lock.holder.as_ref().map_or_else(|| "an unknown process".to_owned(), ToString::to_string);
    let since = lock
        .since
        .map(|since| format!(" since {} UTC", since.format("%Y-%m-%d %H:%M:%S")))
        .unwrap_or_default();
    if lock.dead {
        return format!(
            "{} locked by {}{since}, fence {}: that process has ended; its lease ends in {} at the \
             latest, and the next run takes the lock\n",
            paint(WARNING, "●"),
            safe(&holder),
            lock.fence,
            human(lock.remaining_ms),
        );
    }
    let waits = lock.waits_for_transaction.map(|wait| {
        format!(
            "  it waits until the server ends a transaction that a former process left open: since \
             {} UTC, until {} UTC at the latest\n",
            wait.since.format("%H:%M:%S"),
            wait.until.format("%H:%M:%S"),
        )
    });
    let place = lock
        .position
        .as_ref()
        .map(|position| format!("  migration {} of {}\n", position.at, position.of));
    format!(
        "{} locked by {}{since}, fence {}, for another {} unless renewed\n{}{}",
        paint(ACCENT, "●"),
        safe(&holder),
        lock.fence,
        human(lock.remaining_ms),
        place.unwrap_or_default(),
        waits.unwrap_or_default(),
    )
}

pub(crate) fn unlock(report: &UnlockReport) -> String {
    let holder =
        report.holder.as_ref().map_or_else(|| "an unknown process".to_owned(), ToString::to_string);
    format!(
        "{} took the lock with fence {} from {}{}\n",
        paint(GOOD, "✓"),
        report.fence,
        safe(&holder),
        if report.was_live { ", whose lease was still running" } else { "" }
    )
}
