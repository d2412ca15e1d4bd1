//! The documents of the clinic. Their types are the schema: `cargo mongrate diff` writes the migration
//! that leads from `models.snap` to these types, and the compiler refuses types that no migration leads
//! to.

use mongrate::{Model, bson::DateTime};
use serde::{Deserialize, Serialize};

/// A patient.
#[derive(Clone, Debug, Serialize, Deserialize, Model)]
#[model(collection = "patients", validate = "moderate")]
#[model(index(number, unique), index(family, given, name = "by_name"))]
pub(crate) struct Patient {
    pub(crate) number: String,
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) country: String,
    /// The year of birth.
    pub(crate) born: i64,
}

/// A visit of a patient.
#[derive(Clone, Debug, Serialize, Deserialize, Model)]
#[model(collection = "visits", index(patient, at = -1, name = "by_patient"))]
pub(crate) struct Visit {
    /// The patient's number.
    pub(crate) patient: String,
    pub(crate) at: DateTime,
    #[model(was = "reason")]
    pub(crate) complaint: String,
    /// As `2025-01`, for reports by month.
    pub(crate) month: Option<String>,
}
