//! The reports of all verbs, as data: the command line prints them, HTTP sends them.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod detail;
pub(crate) mod doctor;
pub(crate) mod dry_run;
pub(crate) mod failure;
pub(crate) mod history;
pub(crate) mod operator;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schema_at;
pub(crate) mod schema_drift;
pub(crate) mod status;
pub(crate) mod steering;
pub(crate) mod tag;
pub(crate) mod wait;

pub use self::{
    audit::{
        AuditBreak, AuditBreakKind, AuditChange, AuditDigest, AuditEntry, AuditGap, AuditHead,
        AuditPage, AuditPruned, AuditVerification,
    },
    backfill::BackfillReport,
    detail::{BackfillDetail, MigrationDetail, OperationDetail, Touched},
    doctor::{DoctorCheck, DoctorFinding, DoctorReport, DoctorServer, DoctorVerdict},
    dry_run::{CommandReport, DryRunKind, DryRunOutcome, DryRunReport, DryRunStep, ShadowReport},
    failure::Failure,
    history::{HistoryEvent, HistoryReport},
    operator::{
        ImportReport, Imported, KeptCollection, PurgeReport, RecordReport, RepairReport,
        UnlockReport,
    },
    plan::{CheckReport, DeclaredOperation, LeftOut, PlanReport, PlanStep},
    run::{RunReport, StartReport, StepOutcome, StepReport},
    runs::{RunEntry, RunEntryState, RunEntryStep, RunsReport},
    schema_at::SchemaAtReport,
    schema_drift::{
        SchemaDifference, SchemaDifferenceKind, SchemaDriftReport, SchemaMisfit, SchemaSample,
    },
    status::{HalfDone, LockReport, MigrationStatus, StatusReport, StepProgress},
    steering::{Asked, Hold, HoldReason, RunPosition, SteeringReport, SteeringVerb, Tuned},
    tag::{Tag, TagAction, TagReport, TagsReport},
    wait::{WaitReport, WaitingFor},
};
