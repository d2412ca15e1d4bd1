//! `wait_until_current`: a wait until nothing is pending, for what comes after the migrations.

use std::{fmt, future::IntoFuture, sync::Arc, time::Duration};

use super::{Boxed, Migrator};
use crate::{
    model::{
        error::Error,
        report::wait::{WaitReport, WaitingFor},
    },
    verbs::wait::WaitOptions,
};

/// The bounds of the time between two looks.
const EVERY: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(3_600);

impl Migrator {
    /// Waits until nothing is pending. Await the result. Applies nothing, takes no lock, writes nothing.
    ///
    /// For an app whose migrations another process applies, and for the init container of its pods. A server
    /// that cannot be reached is waited for, too. While nothing changes, each look is one command of constant
    /// size.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// use std::time::Duration;
    ///
    /// let wait = migrator.wait_until_current().timeout(Duration::from_secs(600));
    /// let report = wait.telling(|waiting_for| eprintln!("{waiting_for}")).await?;
    /// println!("waited {} ms", report.waited_ms);
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_until_current(&self) -> WaitUntilCurrent<'_> {
        let options = WaitOptions { every: Duration::from_secs(2), timeout: None, teller: None };
        WaitUntilCurrent { migrator: self, options }
    }
}

/// A wait until nothing is pending. Made by [`Migrator::wait_until_current`]; await it.
///
/// # Errors
///
/// - [`Error::Pending`]: migrations were still pending at the [`timeout`](Self::timeout).
/// - [`Error::Server`]: the server could not be reached until then.
/// - At once, as no wait helps: [`Error::Drift`], [`Error::Renamed`], [`Error::OutOfOrder`], [`Error::Ahead`]
///   (if the policy refuses), [`Error::Unauthorized`], [`Error::Standalone`], [`Error::Settings`] and the other
///   errors of [`Migrator::check`].
/// - [`Error::Cancelled`].
///
/// # Cancel safety
///
/// Safe to drop.
#[must_use = "nothing is waited for until it is awaited"]
pub struct WaitUntilCurrent<'a> {
    migrator: &'a Migrator,
    options: WaitOptions,
}

impl WaitUntilCurrent<'_> {
    /// The longest wait. Default: for ever.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// The time between two looks, 100 ms to 1 h. Default: 2 s.
    pub fn every(mut self, every: Duration) -> Self {
        self.options.every = every;
        self
    }

    /// Calls this each time that what is waited for changes.
    pub fn telling(mut self, teller: impl Fn(&WaitingFor) + Send + Sync + 'static) -> Self {
        self.options.teller = Some(Arc::new(teller));
        self
    }
}

impl fmt::Debug for WaitUntilCurrent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitUntilCurrent")
            .field("every", &self.options.every)
            .field("timeout", &self.options.timeout)
            .finish_non_exhaustive()
    }
}

impl<'a> IntoFuture for WaitUntilCurrent<'a> {
    type Output = Result<WaitReport, Error>;
    type IntoFuture = Boxed<'a, WaitReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if !EVERY.contains(&self.options.every) {
                let problem = "the time between two looks is 100 ms to 1 h".to_owned();
                return Err(Error::Settings { setting: "every", problem });
            }
            self.migrator.runner()?.wait_until_current(&self.options).await
        })
    }
}
