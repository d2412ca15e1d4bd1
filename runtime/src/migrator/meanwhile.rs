//! The runner of a start. A long list is checked only if the first look at the database shows that it is not
//! applied: it was checked before it was applied.

use std::{pin::pin, sync::Mutex, time::Duration};

use tokio::{task::JoinError, time::timeout};

use super::Migrator;
use crate::{
    model::error::Error,
    protocol::control::Control,
    registry::{
        entry::MIGRATIONS,
        list::{List, Registry},
    },
    run::{Runner, peek},
};

/// From so many migrations on, checking them takes a share of a start that can be seen.
const LONG: usize = 1_000;

/// Longer than a server nearby takes to answer. Who waits longer than this has the time to check the list.
const SOON: Duration = Duration::from_millis(50);

impl Migrator {
    /// The runner of a start.
    ///
    /// If the database has just what a long list wants, and says so soon, the list is not checked
    /// ([`Registry::unchecked`] says why). Otherwise it is checked before this returns, and if it is not sound,
    /// no server is waited for.
    ///
    /// A list may have become unsound after it was applied, without a change of a checksum. A start refuses it
    /// only if the server is slow.
    pub(crate) async fn runner_meanwhile(&self) -> Result<Runner, Error> {
        let list = self.list.clone().unwrap_or(List::Linked(&MIGRATIONS));
        if list.len() < LONG {
            return self.runner();
        }
        self.check_settings()?;
        let settings = &self.settings;
        let unchecked =
            Registry::unchecked(list, &settings.group).selecting(settings.labels.clone());
        let control = Control::new(&self.database, settings.collection_name(), settings.retries);
        let look = async {
            tokio::select! {
                found = peek::peek(&control, settings.local_takeover) => Some(found),
                () = self.cancel.cancelled() => None,
            }
        };
        // In this order: the command goes out first.
        let look = async { tokio::join!(look, async { unchecked.digest() }) };
        let mut look = pin!(look);
        let early = timeout(SOON, look.as_mut()).await.ok();
        if let Some((Some(Ok(peek)), digest)) = &early
            && digest.count() > 0
            && peek.applied.as_ref() == Some(digest)
        {
            let found = early.and_then(|(found, _)| found);
            return Ok(self.runner_after(found, unchecked.clone()));
        }
        let (found, registry) = match early {
            Some((found, _)) => (found, self.checked().await?),
            // A list that is not sound ends it at once.
            None => {
                let look = async { Ok(look.await.0) };
                tokio::try_join!(look, self.checked())?
            }
        };
        Ok(self.runner_after(found, registry))
    }

    /// The runner after a first look; `None`: the look was cancelled.
    fn runner_after(&self, found: Option<Result<peek::Peek, Error>>, registry: Registry) -> Runner {
        let mut runner = self.runner_of(registry);
        runner.first_look = Mutex::new(found.map(Box::new));
        runner
    }

    /// The migrations, checked in a thread that may block.
    async fn checked(&self) -> Result<Registry, Error> {
        let migrator = self.clone();
        let checking = tokio::task::spawn_blocking(move || {
            let registry = migrator.registry()?;
            registry.digest();
            Ok::<_, Error>(registry)
        });
        match checking.await.map_err(JoinError::try_into_panic) {
            Ok(registry) => registry,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime ends, and this call with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}
