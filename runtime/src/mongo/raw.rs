//! BSON that goes from one reply into the next command without being decoded.

use mongodb::bson::{Document, RawDocument, RawDocumentBuf};

/// With the error of whatever could not be written or read.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The type of an array's elements that are documents, and the type of an array.
const DOCUMENT: u8 = 0x03;
const ARRAY: u8 = 0x04;

/// A document as BSON.
pub(crate) fn to_bytes(document: &Document) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    document.to_writer(&mut bytes)?;
    Ok(bytes)
}

/// An array of documents, as BSON.
#[derive(Debug, Default)]
pub(crate) struct RawArray {
    elements: Vec<u8>,
    /// Where each document begins.
    begins: Vec<usize>,
}

impl RawArray {
    pub(crate) fn push(&mut self, document: &RawDocument) {
        self.elements.push(DOCUMENT);
        self.elements.extend(self.begins.len().to_string().into_bytes());
        self.elements.push(0);
        self.begins.push(self.elements.len());
        self.elements.extend(document.as_bytes());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.begins.is_empty()
    }

    /// Whether a document of so many bytes fits, too, into `bytes_max`. The first one always does.
    pub(crate) fn has_room(&self, bytes: usize, bytes_max: usize) -> bool {
        self.is_empty() || self.bytes() + bytes <= bytes_max
    }

    /// The documents, as they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RawDocument> {
        self.begins.iter().filter_map(|begin| {
            let bytes = self.elements.get(*begin..)?;
            let length = i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
            RawDocument::from_bytes(bytes.get(..usize::try_from(length).ok()?)?).ok()
        })
    }

    /// How many bytes the elements have.
    pub(crate) fn bytes(&self) -> usize {
        self.elements.len()
    }

    /// A document of these fields, with the array as its last field.
    pub(crate) fn behind(&self, fields: &Document, key: &str) -> Result<RawDocumentBuf> {
        let mut bytes = Vec::with_capacity(self.elements.len() + 256);
        fields.to_writer(&mut bytes)?;
        // The zero that ends the document comes after the array.
        bytes.pop();
        bytes.push(ARRAY);
        bytes.extend(key.bytes());
        bytes.push(0);
        // The length itself, the elements, and the zero behind them.
        bytes.extend(length(4 + self.elements.len() + 1)?);
        bytes.extend(&self.elements);
        bytes.extend([0, 0]);
        let total = length(bytes.len())?;
        if let Some(place) = bytes.get_mut(..4) {
            place.copy_from_slice(&total);
        }
        Ok(RawDocumentBuf::from_bytes(bytes)?)
    }
}

fn length(bytes: usize) -> Result<[u8; 4]> {
    Ok(i32::try_from(bytes)?.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn documents_become_the_last_field_as_they_are() {
        let mut array = RawArray::default();
        assert!(array.is_empty());
        let items: Vec<Document> = (0..12).map(|n| doc! { "n": n, "text": "é\n" }).collect();
        for item in &items {
            array.push(&RawDocumentBuf::try_from(item).unwrap());
        }
        assert!(array.bytes() > 12 * 20);
        let again: Vec<Document> =
            array.iter().map(|item| Document::try_from(item).unwrap()).collect();
        assert_eq!(again, items);
        let made = array.behind(&doc! { "insert": "a", "ordered": true }, "documents").unwrap();
        let made = Document::try_from(made.as_ref()).unwrap();
        assert_eq!(made, doc! { "insert": "a", "ordered": true, "documents": items });
        let none = RawArray::default().behind(&doc! {}, "none").unwrap();
        let none = Document::try_from(none.as_ref()).unwrap();
        assert_eq!(none, doc! { "none": Vec::<Document>::new() });
    }
}
