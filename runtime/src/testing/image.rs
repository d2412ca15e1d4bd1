//! A copy of a migrated database, with which the next databases are filled instead of being
//! migrated: in memory, and in a file for other processes of the same test binary.
//!
//! The history is part of the copy. It names collections by UUIDs that only the server assigns, so
//! they are replaced by those of the new collections.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use mongodb::{
    Database,
    bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype},
    options::{Acknowledgment, CollectionOptions, WriteConcern},
};
use tokio::sync::OnceCell;

use super::{
    collections::{self, Collection},
    error::TestError,
    slot,
};
use crate::{kinds::change::keep::is_ours, model::switch, mongo::options::to_rebuild};

/// A larger database is migrated each time.
const BYTES_MAX: usize = 32 << 20;

/// The first bytes of a file, with the version of its format.
const MAGIC: &[u8; 16] = b"mongrate image 1";

/// A copy of a database.
#[derive(Clone, Debug)]
pub(super) struct Image {
    collections: Vec<(Collection, Vec<RawDocumentBuf>)>,
}

/// The migrations that an image has: there is one image for each key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) group: Option<&'static str>,
    pub(super) at: Option<i64>,
}

type Cell = Arc<OnceCell<Option<Arc<Image>>>>;

/// The image for a key; the first call makes it while others wait. `None`: no image is kept.
/// `migrate` migrates the database from which the image is read. The flag says whether this call
/// made it.
pub(super) async fn get(
    key: Key,
    uri: &str,
    database: &Database,
    migrate: impl AsyncFnOnce() -> Result<(), TestError>,
) -> Result<(Option<Arc<Image>>, bool), TestError> {
    static IMAGES: Mutex<Option<HashMap<Key, Cell>>> = Mutex::new(None);
    let asked = std::env::var_os("MONGRATE_TEST_IMAGE").unwrap_or_default();
    let asked = switch::parse(&asked.to_string_lossy());
    let asked = asked.map_err(|problem| TestError::set_up("read MONGRATE_TEST_IMAGE", problem))?;
    if asked == Some(false) {
        return Ok((None, false));
    }
    let cell = {
        let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
        images.get_or_insert_default().entry(key.clone()).or_default().clone()
    };
    let mut made = false;
    let image = cell
        .get_or_try_init(async || {
            let file = file(&key, uri);
            if let Some(image) = file.as_deref().and_then(|path| fs::read(path).ok())
                && let Some(image) = Image::parse(&image)
            {
                return Ok(Some(Arc::new(image)));
            }
            migrate().await?;
            made = true;
            let Some(image) = Image::read(database).await? else { return Ok(None) };
            if let Some(path) = file {
                // Without the file, other processes migrate by themselves.
                let _ = image.write(path);
            }
            Ok::<_, TestError>(Some(Arc::new(image)))
        })
        .await?;
    Ok((image.clone(), made))
}

/// The file for this very binary and server: after a change of any function that a migration calls,
/// it is another file.
fn file(key: &Key, uri: &str) -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let about = fs::metadata(&binary).ok()?;
    let modified = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let hash = slot::hash(&[
        uri,
        &binary.to_string_lossy(),
        &format!("{} {} {key:?}", modified.as_nanos(), about.len()),
    ]);
    let directory = slot::directory().ok()?;
    sweep(&directory);
    Some(directory.join(format!("{hash}.image")))
}

