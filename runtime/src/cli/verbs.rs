//! Each verb: arguments in, one call of the library, a report out.

use std::{future::IntoFuture, sync::OnceLock};

use chrono::Utc;
use mongrate_seal::create::NewMigration;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    app::Cli,
    args::{
        CliArgs,
        common::{DryRunArgs, UpTargetArgs},
        release::AloneArgs,
        steering::AskArgs,
        verb::{
            BaselineArgs, Command, CreateArgs, DownArgs, ForceUnlockArgs, ImportArgs, PurgeArgs,
            RedoArgs, RepairArgs, ResolveArgs, SchemaArgs, UpArgs,
        },
    },
    completions, confirm,
    connect::unless_cancelled,
    error::CliError,
    line::Progress,
    mapping,
    out::Out,
    plan_file, progress,
    render::{
        self, doctor, dry_run, lock, notes, operator, plan, run, status, style::safe, view::View,
    },
};
use crate::{
    Down, Kind, Migrator, Named, Observer, Purge, Redo, Resolution, State, Steering, Up,
    migrator::{
        listen::LastWait,
        mode::{Mode, ModeReport},
    },
};

/// A verb's report, as text and as JSON, with the exit code.
pub(super) struct Output {
    pub(super) text: String,
    pub(super) json: Value,
    pub(super) exit_code: u8,
    /// It was printed while the verb ran.
    pub(super) is_printed: bool,
}

impl Output {
    pub(super) fn new<T: Serialize>(report: &T, text: impl Into<String>) -> Result<Self, CliError> {
        let json = serde_json::to_value(report).map_err(|error| {
            CliError::new(
                Kind::Failed,
                "io",
                format!("the report cannot be written as JSON: {error}"),
            )
        })?;
        Ok(Self { text: text.into(), json, exit_code: 0, is_printed: false })
    }
}

/// What a verb needs while it runs.
pub(super) struct VerbRun<'a> {
    pub(super) cli: &'a Cli,
    pub(super) args: &'a CliArgs,
    pub(super) out: Out,
    /// Whether log lines already say that a run waits for the lock.
    pub(super) is_logged: bool,
    pub(super) cancel: &'a CancellationToken,
    /// The listeners of the run, once it has some.
    pub(super) last: OnceLock<LastWait>,
}

