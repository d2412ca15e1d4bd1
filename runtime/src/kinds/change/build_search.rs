//! The operations on search indexes that can be declared.

use mongodb::bson::Document;

use super::{build_options::CreateSearchIndex, declared::Change, operation::Operation, search};

impl Change {
    /// Creates a search index, which `$search` uses. `definition` is what the server calls so, as
    /// `doc! { "mappings": { "dynamic": true } }`. Done when searches can use the index. Needs a
    /// deployment with search.
    ///
    /// Refused if there is no such collection, or if an index has the name already; see
    /// [`if_not_exists`](CreateSearchIndex::if_not_exists).
    ///
    /// *Undone* by dropping the index.
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn search(change: &mut Change) {
    ///     change
    ///         .create_search_index("articles", doc! { "mappings": { "dynamic": true } })
    ///         .name("articles");
    /// }
    /// ```
    pub fn create_search_index(
        &mut self,
        collection: impl Into<String>,
        definition: Document,
    ) -> CreateSearchIndex<'_> {
        self.search_index(collection.into(), search::KIND, definition)
    }

    /// Creates a vector-search index, which `$vectorSearch` uses. Otherwise as
    /// [`create_search_index`](Self::create_search_index).
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn vectors(change: &mut Change) {
    ///     let embedding = doc! {
    ///         "type": "vector", "path": "embedding", "numDimensions": 1536, "similarity": "cosine",
    ///     };
    ///     change
    ///         .create_vector_search_index("articles", doc! { "fields": [embedding] })
    ///         .name("embeddings");
    /// }
    /// ```
    pub fn create_vector_search_index(
        &mut self,
        collection: impl Into<String>,
        definition: Document,
    ) -> CreateSearchIndex<'_> {
        self.search_index(collection.into(), search::VECTOR_KIND, definition)
    }

    fn search_index(
        &mut self,
        collection: String,
        kind: &str,
        definition: Document,
    ) -> CreateSearchIndex<'_> {
        let kind = kind.to_owned();
        let act = search::Act::Create { kind, definition, if_not_exists: false };
        let search = search::Search::new(collection, search::NAME.to_owned(), act);
        self.operations.push(Operation::Search(search));
        match self.operations.last_mut() {
            Some(Operation::Search(search)) => CreateSearchIndex { search },
            _ => unreachable!("it was recorded just now"),
        }
    }

    /// Gives a search index or a vector-search index another definition. Searches use the former one
    /// until the new one is built. Done when they use the new one. Refused if there is no such index.
    ///
    /// *Undone* by giving it the former definition.
    pub fn update_search_index(
        &mut self,
        collection: impl Into<String>,
        name: impl Into<String>,
        definition: Document,
    ) {
        let act = search::Act::Update { definition };
        let search = search::Search::new(collection.into(), name.into(), act);
        self.operations.push(Operation::Search(search));
    }

    /// Drops a search index or a vector-search index. Refused if there is no such index; see
    /// [`drop_search_index_if_exists`](Self::drop_search_index_if_exists).
    ///
    /// *Undone* by creating the index as it was.
    pub fn drop_search_index(&mut self, collection: impl Into<String>, name: impl Into<String>) {
        let act = search::Act::Drop { if_exists: false };
        let search = search::Search::new(collection.into(), name.into(), act);
        self.operations.push(Operation::Search(search));
    }

    /// The same, and does nothing if there is no such index.
    pub fn drop_search_index_if_exists(
        &mut self,
        collection: impl Into<String>,
        name: impl Into<String>,
    ) {
        let act = search::Act::Drop { if_exists: true };
        let search = search::Search::new(collection.into(), name.into(), act);
        self.operations.push(Operation::Search(search));
    }
}