/// Removes images that are an hour old: their binary may have been rebuilt, and a migration may
/// write the time, or read what is not part of the binary.
fn sweep(directory: &std::path::Path) {
    const OLD: std::time::Duration = std::time::Duration::from_secs(3_600);
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let age = entry.metadata().ok().and_then(|about| about.modified().ok()?.elapsed().ok());
        if path.extension().is_some_and(|end| end == "image") && age.is_some_and(|age| age > OLD) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Image {
    /// Reads a database. `None`: it is too large to be copied.
    pub(super) async fn read(database: &Database) -> Result<Option<Self>, TestError> {
        let (mut all, mut bytes) = (Vec::new(), 0);
        for collection in collections::collections(database).await? {
            let documents = match collection.kind.as_str() {
                "view" => Vec::new(),
                _ => collections::documents(database, &collection.name).await?,
            };
            bytes += documents.iter().map(|document| document.as_bytes().len()).sum::<usize>();
            if bytes > BYTES_MAX {
                return Ok(None);
            }
            all.push((collection, documents));
        }
        Ok(Some(Self { collections: all }))
    }

    /// Makes an empty database like this one, whose control collection is `control`.
    pub(super) async fn fill(&self, database: &Database, control: &str) -> Result<(), TestError> {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            self.collections.iter().partition(|(collection, _)| {
                is_ours(&collection.name, control) && !collection.name.contains(".kept.")
            });
        for (collection, documents) in &theirs {
            create(database, collection).await?;
            insert(database, &collection.name, documents, true).await?;
        }
        let mut uuids = Vec::new();
        if ours
            .iter()
            .any(|(_, documents)| documents.iter().any(|document| self.is_named_in(document)))
        {
            let now = collections::collections(database).await?;
            for (old, _) in &theirs {
                let new = now.iter().find(|new| new.name == old.name);
                if let (Some(old), Some(new)) = (&old.uuid, new.and_then(|new| new.uuid.as_ref())) {
                    uuids.push((old.clone(), new.clone()));
                }
            }
        }
        for (collection, documents) in &ours {
            if uuids.is_empty() {
                insert(database, &collection.name, documents, false).await?;
                continue;
            }
            let mut renamed = Vec::with_capacity(documents.len());
            for document in documents {
                let document = Document::try_from(document.as_ref())
                    .map_err(|error| TestError::set_up("read an image", error))?;
                let Bson::Document(document) = replaced(Bson::Document(document), &uuids) else {
                    continue;
                };
                let document = RawDocumentBuf::try_from(&document)
                    .map_err(|error| TestError::set_up("fill a database", error))?;
                renamed.push(document);
            }
            insert(database, &collection.name, &renamed, false).await?;
        }
        Ok(())
    }

    /// Whether a document holds the UUID of one of the collections.
    fn is_named_in(&self, document: &RawDocumentBuf) -> bool {
        let bytes = document.as_bytes();
        self.collections.iter().any(|(collection, _)| match &collection.uuid {
            Some(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: uuid })) => {
                bytes.windows(uuid.len()).any(|window| window == uuid.as_slice())
            }
            _ => false,
        })
    }

    /// Writes the file: for each collection a head and then its documents, all in BSON.
    fn write(&self, path: PathBuf) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        for (collection, documents) in &self.collections {
            let head = doc! {
                "name": &collection.name, "kind": &collection.kind, "options": collection.options.clone(),
                "uuid": collection.uuid.clone(), "indexes": collection.indexes.clone(),
                "documents": i64::try_from(documents.len()).unwrap_or(i64::MAX),
            };
            let head = RawDocumentBuf::try_from(&head).map_err(io::Error::other)?;
            bytes.extend_from_slice(head.as_bytes());
            for document in documents {
                bytes.extend_from_slice(document.as_bytes());
            }
        }
        let new = path.with_extension(format!("{:x}.new", fastrand::u64(..)));
        fs::write(&new, bytes)?;
        fs::rename(&new, path)
    }

    /// Parses a file; `None` if it is not an image.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC.as_slice())?;
        let mut collections = Vec::new();
        while !rest.is_empty() {
            let head = Document::try_from(next(&mut rest)?.as_ref()).ok()?;
            let count = usize::try_from(head.get_i64("documents").ok()?).ok()?;
            let indexes = head.get_array("indexes").ok()?.iter();
            let collection = Collection {
                name: head.get_str("name").ok()?.to_owned(),
                kind: head.get_str("kind").ok()?.to_owned(),
                options: head.get_document("options").ok()?.clone(),
                uuid: head.get("uuid").filter(|uuid| **uuid != Bson::Null).cloned(),
                indexes: indexes.filter_map(|index| index.as_document().cloned()).collect(),
            };
            let documents = (0..count).map(|_| next(&mut rest)).collect::<Option<_>>()?;
            collections.push((collection, documents));
        }
        Some(Self { collections })
    }
}

