//! Enough of the driver for realistic bodies to compile.

use std::{io, marker::PhantomData};

/// Keys and values, in order.
#[derive(Clone, Debug, Default)]
pub struct Document(Vec<(String, Value)>);

/// A value in a document.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    Document(Document),
}

impl Document {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn insert(&mut self, key: &str, value: impl Into<Value>) {
        self.0.push((key.to_owned(), value.into()));
    }
}

macro_rules! from {
    ($($ty:ty => $variant:ident,)*) => {$(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! { bool => Bool, i32 => Int, i64 => Int, &str => Text, String => Text, Document => Document, }

/// Makes a document: `doc! { "plan": null, "$set": { "seats": seats.len() } }`. As the real one, it
/// reads one value after the other. What it does not understand is left out.
#[macro_export]
macro_rules! doc {
    (@into $document:ident) => {};
    (@into $document:ident $key:literal : null $(, $($rest:tt)*)?) => {
        $document.insert($key, $crate::bson::NULL);
        $crate::doc!(@into $document $($($rest)*)?);
    };
    (@into $document:ident $key:literal : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $document.insert($key, $crate::bson::NULL);
        $crate::doc!(@into $document $($($rest)*)?);
    };
    (@into $document:ident $key:literal : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $document.insert($key, $crate::doc! { $($inner)* });
        $crate::doc!(@into $document $($($rest)*)?);
    };
    (@into $document:ident $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $document.insert($key, $value);
        $crate::doc!(@into $document $($($rest)*)?);
    };
    (@into $document:ident $($any:tt)*) => {};
    ($($entries:tt)*) => {{
        #[allow(unused_mut)]
        let mut document = $crate::bson::Document::new();
        $crate::doc!(@into document $($entries)*);
        document
    }};
}

#[derive(Debug)]
pub struct Transaction<'c>(PhantomData<&'c mut ()>);

#[derive(Debug)]
pub struct Online<'c>(PhantomData<&'c mut ()>);

/// Forgets what is declared.
#[derive(Debug)]
pub struct Change(());

/// The options of any operation.
#[derive(Debug)]
pub struct Declared(());

/// A type that a field is converted to or from.
#[derive(Clone, Copy, Debug)]
pub enum FieldType {
    Int,
    String,
}

/// The operations that `cargo mongrate diff` writes in the fixtures.
macro_rules! declared {
    ($($ty:ident: $($name:ident($($argument:ty),*)),*;)*) => {$(
        impl $ty {
            $(pub fn $name(&mut self $(, _: $argument)*) -> Declared {
                Declared(())
            })*
        }
    )*};
}

declared! {
    Change:
        create_collection(&str),
        rename_collection(&str, &str),
        drop_collection(&str),
        create_index(&str, Document),
        drop_index(&str, Document),
        hide_index(&str, &str),
        expire_after(&str, &str, std::time::Duration),
        rename_field(&str, &str, &str),
        move_field(&str, &str, &str),
        add_field(&str, &str, impl Into<Value>),
        remove_field(&str, &str),
        change_type(&str, &str, FieldType, FieldType),
        update(&str, Vec<Document>, Vec<Document>),
        set_validator(&str, Document),
        unset_validator(&str);
    Declared:
        validator(Document),
        validation_level(&str),
        validation_action(&str),
        level(&str),
        action(&str),
        unique(bool),
        expire_after(std::time::Duration),
        option(&str, impl Into<Value>),
        filter(Document),
        partial_filter(Document);
}

#[derive(Debug)]
pub struct Collection<'a, T>(String, PhantomData<(&'a mut (), fn() -> T)>);

impl Transaction<'_> {
    pub fn collection<T>(&mut self, name: &str) -> Collection<'_, T> {
        Collection(name.to_owned(), PhantomData)
    }
}

impl Online<'_> {
    pub async fn transaction<F>(&mut self, _: &str, mut body: F) -> Result<(), crate::BoxError>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), crate::BoxError>,
    {
        body(&mut Transaction(PhantomData)).await
    }
}

impl<T> Collection<'_, T> {
    pub async fn update_many(&mut self, filter: Document, update: Document) -> io::Result<u64> {
        Ok((filter.0.len() + update.0.len() + self.0.len()) as u64)
    }

    pub async fn insert_one(&mut self, document: T) -> io::Result<()> {
        drop(document);
        Ok(())
    }

    pub async fn insert_many(&mut self, documents: impl IntoIterator<Item = T>) -> io::Result<u64> {
        Ok(documents.into_iter().count() as u64)
    }

    pub async fn delete_many(&mut self, filter: Document) -> io::Result<u64> {
        Ok((filter.0.len() + self.0.len()) as u64)
    }
}
