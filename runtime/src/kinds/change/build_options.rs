//! The options of declared operations.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::{
    collections, indexes,
    options::Modify,
    rewrite::{
        convert::Others,
        fields::Edit,
        kind::{Rewrite, RewriteKind},
    },
    search::{Act, Search},
};

/// Options of a new collection.
/// Made by [`Change::create_collection`](crate::Change::create_collection).
#[derive(Debug)]
pub struct CreateCollection<'a> {
    pub(super) create: &'a mut collections::Create,
}

impl CreateCollection<'_> {
    /// Sets the validator, which every document has to match. Default: none.
    pub fn validator(self, validator: Document) -> Self {
        self.option("validator", validator)
    }

    /// Sets which documents the validator checks: `strict` (all, the default), `moderate` (not
    /// documents that were invalid before), or `off`.
    pub fn validation_level(self, level: impl Into<String>) -> Self {
        self.option("validationLevel", level.into())
    }

    /// Sets what happens to an invalid write: `error` refuses it (the default), `warn` writes a
    /// warning to the server's log.
    pub fn validation_action(self, action: impl Into<String>) -> Self {
        self.option("validationAction", action.into())
    }

    /// Makes a capped collection of a fixed size in bytes: the oldest documents make room for new
    /// documents. Default: not capped.
    pub fn capped(self, size_bytes: i64) -> Self {
        self.option("capped", true).option("size", size_bytes)
    }

    /// Sets the most documents that a capped collection holds. Default: as many as fit its size.
    pub fn max_documents(self, documents: i64) -> Self {
        self.option("max", documents)
    }

    /// Makes a time series; the field holds the time of each document. Default: no time series.
    pub fn time_series(self, time_field: impl Into<String>) -> Self {
        self.series("timeField", time_field.into())
    }

    /// Sets the field that names the source of a measurement, for a time series. Documents with the
    /// same source are stored together. Default: none.
    pub fn meta_field(self, field: impl Into<String>) -> Self {
        self.series("metaField", field.into())
    }

    /// Sets how far apart the measurements of one source are, for a time series: `seconds` (the
    /// default), `minutes` or `hours`.
    pub fn granularity(self, granularity: impl Into<String>) -> Self {
        self.series("granularity", granularity.into())
    }

    /// Sets the seconds after which the documents of a time series, or of a clustered collection,
    /// expire. Default: never.
    pub fn expire_after_seconds(self, seconds: i64) -> Self {
        self.option("expireAfterSeconds", seconds)
    }

    /// Sets how strings are compared, as `doc! { "locale": "de" }`. Default: by their bytes.
    pub fn collation(self, collation: Document) -> Self {
        self.option("collation", collation)
    }

    /// Makes a view: the documents that a pipeline makes of another collection. Default: no view.
    pub fn view_on(self, collection: impl Into<String>, pipeline: Vec<Document>) -> Self {
        self.option("viewOn", collection.into()).option("pipeline", pipeline)
    }

    /// Encrypts fields (Queryable Encryption), as `doc! { "fields": [{ "path": "ssn", "bsonType": "string",
    /// "keyId": Uuid::new(), "queries": { "queryType": "equality" } }] }`. Creates the two collections and
    /// the index that belong to it, too. The keys are yours: a migration makes none. Needs MongoDB 7.0.
    /// Default: none.
    ///
    /// The rollback is refused if the collection has documents by then: the server renames no such
    /// collection, so it cannot be kept.
    pub fn encrypted_fields(self, fields: Document) -> Self {
        self.option("encryptedFields", fields)
    }

    /// Has change streams see documents as they were before a change, and as they are after it. Needs
    /// MongoDB 6.0. Default: not.
    pub fn change_stream_images(self, enabled: bool) -> Self {
        self.option("changeStreamPreAndPostImages", doc! { "enabled": enabled })
    }

    /// Sets any other option of the server's `create` command. An option that Mongrate does not know is
    /// passed on, with the lint `unknown_option`.
    pub fn option(self, name: impl Into<String>, value: impl Into<Bson>) -> Self {
        self.create.options.insert(name, value);
        self
    }

    /// Accepts a collection that exists with these options; the rollback leaves such a collection
    /// as it is. Default: refused.
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

