//! Pure: what an operation found, as it is stored.
//!
//! Options and filters hold names like `$gt`, which servers before 5.0 do not store in a document.
//! So the documents in it are stored as bytes.

use mongodb::bson::{Binary, Bson, Document, spec::BinarySubtype};

use crate::model::result::BoxError;

/// Replaces documents with their bytes.
pub(super) fn pack(found: &Document) -> Result<Document, BoxError> {
    let packed = found.iter().map(|(key, value)| {
        let value = match value {
            Bson::Document(document) => {
                let mut bytes = Vec::new();
                document.to_writer(&mut bytes)?;
                Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })
            }
            value => value.clone(),
        };
        Ok((key.clone(), value))
    });
    packed.collect()
}

/// Replaces bytes with the documents that they hold.
pub(super) fn unpack(stored: &Document) -> Document {
    let unpacked = stored.iter().map(|(key, value)| {
        let document = match value {
            Bson::Binary(binary) if binary.subtype == BinarySubtype::Generic => {
                Document::from_reader(binary.bytes.as_slice()).ok()
            }
            _ => None,
        };
        (key.clone(), document.map_or_else(|| value.clone(), Bson::Document))
    });
    unpacked.collect()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn what_was_found_is_stored_without_a_dollar() {
        let uuid = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
        let found = doc! {
            "existed": true, "kept": "x", "uuid": uuid, "spec": { "a.b": { "$gt": 1 }, "none": {} },
        };
        let packed = pack(&found).unwrap();
        assert!(!packed.to_string().contains('$'), "{packed}");
        assert_eq!(unpack(&packed), found);
    }
}
