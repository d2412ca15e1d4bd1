//! The options of the operations that take some.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::{
    collections, indexes,
    options::Modify,
    rewrite::{
        fields::{Edit, Others},
        kind::{How, Rewrite},
    },
};

/// Options of a new collection. Made by [`Change::create_collection`].
#[derive(Debug)]
pub struct CreateCollection<'a> {
    pub(super) create: &'a mut collections::Create,
}

impl CreateCollection<'_> {
    /// What every document has to match. Default: nothing.
    pub fn validator(self, validator: Document) -> Self {
        self.option("validator", validator)
    }

    /// Which documents are checked: `strict` (all, the default), `moderate` (not those that were
    /// invalid before), `off`.
    pub fn validation_level(self, level: impl Into<String>) -> Self {
        self.option("validationLevel", level.into())
    }

    /// What becomes of an invalid write: `error` (the default), or `warn` in the server's log.
    pub fn validation_action(self, action: impl Into<String>) -> Self {
        self.option("validationAction", action.into())
    }

    /// Of a fixed size in bytes: the oldest documents make room for new ones.
    pub fn capped(self, size_bytes: i64) -> Self {
        self.option("capped", true).option("size", size_bytes)
    }

    /// At most so many documents. For a capped collection.
    pub fn max_documents(self, documents: i64) -> Self {
        self.option("max", documents)
    }

    /// A time series over the times in this field.
    pub fn time_series(self, time_field: impl Into<String>) -> Self {
        self.series("timeField", time_field.into())
    }

    /// The field that says of what a time series is. Documents with the same one are stored
    /// together.
    pub fn meta_field(self, field: impl Into<String>) -> Self {
        self.series("metaField", field.into())
    }

    /// How far apart the times of one source are: `seconds` (the default), `minutes` or `hours`.
    pub fn granularity(self, granularity: impl Into<String>) -> Self {
        self.series("granularity", granularity.into())
    }

    /// After how many seconds the documents of a time series, or of a clustered collection,
    /// expire. Default: never.
    pub fn expire_after_seconds(self, seconds: i64) -> Self {
        self.option("expireAfterSeconds", seconds)
    }

    /// How its strings are compared, as `doc! { "locale": "de" }`. Default: by their bytes.
    pub fn collation(self, collation: Document) -> Self {
        self.option("collation", collation)
    }

    /// A view: what a pipeline makes of another collection.
    pub fn view_on(self, collection: impl Into<String>, pipeline: Vec<Document>) -> Self {
        self.option("viewOn", collection.into()).option("pipeline", pipeline)
    }

    /// Any other option of the server's `create`.
    pub fn option(self, name: impl Into<String>, value: impl Into<Bson>) -> Self {
        self.create.options.insert(name, value);
        self
    }

    /// A collection that is there already will do, if it has these options; the rollback leaves
    /// it then. Default: refused.
    pub fn if_not_exists(self) -> Self {
        self.create.if_not_exists = true;
        self
    }

    fn series(self, name: &str, value: String) -> Self {
        let series = self.create.options.entry("timeseries".to_owned());
        if let Bson::Document(series) = series.or_insert_with(|| Bson::Document(doc! {})) {
            series.insert(name, value);
        }
        self
    }
}

/// Options of a drop. Made by [`Change::drop_collection`].
#[derive(Debug)]
pub struct DropCollection<'a> {
    pub(super) drop: &'a mut collections::Drop,
}

impl DropCollection<'_> {
    /// It need not be there. Default: refused.
    pub fn if_exists(self) -> Self {
        self.drop.if_exists = true;
        self
    }
}

/// The options of an index, which both who creates and who drops one gives.
macro_rules! index_options {
    ($name:ident, $field:ident) => {
        impl $name<'_> {
            /// No two documents may have the same keys. Default: they may.
            pub fn unique(self, unique: bool) -> Self {
                self.option("unique", unique)
            }

            /// Leaves out documents that lack the fields. Default: they are in.
            pub fn sparse(self, sparse: bool) -> Self {
                self.option("sparse", sparse)
            }

            /// Only documents that match. Default: all.
            pub fn partial_filter(self, filter: Document) -> Self {
                self.option("partialFilterExpression", filter)
            }

            /// Deletes documents so long after the date in the key (a TTL index); whole seconds.
            pub fn expire_after(self, after: Duration) -> Self {
                match indexes::seconds(after) {
                    Ok(seconds) => self.option("expireAfterSeconds", seconds),
                    Err(problem) => {
                        self.$field.spec.problem = Some(problem);
                        self
                    }
                }
            }

            /// Hidden from the planner of queries. Default: it is used.
            pub fn hidden(self, hidden: bool) -> Self {
                self.option("hidden", hidden)
            }

            /// How strings are compared, as `doc! { "locale": "de" }`. Default: as the collection
            /// says.
            pub fn collation(self, collation: Document) -> Self {
                self.option("collation", collation)
            }

            /// How much the fields of a text index count, as `doc! { "title": 10 }`. Default: 1
            /// each.
            pub fn weights(self, weights: Document) -> Self {
                self.option("weights", weights)
            }

            /// The language of a text index. Default: `english`.
            pub fn default_language(self, language: impl Into<String>) -> Self {
                self.option("default_language", language.into())
            }

            /// The field that says in which language a document is. Default: `language`.
            pub fn language_override(self, field: impl Into<String>) -> Self {
                self.option("language_override", field.into())
            }

            /// Which fields a wildcard index on `$**` covers. Default: all.
            pub fn wildcard_projection(self, projection: Document) -> Self {
                self.option("wildcardProjection", projection)
            }

            /// Its name. Default: made of the keys, as `email_1`.
            pub fn name(self, name: impl Into<String>) -> Self {
                self.$field.spec.name = Some(name.into());
                self
            }

            /// Any other option that the server knows of an index.
            pub fn option(self, name: impl Into<String>, value: impl Into<Bson>) -> Self {
                self.$field.spec.options.insert(name, value);
                self
            }
        }
    };
}

