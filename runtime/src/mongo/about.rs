//! Errors that say which documents they are about.

use std::error::Error as StdError;

use mongodb::bson::Bson;

use super::{driver, server_error};

/// How many documents are named at most.
const NAMED_MAX: usize = 20;

/// An error that is about one document.
#[derive(Debug, thiserror::Error)]
#[error("the document with `_id` {id}{more}")]
pub(crate) struct InDocument {
    pub(crate) id: Bson,
    pub(crate) more: String,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// An error that is about these documents.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct InDocuments {
    pub(crate) text: String,
    pub(crate) ids: Vec<String>,
    pub(crate) source: Box<dyn StdError + Send + Sync>,
}

/// The `_id` in an error that has it already.
pub(crate) fn document(error: &(dyn StdError + 'static)) -> Option<Bson> {
    let found = driver::chain(error).find_map(|link| link.downcast_ref::<InDocument>())?;
    Some(found.id.clone())
}

/// The `_id`s of the documents that an error is about, as far as it says.
pub(crate) fn documents(error: &(dyn StdError + 'static)) -> Vec<String> {
    let named = driver::chain(error).find_map(|link| {
        let one = link.downcast_ref::<InDocument>().map(|one| vec![one.id.to_string()]);
        one.or_else(|| link.downcast_ref::<InDocuments>().map(|some| some.ids.clone()))
    });
    let known = || server_error::details_in(error).map(|details| details.ids);
    let mut ids = named.or_else(known).unwrap_or_default();
    ids.truncate(NAMED_MAX);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_known_however_deep_the_error_is() {
        #[derive(Debug, thiserror::Error)]
        #[error("around")]
        struct Around(#[source] Box<dyn StdError + Send + Sync>);

        let of = |id: Bson| InDocument { id, more: String::new(), source: "no".into() };
        let error = Around(Box::new(Around(Box::new(of("anna".into())))));
        assert_eq!(documents(&error), ["\"anna\""]);
        assert_eq!(document(&error), Some("anna".into()));
        let ids: Vec<String> = (0..30).map(|id| id.to_string()).collect();
        let error = Around(Box::new(InDocuments { text: String::new(), ids, source: "no".into() }));
        assert_eq!(documents(&error).len(), NAMED_MAX);
        assert_eq!(documents(&Around("no".into())), Vec::<String>::new());
    }
}
