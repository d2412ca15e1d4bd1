//! Pure: the operations, each as Mongrate declares it, as plain updates, and as the least that the
//! server needs for an exact way back.

use mongodb::bson::{Bson, Document, doc};
use mongrate::{ChangeFn, FieldType};

use super::remembered::Remembered;

/// The collection that is changed.
pub const THINGS: &str = "things";

/// An operation on the documents of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Adds a field. Remembered: documents that have the field already.
    Add,
    /// Renames a field. Remembered: documents that have the new field already.
    Rename,
    /// Removes a field. Remembered: all values.
    Remove,
    /// Converts text to numbers. Remembered: texts such as `007`.
    Convert,
    /// Moves a field into a subdocument.
    Move,
    /// Renames a field that other fields follow, which keeps its place.
    RenameInPlace,
    /// Renames a field in each document of an array.
    RenameInArray,
}

/// A statement of the ways without Mongrate.
#[derive(Clone, Debug)]
pub enum Statement {
    /// An `updateMany`: the filter, and the update.
    Update(Document, Bson),
    /// Remembers the results of a pipeline over the changed collection.
    Keep(Vec<Document>),
    /// Changes each document for which something is remembered, with these stages.
    Restore(Vec<Document>),
}

fn update(filter: Document, change: Document) -> Statement {
    Statement::Update(filter, change.into())
}

fn pipeline(filter: Document, stages: Vec<Document>) -> Statement {
    Statement::Update(filter, stages.into())
}

fn exists(field: &str) -> Document {
    doc! { field: { "$exists": true } }
}

/// The stage that renames a field in its place.
fn renamed_in_place(from: &str, to: &str) -> Vec<Document> {
    let name = doc! { "$cond": [{ "$eq": ["$$field.k", from] }, to, "$$field.k"] };
    let fields = doc! { "$map": {
        "input": { "$objectToArray": "$$ROOT" }, "as": "field", "in": { "k": name, "v": "$$field.v" },
    } };
    vec![doc! { "$replaceWith": { "$arrayToObject": fields } }]
}

/// The field `to` in place of `from`, in each document of `lines`.
fn renamed_in_array(from: &str, to: &str) -> Vec<Document> {
    let rest = doc! { "$unsetField": { "field": from, "input": "$$line" } };
    let renamed = doc! { "$setField": {
        "field": to, "input": rest, "value": format!("$$line.{from}"),
    } };
    vec![
        doc! { "$set": { "lines": { "$map": { "input": "$lines", "as": "line", "in": renamed } } } },
    ]
}

impl Operation {
    /// The stages that give the documents of a case the fields that the operation needs. The
    /// operation's own field is the last one, where every way back puts it.
    pub fn shape(self, remembered: Remembered) -> Vec<Document> {
        let is_remembered = match remembered {
            Remembered::None => Bson::from(false),
            Remembered::Percent => doc! { "$eq": [{ "$mod": ["$_id", 100] }, 7] }.into(),
            Remembered::All => Bson::from(true),
        };
        let text = || doc! { "$concat": ["town ", { "$toString": { "$mod": ["$_id", 1_000] } }] };
        let pick = |then: Bson, otherwise: Bson| {
            doc! { "$cond": [is_remembered.clone(), then, otherwise] }
        };
        let remove = || Bson::from("$$REMOVE");
        let fields = match self {
            Self::Add => doc! { "visits": pick(5.into(), remove()) },
            Self::Rename => doc! {
                "town": pick(remove(), text().into()), "city": pick(text().into(), remove()),
            },
            Self::Remove => doc! { "town": text() },
            Self::Convert => {
                let number = || doc! { "$toString": "$_id" };
                let long: Document = doc! { "$concat": ["00", number()] };
                doc! { "code": pick(long.into(), number().into()) }
            }
            Self::Move => doc! { "address": { "zip": "$kind" }, "town": text() },
            Self::RenameInPlace => {
                let first = doc! { "_id": "$_id", "town": text() };
                return vec![doc! { "$replaceWith": { "$mergeObjects": [first, "$$ROOT"] } }];
            }
            Self::RenameInArray => {
                let line = |n: i32| doc! { "n": n, "sku": text() };
                doc! { "lines": [line(1), line(2)] }
            }
        };
        vec![doc! { "$set": fields }]
    }