/// Options of a drop.
/// Made by [`Change::drop_collection`](crate::Change::drop_collection).
#[derive(Debug)]
pub struct DropCollection<'a> {
    pub(super) drop: &'a mut collections::Drop,
}

impl DropCollection<'_> {
    /// Does nothing if there is no such collection. Default: refused.
    pub fn if_exists(self) -> Self {
        self.drop.if_exists = true;
        self
    }
}

/// The options of an index, which an operation that creates or drops the index declares.
macro_rules! index_options {
    ($name:ident, $field:ident) => {
        impl $name<'_> {
            /// Allows no two documents with the same keys. Default: allowed.
            pub fn unique(self, unique: bool) -> Self {
                self.option("unique", unique)
            }

            /// Leaves out documents that have none of the fields. Default: all documents are in
            /// the index.
            pub fn sparse(self, sparse: bool) -> Self {
                self.option("sparse", sparse)
            }

            /// Indexes only the documents that match. Default: all.
            pub fn partial_filter(self, filter: Document) -> Self {
                self.option("partialFilterExpression", filter)
            }

            /// Deletes each document this long after the date in its key (a TTL index); whole
            /// seconds. Default: never.
            pub fn expire_after(self, after: Duration) -> Self {
                match indexes::seconds(after) {
                    Ok(seconds) => self.option("expireAfterSeconds", seconds),
                    Err(problem) => {
                        self.$field.spec.problem = Some(problem);
                        self
                    }
                }
            }

            /// Hides the index from the query planner. Default: not hidden.
            pub fn hidden(self, hidden: bool) -> Self {
                self.option("hidden", hidden)
            }

            /// Sets how strings are compared, as `doc! { "locale": "de" }`. Default: the collation
            /// of the collection. Text and 2d indexes know only `doc! { "locale": "simple" }`.
            pub fn collation(self, collation: Document) -> Self {
                self.option("collation", collation)
            }

            /// Sets the weights of the fields of a text index, as `doc! { "title": 10 }`.
            /// Default: 1 each.
            pub fn weights(self, weights: Document) -> Self {
                self.option("weights", weights)
            }

            /// Sets the language of a text index. Default: `english`.
            pub fn default_language(self, language: impl Into<String>) -> Self {
                self.option("default_language", language.into())
            }

            /// Sets the field that names the language of a document, for a text index. Default:
            /// `language`.
            pub fn language_override(self, field: impl Into<String>) -> Self {
                self.option("language_override", field.into())
            }

            /// Sets which fields a wildcard index on `$**` covers. Default: all.
            pub fn wildcard_projection(self, projection: Document) -> Self {
                self.option("wildcardProjection", projection)
            }

            /// Names the index. Default: a name made of the keys, as `email_1`.
            pub fn name(self, name: impl Into<String>) -> Self {
                self.$field.spec.name = Some(name.into());
                self
            }

            /// Sets any other option that the server has for an index. An option that Mongrate does not
            /// know is passed on, with the lint `unknown_option`.
            pub fn option(self, name: impl Into<String>, value: impl Into<Bson>) -> Self {
                self.$field.spec.options.insert(name, value);
                self
            }
        }
    };
}

/// Options of a new index.
/// Made by [`Change::create_index`](crate::Change::create_index).
#[derive(Debug)]
pub struct CreateIndex<'a> {
    pub(super) create: &'a mut indexes::Create,
}

index_options!(CreateIndex, create);

impl CreateIndex<'_> {
    /// Accepts an index that exists with the same keys and options; the rollback leaves such an
    /// index as it is. Default: refused.
    pub fn if_not_exists(self) -> Self {
        self.create.if_not_exists = true;
        self
    }

    /// Sets how many members of the replica set must have built the index before it is ready:
    /// `"majority"` or a number. Default: all voting members.
    pub fn commit_quorum(self, quorum: impl Into<Bson>) -> Self {
        self.create.commit_quorum = Some(quorum.into());
        self
    }
}

