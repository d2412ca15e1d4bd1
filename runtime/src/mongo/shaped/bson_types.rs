//! The types of `bson`, of either major version.

use mongodb::bson::{
    self, Binary, Bson, DateTime, DbPointer, Decimal128, Document, JavaScriptCodeWithScope,
    RawArray, RawArrayBuf, RawBson, RawDocument, RawDocumentBuf, Regex, Timestamp, oid::ObjectId,
};
use mongrate_seal::models::{ConstShape, ShapeRef, Types};

use super::trait_def::{Shaped, of, scalars};

scalars! {
    ARRAY: RawArray, RawArrayBuf;
    BINARY: Binary, bson::Uuid;
    DATE: DateTime;
    DB_POINTER: DbPointer;
    DECIMAL: Decimal128;
    JAVASCRIPT_WITH_SCOPE: JavaScriptCodeWithScope;
    OBJECT_ID: ObjectId;
    REGEX: Regex;
    TIMESTAMP: Timestamp;
}

macro_rules! anything {
    ($($type:ty: $shape:expr;)*) => {
        $(
            impl Shaped for $type {
                const SHAPE: ShapeRef = of(&$shape);
            }
        )*
    };
}

anything! {
    Bson: ConstShape::Any;
    RawBson: ConstShape::Any;
    Document: ConstShape::Map(of(&ConstShape::Any));
    RawDocument: ConstShape::Map(of(&ConstShape::Any));
    RawDocumentBuf: ConstShape::Map(of(&ConstShape::Any));
}
