//! Pure: values as Rust code. Paths lead through `mongrate::bson`, so that the code needs no `use`.

use mongodb::bson::{Bson, Document};

/// The most values that stand in one call of a macro: `doc!` needs some recursion of the compiler for
/// each, which ends at 128.
const IN_MACRO_MAX: usize = 16;

/// A document as code, or the path of the first value that has no code here.
pub(crate) fn document(document: &Document) -> Result<String, String> {
    if document.len() > IN_MACRO_MAX {
        return long_document(document);
    }
    Ok(format!("doc! {}", fields(document)?))
}

/// A document with many fields, without a macro around them.
fn long_document(document: &Document) -> Result<String, String> {
    let field = |(key, value): (&String, &Bson)| {
        let code = within(key, value)?;
        Ok(format!("({key:?}.to_owned(), mongrate::bson::bson!({code}))"))
    };
    let codes: Result<Vec<String>, String> = document.iter().map(field).collect();
    Ok(format!("mongrate::bson::Document::from_iter([{}])", codes?.join(", ")))
}

/// An array with many items, without a macro around them.
fn long_array(items: &[Bson]) -> Result<String, String> {
    let item = |item: &Bson| Ok(format!("mongrate::bson::bson!({})", inside(item)?));
    let codes: Result<Vec<String>, String> = items.iter().map(item).collect();
    Ok(format!("mongrate::bson::Bson::Array(vec![{}])", codes?.join(", ")))
}

/// The value of a field as it stands within `doc!`.
fn within(key: &str, value: &Bson) -> Result<String, String> {
    inside(value).map_err(|problem| format!("`{}` {problem}", key.escape_debug()))
}

/// An array of documents as code: `vec![doc! { … }]`.
pub(crate) fn documents(values: &[Bson]) -> Result<String, String> {
    let codes = values.iter().map(|value| match value {
        Bson::Document(value) => document(value),
        _ => Err("is no document".to_owned()),
    });
    Ok(format!("vec![{}]", codes.collect::<Result<Vec<_>, _>>()?.join(", ")))
}

/// A value as code, as an argument of a function that takes a value of BSON.
pub(crate) fn value(value: &Bson) -> Result<String, String> {
    match value {
        Bson::Document(value) => document(value),
        Bson::Array(_) | Bson::Null => Ok(format!("mongrate::bson::bson!({})", inside(value)?)),
        value => inside(value),
    }
}

fn fields(document: &Document) -> Result<String, String> {
    if document.is_empty() {
        return Ok("{}".to_owned());
    }
    let field = |(key, value): (&String, &Bson)| Ok(format!("{key:?}: {}", within(key, value)?));
    let codes: Result<Vec<String>, String> = document.iter().map(field).collect();
    Ok(format!("{{ {} }}", codes?.join(", ")))
}

/// A value as it stands within `doc!`.
fn inside(value: &Bson) -> Result<String, String> {
    Ok(match value {
        Bson::Document(value) if value.len() > IN_MACRO_MAX => {
            format!("({})", long_document(value)?)
        }
        Bson::Document(value) => fields(value)?,
        Bson::Array(items) if items.len() > IN_MACRO_MAX => format!("({})", long_array(items)?),
        Bson::Array(items) => {
            let codes: Result<Vec<String>, String> = items.iter().map(inside).collect();
            format!("[{}]", codes?.join(", "))
        }
        Bson::String(text) => format!("{text:?}"),
        Bson::Boolean(yes) => yes.to_string(),
        Bson::Null => "null".to_owned(),
        Bson::Int32(number) if *number < 0 => format!("({number}_i32)"),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => format!("({number}_i64)"),
        Bson::Double(number) if number.is_finite() => format!("({number:?}_f64)"),
        Bson::ObjectId(id) => {
            let bytes = id.bytes().map(|byte| byte.to_string()).join(", ");
            format!("(mongrate::bson::oid::ObjectId::from_bytes([{bytes}]))")
        }
        Bson::DateTime(at) => {
            format!("(mongrate::bson::DateTime::from_millis({}))", at.timestamp_millis())
        }
        other => {
            return Err(format!(
                "is of a type that is not written here: {:?}",
                other.element_type()
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, doc, oid::ObjectId};

    use super::*;

    #[test]
    fn values_are_written_with_their_types() {
        let id = ObjectId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
        let given = doc! {
            "a \"quoted\" key\n": "é\u{7}", "int": -1, "long": 5_i64, "double": 1.0, "none": null,
            "list": [true, { "x": [] }], "empty": {}, "at": DateTime::from_millis(-5), "id": id,
        };
        let found = document(&given).unwrap();
        assert_eq!(
            found,
            "doc! { \"a \\\"quoted\\\" key\\n\": \"é\\u{7}\", \"int\": (-1_i32), \"long\": (5_i64), \
             \"double\": (1.0_f64), \"none\": null, \"list\": [true, { \"x\": [] }], \"empty\": {}, \
             \"at\": (mongrate::bson::DateTime::from_millis(-5)), \"id\": \
             (mongrate::bson::oid::ObjectId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255])) }"
        );
        let many = Bson::Array((0..17).map(Bson::from).collect());
        let code = inside(&many).unwrap();
        assert!(code.starts_with("(mongrate::bson::Bson::Array(vec![mongrate::bson::bson!(0), "));
        let wide: Document = (0..17).map(|n| (format!("f{n}"), n.into())).collect();
        let code = document(&wide).unwrap();
        assert!(code.starts_with("mongrate::bson::Document::from_iter([(\"f0\".to_owned(), "));
        let problem = document(&doc! { "a": { "b": f64::NAN } }).unwrap_err();
        assert!(problem.starts_with("`a` `b` is of a type that is not written here"), "{problem}");
        assert_eq!(value(&Bson::Array(vec![1.into()])).unwrap(), "mongrate::bson::bson!([1])");
    }

    /// The code is the value: as the compiler reads it.
    #[test]
    fn the_code_is_the_value() {
        let same = doc! { "int": (-1_i32), "long": (5_i64), "double": (1.0_f64), "none": null };
        assert_eq!(same, doc! { "int": -1, "long": 5_i64, "double": 1.0, "none": Bson::Null });
    }
}