/// Options of a new search index.
/// Made by [`Change::create_search_index`](crate::Change::create_search_index) and
/// [`create_vector_search_index`](crate::Change::create_vector_search_index).
#[derive(Debug)]
pub struct CreateSearchIndex<'a> {
    pub(super) search: &'a mut Search,
}

impl CreateSearchIndex<'_> {
    /// Names the index. Default: `default`, as the server names it.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.search.name = name.into();
        self
    }

    /// Accepts an index that exists with the same definition; the rollback leaves such an index as it
    /// is. Default: refused.
    pub fn if_not_exists(self) -> Self {
        if let Act::Create { if_not_exists, .. } = &mut self.search.act {
            *if_not_exists = true;
        }
        self
    }

    /// Does not wait until searches can use the index. Default: it waits, as long as it takes.
    pub fn without_waiting(self) -> Self {
        self.search.waits = false;
        self
    }
}

/// The options that a dropped index has.
/// Made by [`Change::drop_index`](crate::Change::drop_index).
#[derive(Debug)]
pub struct DropIndex<'a> {
    pub(super) drop: &'a mut indexes::Drop,
}

index_options!(DropIndex, drop);

impl DropIndex<'_> {
    /// Does nothing if there is no such index. Default: refused.
    pub fn if_exists(self) -> Self {
        self.drop.if_exists = true;
        self
    }
}

/// What happens to values that cannot be converted: values that have neither the old nor the new
/// type and are not null, and values whose conversion fails. Default: the operation is refused
/// before anything is changed. Made by [`Change::change_type`](crate::Change::change_type).
#[derive(Debug)]
pub struct ChangeType<'a> {
    pub(super) rewrite: &'a mut Rewrite,
}

impl ChangeType<'_> {
    /// Leaves values that cannot be converted as they are.
    pub fn leave_others(self) -> Self {
        self.others(Others::Leave)
    }

    /// Replaces values that cannot be converted with this value. The old values are kept, and a
    /// rollback puts them back.
    pub fn replace_others(self, value: impl Into<Bson>) -> Self {
        self.others(Others::Replace(value.into()))
    }

    fn others(self, what: Others) -> Self {
        if let RewriteKind::Field(Edit::Convert { others, .. }) = &mut self.rewrite.kind {
            *others = what;
        }
        self
    }
}

/// The documents that an update changes.
/// Made by [`Change::update`](crate::Change::update).
#[derive(Debug)]
pub struct Update<'a> {
    pub(super) rewrite: &'a mut Rewrite,
}

impl Update<'_> {
    /// Changes only documents that match. Default: all.
    pub fn filter(self, filter: Document) -> Self {
        if let RewriteKind::Pipelines(pipelines) = &mut self.rewrite.kind {
            pipelines.forward.filter = filter;
        }
        self
    }

    /// Lets a rollback change only documents that match at that time. Default: all, except those
    /// that the forward pipeline left alone.
    pub fn backward_filter(self, filter: Document) -> Self {
        if let RewriteKind::Pipelines(pipelines) = &mut self.rewrite.kind {
            pipelines.backward.filter = filter;
        }
        self
    }
}

/// Options of a validator.
/// Made by [`Change::set_validator`](crate::Change::set_validator).
#[derive(Debug)]
pub struct SetValidator<'a> {
    pub(super) modify: &'a mut Modify,
}

impl SetValidator<'_> {
    /// Sets which documents the validator checks: `strict` (all), `moderate` (not documents that
    /// were invalid before), or `off`. Default: unchanged.
    pub fn level(self, level: impl Into<String>) -> Self {
        self.modify.options.push(("validationLevel".to_owned(), Some(level.into().into())));
        self
    }

    /// Sets what happens to an invalid write: `error` refuses it, `warn` writes a warning to the
    /// server's log. Default: unchanged.
    pub fn action(self, action: impl Into<String>) -> Self {
        self.modify.options.push(("validationAction".to_owned(), Some(action.into().into())));
        self
    }
}

/// The options of a collection that are changed.
/// Made by [`Change::coll_mod`](crate::Change::coll_mod).
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

    /// Sets an option to the server's default.
    pub fn unset(self, option: impl Into<String>) -> Self {
        self.modify.options.push((option.into(), None));
        self
    }
}
