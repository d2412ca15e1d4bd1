//! The migrations up to a version, in an empty scratch database.

use std::{future::Future, pin::Pin};

use super::{
    rights,
    scratch::{self, Scratch},
};
use crate::{
    model::{error::Error, version::Version},
    run::{
        Runner,
        execute::RunOptions,
        plan::{Goal, UpTarget},
    },
};

/// What is done in the scratch database after the migrations.
pub(crate) type Then<T> =
    Box<dyn FnOnce(Runner) -> Pin<Box<dyn Future<Output = Result<T, Error>> + Send>> + Send>;

impl Runner {
    /// Applies the migrations up to a version in an empty scratch database, and lets `then` look at it.
    /// The scratch database is dropped, also when this future is dropped.
    pub(crate) async fn alone_up_to<T: Send + 'static>(
        &self,
        to: Version,
        then: Then<T>,
    ) -> Result<T, Error> {
        if !self.registry.has_version(to) {
            return Err(Error::UnknownVersion { version: to });
        }
        self.refuse_sharded().await?;
        let name = scratch::new_name();
        rights::check(&self.control.database, &name).await?;
        scratch::sweep(&self.control.database).await;
        let stop = self.cancel.child_token();
        let on_drop = stop.clone().drop_guard();
        let mut runner = self.in_scratch(&name, &stop);
        runner.settings.unthrottled = true;
        let source = self.control.clone();
        let ended = tokio::spawn(async move {
            let scratch = Scratch::make(&source.database, &name, &runner.who).await?;
            let work = tokio::spawn(async move {
                let goal = Goal::Up(UpTarget { to: Some(to), steps: None });
                runner.run(&goal, RunOptions::default()).await?;
                then(runner).await
            });
            let done = work.await;
            Ok::<_, Error>((done, scratch.drop().await))
        })
        .await;
        drop(on_drop);
        match ended {
            Ok(made) => match made? {
                (Ok(done), dropped) => {
                    let done = done?;
                    dropped.map(|()| done)
                }
                (Err(error), _) => Err(self.broken(error)),
            },
            Err(error) => Err(self.broken(error)),
        }
    }
}