    /// The stages that make the changed documents out of the original ones: for the check.
    pub fn changed(self) -> Vec<Document> {
        match self {
            Self::Add => vec![doc! { "$set": { "visits": { "$ifNull": ["$visits", 0] } } }],
            Self::Rename => vec![
                doc! { "$set": { "city": { "$ifNull": ["$town", "$city"] } } },
                doc! { "$unset": "town" },
            ],
            Self::Remove => vec![doc! { "$unset": "town" }],
            Self::Convert => vec![doc! { "$set": { "code": { "$toInt": "$code" } } }],
            Self::Move => {
                vec![doc! { "$set": { "address.town": "$town" } }, doc! { "$unset": "town" }]
            }
            Self::RenameInPlace => renamed_in_place("town", "city"),
            Self::RenameInArray => renamed_in_array("sku", "code"),
        }
    }

    /// The stages that make out of the original documents what a plain way back leaves, where that
    /// is not the original: for the check.
    pub fn after_plain_way_back(self) -> Vec<Document> {
        match self {
            Self::Add => vec![doc! { "$unset": "visits" }],
            Self::Rename => vec![
                doc! { "$set": { "town": { "$ifNull": ["$town", "$city"] } } },
                doc! { "$unset": "city" },
            ],
            Self::Convert => {
                vec![doc! { "$set": { "code": { "$toString": { "$toInt": "$code" } } } }]
            }
            Self::Remove | Self::Move | Self::RenameInPlace | Self::RenameInArray => Vec::new(),
        }
    }

    /// One plain `updateMany`, with update operators where there is one for the purpose.
    pub fn plain_up(self) -> Statement {
        match self {
            Self::Add => {
                let without = doc! { "visits": { "$exists": false } };
                update(without, doc! { "$set": { "visits": 0 } })
            }
            Self::Rename => update(doc! {}, doc! { "$rename": { "town": "city" } }),
            Self::Remove => update(doc! {}, doc! { "$unset": { "town": "" } }),
            Self::Convert => pipeline(doc! {}, self.changed()),
            Self::Move => update(doc! {}, doc! { "$rename": { "town": "address.town" } }),
            Self::RenameInPlace | Self::RenameInArray => pipeline(doc! {}, self.changed()),
        }
    }

    /// What `plain_up` did, undone as plainly. A removed field comes back from a collection that
    /// somebody kept; otherwise nothing is remembered.
    pub fn plain_down(self) -> Statement {
        match self {
            Self::Add => update(doc! {}, doc! { "$unset": { "visits": "" } }),
            Self::Rename => update(doc! {}, doc! { "$rename": { "city": "town" } }),
            Self::Remove => self.restore(),
            Self::Convert => pipeline(doc! {}, vec![self.back_to_text()]),
            Self::Move => update(doc! {}, doc! { "$rename": { "address.town": "town" } }),
            Self::RenameInPlace => pipeline(doc! {}, renamed_in_place("city", "town")),
            Self::RenameInArray => pipeline(doc! {}, renamed_in_array("code", "sku")),
        }
    }

    /// The least for an exact way back: what the way back would lose is written into a collection,
    /// then one `updateMany` with a pipeline changes the documents.
    pub fn least_up(self, remembered: Remembered) -> Vec<Statement> {
        let change = match self {
            Self::Add => pipeline(
                doc! { "visits": { "$exists": false } },
                vec![doc! { "$set": { "visits": 0 } }],
            ),
            Self::Rename => pipeline(
                exists("town"),
                vec![doc! { "$set": { "city": "$town" } }, doc! { "$unset": "town" }],
            ),
            _ => pipeline(doc! {}, self.changed()),
        };
        match remembered {
            Remembered::None => vec![change],
            Remembered::Percent | Remembered::All => vec![Statement::Keep(self.lost()), change],
        }
    }

