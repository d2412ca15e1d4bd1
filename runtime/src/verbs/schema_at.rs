//! `schema --at`: the schema that the migrations lead to at a version, as text and as code.

use std::{collections::BTreeMap, pin::Pin};

use mongodb::bson::{Bson, Document, doc};

use super::{
    drift::live::{LiveCollection, all, collections},
    schema::{Shown, schema},
};
use crate::{
    kinds::{literal, snippet},
    model::{
        error::Error, ignore::IgnoreList, report::schema_at::SchemaAtReport, version::Version,
    },
    mongo::reply::number,
    run::{Runner, dry_run::shadow::MARKER},
};

/// The most documents of one collection that are written as code.
const DOCUMENTS_MAX: usize = 1_000;

impl Runner {
    /// `data`: the collections whose documents are read, too.
    pub(crate) async fn schema_at(
        &self,
        version: Version,
        data: Vec<String>,
    ) -> Result<SchemaAtReport, Error> {
        let then = move |runner: Runner| Box::pin(runner.read_at(version, data)) as Pin<Box<_>>;
        self.alone_up_to(version, Box::new(then)).await
    }

    async fn read_at(self, version: Version, data: Vec<String>) -> Result<SchemaAtReport, Error> {
        let read = |error| Error::server("read the scratch database", error);
        let mut ignored = IgnoreList::default();
        ignored.add(MARKER);
        let mut found = collections(&self.control, &ignored).await?;
        // A view is of something.
        found.sort_by_key(|one| one.kind == "view");
        let (mut operations, mut unwritable) = (Vec::new(), Vec::new());
        let (mut documents, mut others) = (BTreeMap::new(), BTreeMap::new());
        for collection in &found {
            match code(collection) {
                Ok(code) => operations.extend(code),
                Err(problem) => unwritable.push(format!("`{}`: {problem}", collection.name)),
            }
            if collection.kind == "view" {
                continue;
            }
            let name = &collection.name;
            if data.contains(name) {
                let limit = i64::try_from(DOCUMENTS_MAX + 1).unwrap_or(i64::MAX);
                let find = doc! { "find": name, "sort": { "_id": 1 }, "limit": limit };
                let of_it = all(&self.control, find).await.map_err(read)?;
                if of_it.len() > DOCUMENTS_MAX {
                    unwritable.push(format!(
                        "`{name}`: it has more than {DOCUMENTS_MAX} documents, which is no reference data \
                         to keep in code"
                    ));
                    continue;
                }
                let codes: Result<Vec<String>, String> =
                    of_it.iter().map(literal::document).collect();
                match codes {
                    Ok(codes) => {
                        documents.insert(name.clone(), codes);
                    }
                    Err(problem) => unwritable.push(format!("a document of `{name}`: {problem}")),
                }
            } else {
                let count =
                    doc! { "aggregate": name, "pipeline": [{ "$count": "n" }], "cursor": {} };
                let counted = all(&self.control, count).await.map_err(read)?;
                let count = counted.first().map(|one| number(one, "n"));
                let count = count.flatten().and_then(|count| u64::try_from(count).ok());
                if let Some(count) = count.filter(|count| *count > 0) {
                    others.insert(name.clone(), count);
                }
            }
        }
        let is_there = |name: &&String| found.iter().any(|one| one.name == **name);
        let gone = data.iter().filter(|name| !is_there(name));
        unwritable.extend(gone.map(|name| format!("`{name}`: there is no such collection")));
        Ok(SchemaAtReport {
            group: self.settings.group.clone(),
            version,
            schema: schema(&self.control, Shown { ignored, empty: true }).await?,
            operations,
            documents,
            others,
            unwritable,
            collections: found
                .iter()
                .filter(|one| one.kind != "view")
                .map(|one| one.name.clone())
                .collect(),
        })
    }
}

/// The operations that make a collection as it is.
fn code(found: &LiveCollection) -> Result<Vec<String>, String> {
    let LiveCollection { name, kind, options, indexes } = found;
    let mut create = format!("change.create_collection({name:?})");
    for (option, value) in options {
        let in_option = |problem: String| format!("its option `{option}` {problem}");
        create += &match (kind.as_str(), option.as_str(), value) {
            ("view", "viewOn", Bson::String(of)) => {
                let pipeline = options.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
                let pipeline = literal::documents(pipeline).map_err(in_option)?;
                format!(".view_on({of:?}, {pipeline})")
            }
            ("view", "pipeline", _) => String::new(),
            // The server says it of every collection that was made without a name for its `_id`.
            (_, "idIndex" | "uuid", _) => String::new(),
            (_, option, value) => {
                format!(".option({option:?}, {})", literal::value(value).map_err(in_option)?)
            }
        };
    }
    let mut operations = vec![format!("{create};")];
    for index in indexes {
        let (keys, of_index) = snippet::declared(index, options);
        let called = index.get_str("name").unwrap_or_default();
        let in_index = |problem: String| format!("its index `{called}`: {problem}");
        operations.push(index_code(name, &keys, &of_index, called).map_err(in_index)?);
    }
    Ok(operations)
}

fn index_code(
    collection: &str,
    keys: &Document,
    options: &Document,
    name: &str,
) -> Result<String, String> {
    let mut code = format!("change.create_index({collection:?}, {})", literal::document(keys)?);
    for (option, value) in options {
        code += &format!(".option({option:?}, {})", literal::value(value)?);
    }
    Ok(format!("{code}.name({name:?});"))
}
