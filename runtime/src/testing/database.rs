//! A test's database.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{error::TestError, fixtures, schema};
use crate::{Direction, Error, Migration, Migrator, RunReport, Version};

/// The database of one test. Dereferences to the driver's; cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    database: mongodb::Database,
    about: Arc<About>,
}

/// What all clients of the database share.
#[derive(Clone, Debug)]
struct About {
    uri: String,
    group: Option<String>,
    collection: Option<String>,
    list: Option<Vec<Migration>>,
    package: PathBuf,
}

impl Database {
    pub(super) fn new(
        database: mongodb::Database,
        uri: &str,
        group: Option<&str>,
        package: &Path,
    ) -> Self {
        let about = About {
            uri: uri.to_owned(),
            group: group.map(str::to_owned),
            collection: None,
            list: None,
            package: package.to_owned(),
        };
        Self { database, about: Arc::new(about) }
    }

    /// The same migrations over another database or another client.
    pub(super) fn over(&self, database: mongodb::Database) -> Self {
        Self { database, about: Arc::clone(&self.about) }
    }

    /// The same database with an explicit list of migrations, in any order, instead of the linked
    /// ones. For a test of a part of them.
    #[must_use]
    pub fn with_migrations(&self, list: impl IntoIterator<Item = Migration>) -> Self {
        let list = Some(list.into_iter().collect());
        let about = About { list, ..(*self.about).clone() };
        Self { database: self.database.clone(), about: Arc::new(about) }
    }

    /// The same database with a control collection of this name, for an app that sets
    /// [`Migrator::collection`]. Begin with `at = 0`: the attribute records what it applies in the
    /// collection of the default name.
    #[must_use]
    pub fn with_collection(&self, name: impl Into<String>) -> Self {
        let about = About { collection: Some(name.into()), ..(*self.about).clone() };
        Self { database: self.database.clone(), about: Arc::new(about) }
    }

    /// The server's URI.
    pub fn uri(&self) -> &str {
        &self.about.uri
    }

    /// A migrator over the migrations of this test.
    pub fn migrator(&self) -> Migrator {
        let migrator = match &self.about.list {
            None => Migrator::new(&self.database),
            Some(list) => Migrator::with(&self.database, list.iter().copied()),
        };
        // A test does not wait for the night.
        let migrator = migrator.unthrottled();
        let migrator = match &self.about.group {
            None => migrator,
            Some(group) => migrator.group(group),
        };
        match &self.about.collection {
            None => migrator,
            Some(collection) => migrator.collection(collection),
        }
    }

    /// The name of the control collection.
    pub(super) fn control(&self) -> String {
        self.migrator().control_collection()
    }

    /// Applies what is pending.
    ///
    /// # Errors
    ///
    /// As [`Migrator::up`].
    pub async fn migrate(&self) -> Result<RunReport, Error> {
        self.migrator().up().await
    }

    /// Migrates to this version: rolls back newer migrations and applies pending ones up to and
    /// with it. 0: rolls back all.
    ///
    /// # Errors
    ///
    /// As [`Migrator::up`] and [`Migrator::down`].
    ///
    /// ```no_run
    /// # async fn example(db: mongrate::testing::Database) -> Result<(), mongrate::Error> {
    /// db.migrate_to(20250122003).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn migrate_to(&self, version: impl Into<Version>) -> Result<RunReport, Error> {
        let (version, migrator) = (version.into(), self.migrator());
        if version.get() == 0 {
            return migrator.down().all().await;
        }
        if !migrator.migrations()?.iter().any(|migration| migration.version() == version) {
            return Err(Error::UnknownVersion { version });
        }
        let plan = Box::pin(migrator.down().to(version).plan()).await;
        let newer = match plan {
            Ok(plan) => plan.steps.iter().any(|step| step.direction == Direction::Down),
            Err(Error::UnknownVersion { .. }) => false,
            Err(error) => return Err(error),
        };
        let mut steps = Vec::new();
        if newer {
            steps = migrator.down().to(version).await?.steps;
        }
        let mut report = migrator.up().to(version).await?;
        steps.append(&mut report.steps);
        Ok(RunReport { steps, ..report })
    }

    /// Loads `fixtures/<name>.json` of the test's package into the collection of this name, as
    /// the attribute's `fixtures` does: an array of documents, or one document a line, in
    /// MongoDB's extended JSON.
    ///
    /// # Errors
    ///
    /// [`TestError::SetUp`]: the file cannot be read or has another format, and nothing was
    /// inserted; or the server refuses one of the documents.
    pub async fn load_fixture(&self, name: &str) -> Result<(), TestError> {
        let path = self.about.package.join("fixtures").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| TestError::set_up(format!("read {}", path.display()), error))?;
        fixtures::load(&self.database, name, &text).await
    }

    /// Compares the [`snapshot`](super::schema::snapshot) of the schema with `schema.snap` beside
    /// the `Cargo.toml` of the test's package.
    ///
    /// With `MONGRATE_SNAPSHOT=update` it writes the file instead. If there is no file, it writes
    /// one and fails once, so that you look at it.
    ///
    /// ```no_run
    /// use mongrate::testing::{Database, TestError};
    ///
    /// #[mongrate::test]
    /// async fn the_schema_is_the_one_in_schema_snap(db: Database) -> Result<(), TestError> {
    ///     db.assert_schema().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TestError::Stale`], with the difference.
    pub async fn assert_schema(&self) -> Result<(), TestError> {
        self.assert_schema_in("schema.snap").await
    }

    /// [`assert_schema`](Self::assert_schema) with another file, relative to the package. For
    /// several groups.
    ///
    /// # Errors
    ///
    /// As [`assert_schema`](Self::assert_schema).
    pub async fn assert_schema_in(&self, file: impl AsRef<Path>) -> Result<(), TestError> {
        schema::assert(self, &self.control(), &self.about.package.join(file)).await
    }
}

impl Deref for Database {
    type Target = mongodb::Database;

    fn deref(&self) -> &Self::Target {
        &self.database
    }
}

impl From<Database> for mongodb::Database {
    fn from(database: Database) -> Self {
        database.database
    }
}