    /// The way back to that: one `$merge` of what was remembered, and one `updateMany` of the
    /// others.
    pub fn least_down(self, remembered: Remembered) -> Vec<Statement> {
        let change = match self {
            Self::Add => pipeline(doc! {}, vec![doc! { "$unset": "visits" }]),
            Self::Rename => pipeline(
                exists("city"),
                vec![doc! { "$set": { "town": "$city" } }, doc! { "$unset": "city" }],
            ),
            Self::Remove => return vec![self.restore()],
            Self::Convert => {
                // The restored values are text.
                let others =
                    pipeline(doc! { "code": { "$type": "int" } }, vec![self.back_to_text()]);
                return match remembered {
                    Remembered::None => vec![others],
                    Remembered::Percent | Remembered::All => vec![self.restore(), others],
                };
            }
            Self::Move => pipeline(
                doc! {},
                vec![
                    doc! { "$set": { "town": "$address.town" } },
                    doc! { "$unset": "address.town" },
                ],
            ),
            Self::RenameInPlace => pipeline(doc! {}, renamed_in_place("city", "town")),
            Self::RenameInArray => pipeline(doc! {}, renamed_in_array("code", "sku")),
        };
        match remembered {
            Remembered::None => vec![change],
            Remembered::Percent | Remembered::All => vec![change, self.restore()],
        }
    }

    /// The stages that find what the way back would lose: `_id` and value.
    pub fn lost(self) -> Vec<Document> {
        let (filter, field) = match self {
            Self::Add => (exists("visits"), "visits"),
            Self::Rename => (exists("city"), "city"),
            Self::Convert => {
                let again = doc! { "$toString": { "$toInt": "$code" } };
                (doc! { "$expr": { "$ne": [again, "$code"] } }, "code")
            }
            Self::Remove | Self::Move | Self::RenameInPlace | Self::RenameInArray => {
                (exists("town"), "town")
            }
        };
        vec![doc! { "$match": filter }, doc! { "$project": { field: 1 } }]
    }

    fn restore(self) -> Statement {
        Statement::Restore(match self {
            Self::Add => vec![doc! { "$set": { "visits": "$$new.visits" } }],
            Self::Rename => {
                vec![doc! { "$set": { "city": "$$new.city" } }, doc! { "$unset": "town" }]
            }
            Self::Convert => vec![doc! { "$set": { "code": "$$new.code" } }],
            Self::Remove | Self::Move | Self::RenameInPlace | Self::RenameInArray => {
                vec![doc! { "$set": { "town": "$$new.town" } }]
            }
        })
    }

    fn back_to_text(self) -> Document {
        doc! { "$set": { "code": { "$toString": "$code" } } }
    }

    /// The operation as Mongrate declares it, with one worker or with four.
    pub fn declared(self, workers: u32) -> ChangeFn {
        if workers == 1 { self.declared_for::<1>() } else { self.declared_for::<4>() }
    }

    fn declared_for<const WORKERS: usize>(self) -> ChangeFn {
        match self {
            Self::Add => |change| {
                change.workers(WORKERS);
                change.add_field(THINGS, "visits", 0);
            },
            Self::Rename | Self::RenameInPlace => |change| {
                change.workers(WORKERS);
                change.rename_field(THINGS, "town", "city");
            },
            Self::Remove => |change| {
                change.workers(WORKERS);
                change.remove_field(THINGS, "town");
            },
            Self::Convert => |change| {
                change.workers(WORKERS);
                change.change_type(THINGS, "code", FieldType::String, FieldType::Int);
            },
            Self::Move => |change| {
                change.workers(WORKERS);
                change.move_field(THINGS, "town", "address.town");
            },
            Self::RenameInArray => |change| {
                change.workers(WORKERS);
                change.rename_field(THINGS, "lines.sku", "lines.code");
            },
        }
    }
}
