//! `audit`: one call of the library, or two.

use std::future::IntoFuture as _;

use serde_json::json;

use super::{
    args::audit::AuditArgs,
    error::CliError,
    line::Progress,
    render::audit,
    verbs::{Output, VerbRun},
};
use crate::{Audit, Kind, Migrator};

impl VerbRun<'_> {
    pub(super) async fn audit(
        &self,
        args: &AuditArgs,
        migrator: Migrator,
    ) -> Result<Output, CliError> {
        if args.verify {
            return self.verify_audit(args, &migrator).await;
        }
        if args.export {
            return self.export_audit(&migrator).await;
        }
        if args.enable || args.disable {
            let line = Progress::start("recording");
            let report = match args.enable {
                true => migrator.enable_audit().await?,
                false => migrator.disable_audit().await?,
            };
            drop(line);
            return Output::new(&report, audit::changed(&report));
        }
        if args.prune {
            return self.prune_audit(args, &migrator).await;
        }
        match &args.head {
            Some(Some(_)) => {
                Err(CliError::usage("usage", "`--head N:HASH` is for `--verify`; nothing was read"))
            }
            Some(None) => {
                let head = self.read("reading the audit log", migrator.audit_head()).await?;
                let Some(head) = head else {
                    let app = self.cli.program();
                    return Err(CliError::new(
                        Kind::NeedsOperator,
                        "no_audit_log",
                        format!(
                            "there is no audit log, so it has no head; `{app} audit --enable` begins one"
                        ),
                    ));
                };
                Output::new(&json!({ "head": head }), format!("{head}\n"))
            }
            None => {
                let audit = filtered(migrator.audit(), args);
                let page = self.read("reading the audit log", audit.into_future()).await?;
                Output::new(&page, audit::page(&page, self.view(), &self.cli.program()))
            }
        }
    }

    async fn verify_audit(
        &self,
        args: &AuditArgs,
        migrator: &Migrator,
    ) -> Result<Output, CliError> {
        let mut verify = migrator.verify_audit();
        if let Some(Some(head)) = &args.head {
            verify = verify.head(head.clone());
        }
        #[cfg(feature = "audit-signature")]
        for path in &args.public_key {
            let wrong = |problem: String| {
                let text = format!("{}: {problem}; nothing was read", path.display());
                CliError::usage("bad_key", text)
            };
            let pem = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            let key = crate::AuditPublicKey::from_pem(&pem);
            verify = verify.public_key(key.map_err(|error| wrong(error.problem))?);
        }
        let found = self.read("verifying the audit log", verify.into_future()).await?;
        let mut output = Output::new(&found, audit::verified(&found, &self.cli.program()))?;
        if !found.is_whole() || (args.strict && !found.gaps.is_empty()) {
            output.exit_code = Kind::NeedsOperator.exit_code();
        }
        Ok(output)
    }

    /// Prints each entry as it comes.
    async fn export_audit(&self, migrator: &Migrator) -> Result<Output, CliError> {
        let print = |line: &str| {
            self.out.print(line);
            Ok(())
        };
        let exported = self.read("reading the audit log", migrator.export_audit(print)).await?;
        let mut output = Output::new(&json!({ "exported": exported }), "")?;
        output.is_printed = true;
        Ok(output)
    }

    async fn prune_audit(&self, args: &AuditArgs, migrator: &Migrator) -> Result<Output, CliError> {
        let before = args.before.unwrap_or_default();
        if args.dry_run || !args.confirm.yes {
            let preview = migrator.prune_audit(before).preview();
            let preview = self.read("reading the audit log", preview).await?;
            let text = audit::pruned(&preview);
            if args.dry_run || preview.entries == 0 {
                return Output::new(&preview, text);
            }
            self.out.note(&text);
            self.ask("Remove these entries for good?").await?;
        }
        let line = Progress::start("removing");
        let report = migrator.prune_audit(before).await?;
        drop(line);
        Output::new(&report, audit::pruned(&report))
    }
}

fn filtered<'a>(mut audit: Audit<'a>, args: &AuditArgs) -> Audit<'a> {
    if let Some(version) = args.version {
        audit = audit.version(version);
    }
    if let Some(event) = &args.event {
        audit = audit.event(event);
    }
    if let Some(by) = &args.by {
        audit = audit.by(by);
    }
    if let Some(since) = args.since {
        audit = audit.since(since);
    }
    if let Some(until) = args.until {
        audit = audit.until(until);
    }
    if let Some(limit) = args.limit {
        audit = audit.limit(limit);
    }
    if let Some(below) = args.below {
        audit = audit.before(below);
    }
    audit
}