/// Options of a new index. Made by [`Change::create_index`].
#[derive(Debug)]
pub struct CreateIndex<'a> {
    pub(super) create: &'a mut indexes::Create,
}

index_options!(CreateIndex, create);

impl CreateIndex<'_> {
    /// An index that is there already will do, if it is the same; the rollback leaves it then.
    /// Default: refused.
    pub fn if_not_exists(self) -> Self {
        self.create.if_not_exists = true;
        self
    }

    /// How many members of the replica set must have built it before it is ready, as `"majority"`
    /// or a number. Default: all that vote.
    pub fn commit_quorum(self, quorum: impl Into<Bson>) -> Self {
        self.create.commit_quorum = Some(quorum.into());
        self
    }
}

/// The options that a dropped index has. Made by [`Change::drop_index`].
#[derive(Debug)]
pub struct DropIndex<'a> {
    pub(super) drop: &'a mut indexes::Drop,
}

index_options!(DropIndex, drop);

impl DropIndex<'_> {
    /// It need not be there. Default: refused.
    pub fn if_exists(self) -> Self {
        self.drop.if_exists = true;
        self
    }
}

/// What becomes of values that cannot be converted: they are neither of the old type nor of the
/// new one nor null, or their conversion fails. By default the operation is refused, before
/// anything is changed. Made by [`Change::change_type`].
#[derive(Debug)]
pub struct ChangeType<'a> {
    pub(super) rewrite: &'a mut Rewrite,
}

impl ChangeType<'_> {
    /// They stay what they are.
    pub fn leave_others(self) -> Self {
        self.others(Others::Leave)
    }

    /// They become this value. They are kept, and come back with a rollback.
    pub fn replace_others(self, value: impl Into<Bson>) -> Self {
        self.others(Others::Replace(value.into()))
    }

    fn others(self, what: Others) -> Self {
        if let How::Field(Edit::Convert { others, .. }) = &mut self.rewrite.how {
            *others = what;
        }
        self
    }
}

/// Which documents an update concerns. Made by [`Change::update`].
#[derive(Debug)]
pub struct Update<'a> {
    pub(super) rewrite: &'a mut Rewrite,
}

impl Update<'_> {
    /// Only documents that match. Default: all.
    pub fn filter(self, filter: Document) -> Self {
        if let How::Pipelines(pipelines) = &mut self.rewrite.how {
            pipelines.forward.filter = filter;
        }
        self
    }

    /// Only documents that match, on the way back; as they are then. Default: all, but for those
    /// that the way there left alone.
    pub fn backward_filter(self, filter: Document) -> Self {
        if let How::Pipelines(pipelines) = &mut self.rewrite.how {
            pipelines.backward.filter = filter;
        }
        self
    }
}

/// Options of a validator. Made by [`Change::set_validator`].
#[derive(Debug)]
pub struct SetValidator<'a> {
    pub(super) modify: &'a mut Modify,
}

impl SetValidator<'_> {
    /// Which documents are checked: `strict` (all), `moderate` (not those that were invalid
    /// before), `off`. Default: as it is.
    pub fn level(self, level: impl Into<String>) -> Self {
        self.modify.options.push(("validationLevel".to_owned(), Some(level.into().into())));
        self
    }

    /// What becomes of an invalid write: `error`, or `warn` in the server's log. Default: as it
    /// is.
    pub fn action(self, action: impl Into<String>) -> Self {
        self.modify.options.push(("validationAction".to_owned(), Some(action.into().into())));
        self
    }
}

/// Which options are changed. Made by [`Change::coll_mod`].
#[derive(Debug)]
pub struct CollMod<'a> {
    pub(super) modify: &'a mut Modify,
}

impl CollMod<'_> {
    /// Sets an option.
    pub fn set(self, option: impl Into<String>, value: impl Into<Bson>) -> Self {
        self.modify.options.push((option.into(), Some(value.into())));
        self
    }

    /// Takes an option back to what the server has where nothing is said.
    pub fn unset(self, option: impl Into<String>) -> Self {
        self.modify.options.push((option.into(), None));
        self
    }
}