impl VerbRun<'_> {
    pub(super) async fn output(&self, command: &Command) -> Result<Output, CliError> {
        match command {
            Command::Create(args) => return self.create(args),
            Command::Completions(args) => return self.completions(args.shell),
            Command::Wait(args) => return self.wait(*args).await,
            #[cfg(feature = "webhook")]
            Command::Webhook(args) => return self.webhook(args).await,
            _ => {}
        }
        // Before a connection is made: what is wrong with a webhook is no surprise after a run.
        #[cfg(feature = "webhook")]
        if let Some(webhook) = webhook_of(command) {
            webhook.webhook()?;
        }
        confirm::refuse_unasked(self.out, command)?;
        let dry_run = dry_run_of(command);
        if let Some(contradiction) = dry_run.contradiction() {
            return Err(CliError::usage("usage", format!("{contradiction}; nothing was run")));
        }
        // The driver copies every command for an observer, so only a dry run has one.
        let observer = dry_run.how().map(|_| Observer::new());
        let connecting = self.cli.connect_observed(self.args, observer.as_ref());
        let connection = unless_cancelled(self.cancel, connecting).await?;
        let migrator = self.cli.migrator(self.args, connection.database());
        let mut migrator = migrator
            .called_by_cli()
            .cancel_on(self.cancel.clone())
            .progress(progress::listener(self.out, self.is_logged));
        if let Some(observer) = &observer {
            migrator = migrator.observer(observer);
        }
        #[cfg(feature = "webhook")]
        if let Some(webhook) = webhook_of(command) {
            migrator = webhook.apply(migrator)?;
        }
        // The result comes first.
        let (migrator, last) = migrator.wait_later();
        let _ = self.last.set(last);
        let output = self.with_migrator(command, migrator).await;
        connection.close().await;
        output
    }

    async fn with_migrator(
        &self,
        command: &Command,
        migrator: Migrator,
    ) -> Result<Output, CliError> {
        let view = self.view();
        match command {
            Command::Status(args) if args.watch => self.watch(*args, &migrator).await,
            Command::Status(_) => {
                let report = self.read("reading the status", migrator.status()).await?;
                Output::new(&report, status::status(&report, view))
            }
            Command::Pause(args) => self.steer(migrator.pause(), args).await,
            Command::Resume(args) => self.steer(migrator.resume(), args).await,
            Command::Cancel(args) => self.steer(migrator.cancel_run(), args).await,
            Command::Tune(args) => {
                let tune = migrator.tune(args.settings.tuning()).reset(args.reset);
                self.steer(tune, &args.ask).await
            }
            Command::Plan(args) => {
                let migrator = args.lints.apply(args.policy.apply(migrator));
                if let Some(path) = &args.out.out {
                    let plan = up(&migrator, args.target).plan_file();
                    let plan = self.read("planning", plan).await?;
                    let (report, text) = plan_file::write(path, args.out.force, &plan)?;
                    return Output::new(&report, text);
                }
                let up = up(&migrator, args.target).lint(!args.lints.no_lint);
                self.execute(Mode::Plan, "planning", up.in_mode(Mode::Plan)).await
            }
            Command::History(args) => self.history(args, &migrator).await,
            Command::Audit(args) => {
                let migrator = args.lock.apply(migrator);
                self.audit(args, migrator).await
            }
            Command::Check(args) => {
                let migrator = args.lints.apply(args.policy.apply(migrator));
                let check = migrator.check().strict(args.strict).allow_pending(args.allow_pending);
                let report = self.read("checking", check.into_future()).await?;
                Output::new(&report, operator::check(&report))
            }
            Command::Drift(args) => self.drift(args, migrator).await,
            Command::Doctor(args) => {
                let report = self.read("looking at the server", migrator.doctor()).await?;
                let mut output = Output::new(&report, doctor::doctor(&report, view))?;
                let warned = (args.strict && !report.is_healthy()).then_some(Kind::NeedsOperator);
                if let Some(kind) = report.refused().or(warned) {
                    output.exit_code = kind.exit_code();
                }
                Ok(output)
            }
            Command::Schema(SchemaArgs { at: Some(version), data }) => {
                let reading = migrator.schema_at(*version, data.iter().cloned());
                let report =
                    self.read("running the migrations in a scratch database", reading).await?;
                let text = report.schema.clone();
                Output::new(&report, text)
            }
            Command::Schema(_) => {
                let schema = self.read("reading the schema", migrator.schema()).await?;
                Output::new(&json!({ "schema": schema }), schema)
            }
            Command::LockStatus => {
                let report = self.read("looking at the lock", migrator.lock_status()).await?;
                Output::new(&report, lock::lock(&report, view))
            }
            Command::Up(args) => self.up(args, migrator).await,
            Command::Down(args) => self.down(args, args.lock.apply(migrator)).await,
            Command::Redo(args) => self.redo(args, args.lock.apply(migrator)).await,
            Command::ForceUnlock(args) => self.force_unlock(*args, migrator).await,
            Command::Baseline(args) => self.baseline(args, args.lock.apply(migrator)).await,
            Command::Import(args) => self.import(args, args.lock.apply(migrator)).await,
            Command::Resolve(args) => self.resolve(args, args.lock.apply(migrator)).await,
            Command::Tag(args) => self.tag(args, args.lock.apply(migrator)).await,
            Command::Repair(args) => self.repair(args, args.lock.apply(migrator)).await,
            Command::Purge(args) => self.purge(args, args.lock.apply(migrator)).await,
            Command::Create(_) | Command::Completions(_) | Command::Wait(_) => {
                unreachable!("answered before a connection is made")
            }
            #[cfg(feature = "webhook")]
            Command::Webhook(_) => unreachable!("answered without a database"),
        }
    }

    async fn up(&self, args: &UpArgs, migrator: Migrator) -> Result<Output, CliError> {
        let migrator = args.lints.apply(args.lock.apply(args.policy.apply(migrator)));
        let lint = !args.lints.no_lint;
        let approved = args.plan.as_deref().map(plan_file::read).transpose()?;
        let up = || {
            let up = up(&migrator, args.target)
                .continue_on_error(args.continue_on_error)
                .atomic(args.atomic)
                .tuning(args.tuning.tuning())
                .lint(lint);
            let up = match args.begin.not_before {
                Some(moment) => up.not_before(moment),
                None => up,
            };
            match &approved {
                Some(plan) => up.approved(plan),
                None => up,
            }
        };
        let mode = args.dry_run.mode();
        // Those who approved a plan have seen its lints.
        if mode == Mode::Run && lint && approved.is_none() {
            self.warn(up()).await?;
        }
        self.execute(mode, "looking for what is pending", up().in_mode(mode)).await
    }

    async fn steer(&self, steering: Steering<'_>, args: &AskArgs) -> Result<Output, CliError> {
        let why = args.why.clone().unwrap_or_default();
        let line = Progress::start("asking");
        let report = steering.why(why).fence(args.fence).await?;
        drop(line);
        Output::new(&report, render::steering::steering(&report))
    }

    async fn down(&self, args: &DownArgs, migrator: Migrator) -> Result<Output, CliError> {
        if let Some(path) = &args.out.out {
            let plan = self.read("planning", down(&migrator, args).plan_file()).await?;
            let (report, text) = plan_file::write(path, args.out.force, &plan)?;
            return Output::new(&report, text);
        }
        if let Some(path) = &args.plan {
            let plan = plan_file::read(path)?;
            let down = down(&migrator, args).approved(&plan).in_mode(Mode::Run);
            return self.execute(Mode::Run, "looking for what to roll back", down).await;
        }
        let mode = args.dry_run.mode();
        if mode == Mode::Run && !args.confirm.yes {
            let plan = self.read("planning", down(&migrator, args).plan()).await?;
            if plan.steps.is_empty() {
                return Output::new(&plan, plan::plan(&plan, self.view()));
            }
            if !self.out.is_interactive() {
                return Err(confirm::refuse("down", "--yes"));
            }
            self.out.note(&plan::proposal(&plan, self.view()));
            self.ask("Roll back?").await?;
        }
        let down = down(&migrator, args).in_mode(mode);
        self.execute(mode, "looking for what to roll back", down).await
    }

    async fn redo(&self, args: &RedoArgs, migrator: Migrator) -> Result<Output, CliError> {
        let mode = args.dry_run.mode();
        if mode == Mode::Run && !args.confirm.yes {
            let plan = self.read("planning", redo(&migrator, args).plan()).await?;
            if plan.steps.is_empty() {
                return Output::new(&plan, plan::plan(&plan, self.view()));
            }
            self.out.note(&plan::proposal(&plan, self.view()));
            self.ask("Roll back and apply again?").await?;
        }
        self.execute(mode, "looking for what to redo", redo(&migrator, args).in_mode(mode)).await
    }

    async fn force_unlock(
        &self,
        args: ForceUnlockArgs,
        migrator: Migrator,
    ) -> Result<Output, CliError> {
        if !args.confirm {
            let lock = self.read("looking at the lock", migrator.lock_status()).await?;
            self.out.note(&lock::lock(&lock, self.view()));
            self.ask(&format!("Take the lock with fence {} away?", args.fence)).await?;
        }
        let line = Progress::start("unlocking");
        let report = migrator.force_unlock(args.fence).await?;
        drop(line);
        Output::new(&report, lock::unlock(&report))
    }

    async fn baseline(&self, args: &BaselineArgs, migrator: Migrator) -> Result<Output, CliError> {
        if !args.confirm.yes {
            let status = self.read("reading the status", migrator.status()).await?;
            let is_known =
                status.migrations.iter().any(|migration| migration.version == args.version);
            let missing: Vec<Named> = status
                .migrations
                .into_iter()
                .filter(|migration| {
                    migration.version <= args.version
                        && !migration.repeatable
                        && !matches!(
                            migration.state,
                            State::Applied | State::Skipped | State::Replaced
                        )
                })
                .map(|migration| Named { version: migration.version, name: migration.name })
                .collect();
            // If nothing would be recorded, there is nothing to confirm.
            if is_known && !missing.is_empty() {
                self.out.note(&notes::names(&missing));
                self.ask(&format!(
                    "Record {} as applied in `{}`, without running any?",
                    match missing.len() {
                        1 => "this one".to_owned(),
                        count => format!("these {count}"),
                    },
                    safe(migrator.database().name())
                ))
                .await?;
            }
        }
        let line = Progress::start("recording");
        let report = migrator.baseline(args.version).await?;
        drop(line);
        Output::new(&report, operator::record(&report))
    }

    async fn import(&self, args: &ImportArgs, migrator: Migrator) -> Result<Output, CliError> {
        let mapping = mapping::read(args)?;
        let import = || {
            let mut import = migrator.import(args.from).allow_unmatched(args.allow_unmatched);
            if let Some(collection) = &args.from_collection {
                import = import.collection(collection);
            }
            import.mapping(mapping.clone())
        };
        if args.dry_run || !args.confirm.yes {
            let preview = self.read("reading the other tool's history", import().preview()).await?;
            let text = operator::import(&preview);
            if args.dry_run {
                return Output::new(&preview, text);
            }
            self.out.note(&text);
            // No question if the next call refuses, or has nothing to record.
            let refused = !preview.unmatched.is_empty() && !args.allow_unmatched;
            if !refused && !preview.imported.is_empty() {
                self.ask("Record them as applied, without running any?").await?;
            }
        }
        let line = Progress::start("recording");
        let report = import().await?;
        drop(line);
        Output::new(&report, operator::import(&report))
    }

    async fn resolve(&self, args: &ResolveArgs, migrator: Migrator) -> Result<Output, CliError> {
        let answer = Resolution::from(args.answer);
        if !args.confirm.yes {
            let consequence = match answer {
                Resolution::Applied => "applied: `up` will not run it",
                Resolution::Pending => "pending: `up` will apply it from the start",
                Resolution::Undone => {
                    "no longer applied: nothing of it is rolled back, and `up` will apply it again"
                }
            };
            // A repeatable migration is known by its name alone.
            let known = migrator.migrations()?;
            let named =
                known.iter().find(|one| one.version() == args.version).map(|one| one.named());
            let named = named.map_or_else(|| args.version.to_string(), |named| named.to_string());
            self.ask(&format!("Record {named} as {consequence}?")).await?;
        }
        let line = Progress::start("recording");
        let report = migrator.resolve(args.version, answer).await?;
        drop(line);
        Output::new(&report, operator::record(&report))
    }

    async fn repair(&self, args: &RepairArgs, migrator: Migrator) -> Result<Output, CliError> {
        let repair = || {
            args.renamed.iter().fold(migrator.repair(), |repair, version| repair.renamed(*version))
        };
        if args.dry_run || !args.confirm.yes {
            let preview = self.read("comparing", repair().preview()).await?;
            let text = operator::repair(&preview);
            let nothing = preview.checksums.is_empty() && preview.renamed.is_empty();
            if args.dry_run || (nothing && !preview.digest_rebuilt) {
                return Output::new(&preview, text);
            }
            self.out.note(&text);
            self.ask("Record them?").await?;
        }
        let line = Progress::start("recording");
        let report = repair().await?;
        drop(line);
        Output::new(&report, operator::repair(&report))
    }

    async fn purge(&self, args: &PurgeArgs, migrator: Migrator) -> Result<Output, CliError> {
        if args.dry_run || !args.confirm.yes {
            let preview = self.read("looking for what is kept", purge(&migrator, args).preview());
            let preview = preview.await?;
            let text = operator::purge(&preview, self.view());
            if args.dry_run || preview.collections.is_empty() {
                return Output::new(&preview, text);
            }
            self.out.note(&text);
            self.ask("Remove these collections for good?").await?;
        }
        let line = Progress::start("removing");
        let report = purge(&migrator, args).await?;
        drop(line);
        Output::new(&report, operator::purge(&report, self.view()))
    }

    fn create(&self, args: &CreateArgs) -> Result<Output, CliError> {
        let dir = args.dir.as_deref().unwrap_or(&self.cli.migrations_dir);
        let created = NewMigration::named(&args.name)?
            .template(args.kind.into())
            .reversible(args.reversible)
            .write(dir, Utc::now().naive_utc())?;
        Output::new(&created, operator::created(&created))
    }

    fn completions(&self, shell: clap_complete::Shell) -> Result<Output, CliError> {
        let script = completions::script(shell, self.cli);
        Output::new(&json!({ "shell": shell.to_string(), "script": script }), script)
    }

    /// Awaits `work`, which was asked for in this mode. `looking` is the first text of a run's
    /// progress line.
    async fn execute(
        &self,
        mode: Mode,
        looking: &str,
        work: impl Future<Output = Result<ModeReport, crate::Error>>,
    ) -> Result<Output, CliError> {
        let report = match mode {
            Mode::Plan => self.read("planning", work).await?,
            Mode::Run => {
                let _line = Progress::start(looking);
                work.await?
            }
            // A signal ends it in order: its transaction or its database has to be removed.
            Mode::DryRun { .. } | Mode::Shadow { .. } => {
                let _line = Progress::start("trying");
                match work.await {
                    Err(crate::Error::Cancelled { .. }) => return Err(CliError::cancelled()),
                    tried => tried?,
                }
            }
        };
        match report {
            ModeReport::Run(report) => Output::new(&report, run::run(&report, self.view())),
            ModeReport::Plan(report) => Output::new(&report, plan::plan(&report, self.view())),
            ModeReport::DryRun(report) => {
                let mut output = Output::new(&report, dry_run::report(&report, self.view()))?;
                if !report.is_ok() {
                    output.exit_code = Kind::Failed.exit_code();
                }
                Ok(output)
            }
        }
    }

    /// Prints the lints of what `up` is about to apply.
    async fn warn(&self, up: Up<'_>) -> Result<(), CliError> {
        match self.read("reading what the lints need", up.plan()).await {
            Ok(plan) => {
                self.out.lints(&plan.lints, self.view(), &self.cli.program());
                Ok(())
            }
            // Do not wait twice for a server that is out of reach.
            Err(error)
                if matches!(
                    error.kind(),
                    Kind::Cancelled | Kind::Unavailable | Kind::Forbidden
                ) =>
            {
                Err(error)
            }
            // The run reports any other error; and it may be gone by then.
            Err(_) => Ok(()),
        }
    }

    /// Awaits work that only reads: a signal may end it at any point.
    pub(super) async fn read<T>(
        &self,
        doing: &str,
        work: impl Future<Output = Result<T, crate::Error>>,
    ) -> Result<T, CliError> {
        let _line = Progress::start(doing);
        unless_cancelled(self.cancel, async { work.await.map_err(CliError::from) }).await
    }

    pub(super) async fn ask(&self, question: &str) -> Result<(), CliError> {
        confirm::ask(self.out, question, self.cancel).await
    }

    pub(super) fn view(&self) -> View {
        View { width: self.out.width(), now: Utc::now() }
    }
}

