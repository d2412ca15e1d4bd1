//! What the streams of this process are told of changes, and who looks for them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What the streams of this process are told of changes.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    changed_here: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a task looks.
    looks: bool,
    /// The tag of the status as it was seen last; none while no task looks.
    tag: Option<String>,
}

impl Watch {
    /// The tag of the status as it was seen last, if somebody listens.
    pub(super) fn tag(&self) -> Option<String> {
        self.state().tag.clone()
    }

    /// Something was changed here: the next look comes at once.
    pub(super) fn changed_here(&self) {
        self.changed_here.notify_one();
    }

    /// Waits for a change that was made here.
    pub(super) async fn change(&self) {
        self.changed_here.notified().await;
    }

    /// Whether the caller is to look from now on, because nobody does.
    pub(super) fn begins(&self) -> bool {
        !std::mem::replace(&mut self.state().looks, true)
    }

    /// Whether the caller is to end looking, unless somebody listens. Under one lock: who begins to listen
    /// at this moment either is heard here, or begins to look.
    pub(super) fn ends(&self, is_heard: impl FnOnce() -> bool) -> bool {
        let mut state = self.state();
        let ends = !is_heard();
        if ends {
            *state = State::default();
        }
        ends
    }

    /// Whether this tag is another one than was seen last.
    pub(super) fn sees(&self, tag: &str) -> bool {
        let mut state = self.state();
        let is_new = state.tag.as_deref() != Some(tag);
        if is_new {
            state.tag = Some(tag.to_owned());
        }
        is_new
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
