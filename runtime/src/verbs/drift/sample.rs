//! Samples documents, and has the server count those that do not have the shape of their models. No
//! value of a document leaves the server.

use mongodb::bson::{Bson, Document, doc};
use mongrate_seal::models::{Json, Snapshot};

use super::{
    fields::{self, FieldSchema},
    live::LiveCollection,
};
use crate::{
    model::{
        error::Error,
        report::schema_drift::{SchemaMisfit, SchemaSample},
    },
    mongo::{json, reply},
    protocol::control::Control,
};

/// Samples each live collection that has models.
pub(crate) async fn samples(
    control: &Control,
    live: &[LiveCollection],
    expected: &Snapshot,
    documents: u32,
) -> Result<Vec<SchemaSample>, Error> {
    let mut samples = Vec::new();
    for live in live {
        let Some(collection) = expected.collections.get(&live.name) else { continue };
        let schemas: Vec<Json> =
            collection.models.values().map(|model| model.shape.root_schema()).collect();
        if schemas.is_empty() {
            continue;
        }
        let fields = match schemas.as_slice() {
            [schema] => fields::fields(schema),
            // A document that fits none of several models has no field that is to blame.
            _ => Vec::new(),
        };
        let command = doc! {
            "aggregate": &live.name,
            "pipeline": pipeline(&schemas, &fields, documents),
            "cursor": {},
            "allowDiskUse": true,
        };
        let reply = control.retrying(None, command).await;
        let reply = reply.map_err(|error| Error::server("sample the documents", error))?;
        let counted = reply::first_batch(&reply).next().cloned().unwrap_or_default();
        samples.push(sample(&live.name, &fields, &counted));
    }
    Ok(samples)
}

/// Samples once, so that all counts are of the same documents.
fn pipeline(schemas: &[Json], fields: &[FieldSchema], documents: u32) -> Vec<Document> {
    let fits = |schema: &Json| doc! { "$jsonSchema": json::document(schema) };
    let none = |schemas: &[Json]| {
        let fits: Vec<Bson> = schemas.iter().map(|schema| Bson::Document(fits(schema))).collect();
        doc! { "$match": { "$nor": fits } }
    };
    let count = doc! { "$count": "n" };
    let misfit = none(schemas);
    let mut facets = doc! {
        "documents": [count.clone()],
        "misfits": [misfit, count.clone()],
    };
    for (number, field) in fields.iter().enumerate() {
        // A document counts once, however many of the schemas it does not fit.
        let all: Vec<Bson> =
            field.schemas.iter().map(|schema| Bson::Document(fits(schema))).collect();
        let misfit = doc! { "$match": { "$nor": [{ "$and": all }] } };
        facets.insert(format!("field{number}"), vec![misfit, count.clone()]);
    }
    vec![doc! { "$sample": { "size": i64::from(documents) } }, doc! { "$facet": facets }]
}

/// Reads the counts.
fn sample(collection: &str, fields: &[FieldSchema], counted: &Document) -> SchemaSample {
    let count = |facet: &str| {
        let found = counted.get_array(facet).ok().and_then(|found| found.first());
        found.and_then(Bson::as_document).map_or(0, |found| reply::count(found, "n"))
    };
    let fields = fields.iter().enumerate().map(|(number, field)| SchemaMisfit {
        field: field.path.clone(),
        documents: count(&format!("field{number}")),
    });
    SchemaSample {
        collection: collection.to_owned(),
        documents: count("documents"),
        misfits: count("misfits"),
        fields: fields.filter(|field| field.documents > 0).collect(),
    }
}