fn dry_run_of(command: &Command) -> DryRunArgs {
    match command {
        Command::Up(args) => args.dry_run,
        Command::Down(args) => args.dry_run,
        Command::Redo(args) => args.dry_run,
        _ => DryRunArgs::default(),
    }
}

#[cfg(feature = "webhook")]
fn webhook_of(command: &Command) -> Option<&super::args::webhook::WebhookArgs> {
    match command {
        Command::Up(args) => Some(&args.webhook),
        Command::Down(args) => Some(&args.webhook),
        Command::Redo(args) => Some(&args.webhook),
        _ => None,
    }
}

fn up(migrator: &Migrator, target: UpTargetArgs) -> Up<'_> {
    let mut up = migrator.up();
    if let Some(version) = target.to {
        up = up.to(version);
    }
    if let Some(steps) = target.steps {
        up = up.steps(steps);
    }
    up
}

fn down<'a>(migrator: &'a Migrator, args: &DownArgs) -> Down<'a> {
    let AloneArgs { only, independent, why } = &args.alone;
    let down = migrator.down().why(why.clone().unwrap_or_default());
    // clap lets one target through.
    match (args.to, args.steps, only, &args.to_release, &args.to_tag) {
        (Some(version), ..) => down.to(version),
        (_, Some(steps), ..) => down.steps(steps),
        (_, _, Some(version), ..) => down.only(*version).independent_of(independent.clone()),
        (_, _, _, Some(release), _) => down.to_release(release),
        (_, _, _, _, Some(name)) => down.to_tag(name),
        _ if args.batch => down.batch(),
        _ if args.all => down.all(),
        _ => down,
    }
}

fn redo<'a>(migrator: &'a Migrator, args: &RedoArgs) -> Redo<'a> {
    let AloneArgs { only, independent, why } = &args.alone;
    let redo = migrator.redo().why(why.clone().unwrap_or_default());
    match only {
        Some(version) => redo.only(*version).independent_of(independent.clone()),
        None => redo,
    }
}

fn purge<'a>(migrator: &'a Migrator, args: &PurgeArgs) -> Purge<'a> {
    let mut purge = migrator.purge();
    if let Some(version) = args.version {
        purge = purge.version(version);
    }
    if let Some(age) = args.older_than {
        purge = purge.older_than(age);
    }
    purge
}
