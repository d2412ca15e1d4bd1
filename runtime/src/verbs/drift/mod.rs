//! `drift`: the live schema next to the schema that the migrations of this build lead to.

#[cfg(feature = "cli")]
pub(crate) mod adopt;
#[cfg(feature = "cli")]
mod code;
pub(crate) mod compare;
mod fields;
mod fix;
pub(crate) mod live;
mod sample;
mod wanted;

use mongrate_seal::models::{FILE, Snapshot};

use crate::{
    kinds::change::mentioned::Mentioned,
    model::{
        error::Error,
        ignore::IgnoreList,
        report::schema_drift::{SchemaDifference, SchemaDriftReport},
    },
    protocol::read::read_all,
    registry::{
        migration::Migration,
        models::{descriptor::SNAPSHOTS, led_to::led_to},
    },
    run::{Runner, plan},
    telemetry::metrics,
};
#[cfg(feature = "testing")]
use crate::{model::config::Settings, protocol::control::Control};

/// The most documents of a collection that are sampled.
const SAMPLE_MAX: u32 = 1_000_000;

/// What `drift` compares.
#[derive(Clone, Debug, Default)]
pub(crate) struct DriftOptions {
    pub(crate) ignored: IgnoreList,
    /// How many documents of each collection are sampled; `None`: none.
    pub(crate) sample: Option<u32>,
    /// The text of a `models.snap`, instead of those that are linked.
    pub(crate) models: Option<String>,
}

impl DriftOptions {
    fn check(&self) -> Result<(), Error> {
        self.ignored.check()?;
        if self.sample.is_some_and(|sample| !(1..=SAMPLE_MAX).contains(&sample)) {
            let problem = format!("is not between 1 and {SAMPLE_MAX} documents");
            return Err(Error::Settings { setting: "sample", problem });
        }
        Ok(())
    }

    fn expected(&self) -> Result<Snapshot, Error> {
        let linked = match &self.models {
            Some(text) => {
                let parsed = Snapshot::parse(text).map_err(|fault| fault.to_string());
                parsed.map(Some).map_err(|problem| Error::Registry { problems: vec![problem] })
            }
            None => led_to(&SNAPSHOTS),
        };
        linked?.ok_or_else(|| Error::Settings {
            setting: FILE,
            problem: "no package of this build has this file, so it is not known which schema the \
                      migrations lead to; derive `mongrate::Model` for the types of your \
                      documents, and let `cargo mongrate diff` or `cargo mongrate models init` \
                      write the file"
                .to_owned(),
        })
    }
}

/// Returns how the collections of models differ from what the models want. Other collections do not
/// count, and neither does what migrations declare besides.
#[cfg(feature = "testing")]
pub(crate) async fn of_models(
    database: &mongodb::Database,
    models: &Snapshot,
) -> Result<Vec<SchemaDifference>, Error> {
    let settings = Settings::default();
    let control = Control::new(database, settings.collection_name(), settings.retries);
    let mut live = live::collections(&control, &IgnoreList::default()).await?;
    live.retain(|live| models.collections.contains_key(&live.name));
    Ok(compare::differences(models, &Mentioned::default(), &live))
}

impl Runner {
    pub(crate) async fn drift(&self, options: &DriftOptions) -> Result<SchemaDriftReport, Error> {
        options.check()?;
        let expected = options.expected()?;
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let pending = plan::pending(&self.registry, &history).map(Migration::named).collect();
        let ahead = plan::ahead(&self.registry, &history);

        let live = live::collections(&self.control, &options.ignored).await?;
        let mut mentioned = Mentioned::default();
        for declare in self.registry.of_all_groups().iter().filter_map(Migration::declaration) {
            mentioned.add(declare);
        }
        let ignored = |difference: &SchemaDifference| {
            options.ignored.hides(&difference.collection, difference.index.as_deref())
        };
        let all = compare::differences(&expected, &mentioned, &live);
        let (hidden, differences): (Vec<_>, Vec<_>) = all.into_iter().partition(ignored);
        metrics::drifted(&self.settings.group, self.control.database.name(), differences.len());
        let samples = match options.sample {
            None => Vec::new(),
            Some(documents) => sample::samples(&self.control, &live, &expected, documents).await?,
        };
        Ok(SchemaDriftReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            compared: expected.collections.len(),
            differences,
            ignored: hidden.len(),
            pending,
            ahead,
            samples,
        })
    }
}