/// The next document of several: each begins with its length.
fn next(rest: &mut &[u8]) -> Option<RawDocumentBuf> {
    let length = i32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
    let (document, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    RawDocumentBuf::from_bytes(document.to_vec()).ok()
}

fn replaced(value: Bson, uuids: &[(Bson, Bson)]) -> Bson {
    match value {
        Bson::Document(document) => Bson::Document(
            document.into_iter().map(|(key, value)| (key, replaced(value, uuids))).collect(),
        ),
        Bson::Array(items) => {
            Bson::Array(items.into_iter().map(|item| replaced(item, uuids)).collect())
        }
        Bson::Binary(_) => {
            let new = uuids.iter().find(|(old, _)| *old == value).map(|(_, new)| new.clone());
            new.unwrap_or(value)
        }
        other => other,
    }
}

async fn create(database: &Database, collection: &Collection) -> Result<(), TestError> {
    let act = "fill a test's database";
    if !collection.options.is_empty() || collection.indexes.is_empty() {
        let mut command = doc! { "create": &collection.name };
        command.extend(collection.options.clone());
        if let Ok(series) = command.get_document_mut("timeseries")
            && series.contains_key("granularity")
        {
            // The granularity implies the span, and some servers refuse both together.
            series.remove("bucketMaxSpanSeconds");
        }
        database.run_command(command).await.map_err(TestError::driver(act))?;
    }
    if !collection.indexes.is_empty() {
        let indexes: Vec<Document> = collection
            .indexes
            .iter()
            .map(|index| to_rebuild(index.clone(), &collection.options))
            .collect();
        let command = doc! { "createIndexes": &collection.name, "indexes": indexes };
        database.run_command(command).await.map_err(TestError::driver(act))?;
    }
    Ok(())
}

/// Inserts with write concern majority, as the history is read with read concern majority.
async fn insert(
    database: &Database,
    name: &str,
    documents: &[RawDocumentBuf],
    bypass: bool,
) -> Result<(), TestError> {
    if documents.is_empty() {
        return Ok(());
    }
    let concern = WriteConcern::builder().w(Acknowledgment::Majority).build();
    let options = CollectionOptions::builder().write_concern(concern).build();
    let collection = database.collection_with_options::<RawDocumentBuf>(name, options);
    let mut insert = collection.insert_many(documents);
    if bypass {
        insert = insert.bypass_document_validation(true);
    }
    insert.await.map(drop).map_err(TestError::driver("fill a test's database"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_what_was_written() {
        let uuid = Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] });
        let raw = |document: Document| RawDocumentBuf::try_from(&document).expect("a document");
        let collection = Collection {
            name: "users".to_owned(),
            kind: "collection".to_owned(),
            options: doc! { "capped": true },
            uuid: Some(uuid.clone()),
            indexes: vec![doc! { "key": { "a": 1 }, "name": "a_1" }],
        };
        let documents = vec![raw(doc! { "_id": 1 }), raw(doc! { "_id": 2, "was": uuid })];
        let image = Image { collections: vec![(collection, documents)] };
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("x.image");
        image.write(path.clone()).expect("it can be written");
        let bytes = fs::read(path).expect("it was written");
        let parsed = Image::parse(&bytes).expect("it is one");
        assert_eq!(format!("{parsed:?}"), format!("{image:?}"));
        let named: Vec<bool> =
            parsed.collections[0].1.iter().map(|document| parsed.is_named_in(document)).collect();
        assert_eq!(named, [false, true]);
        for end in [0, 8, 20, bytes.len() - 1] {
            assert!(Image::parse(&bytes[..end]).is_none_or(|image| image.collections.is_empty()));
        }
    }
}
