//! The text of a live schema, as `mongrate::testing::snapshot` writes it: `schema.snap`.

use std::collections::BTreeMap;

use mongrate_seal::models::{Index, Json};

/// A collection on a server.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// `collection`, `view` or `timeseries`.
    pub(super) kind: String,
    pub(super) options: BTreeMap<String, Json>,
    pub(super) indexes: BTreeMap<String, Index>,
}

/// Reads the text. The error is the number of the line that is not understood.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Live>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut all = BTreeMap::new();
    let mut current: Option<(String, Live)> = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        let number = at + 1;
        let Some(inner) = line.strip_prefix("  ") else {
            let (kind, name) = line.split_once(' ').ok_or(number)?;
            if !["collection", "view", "timeseries"].contains(&kind) {
                return Err(number);
            }
            all.extend(current.take());
            current = Some((name.to_owned(), Live { kind: kind.to_owned(), ..Live::default() }));
            continue;
        };
        let (_, live) = current.as_mut().ok_or(number)?;
        // A long value is on several lines; the last one is as far in as the first.
        let mut whole = inner.to_owned();
        while let Some((_, next)) = lines.peek()
            && (next.starts_with("   ") || next.starts_with("  }") || next.starts_with("  ]"))
        {
            whole.push(' ');
            whole.push_str(next.trim());
            lines.next();
        }
        match whole.strip_prefix("index ") {
            Some(index) => {
                let index = self::index(index).ok_or(number)?;
                live.indexes.insert(index.name.clone(), index);
            }
            None => {
                let (key, value) = whole.split_once(' ').ok_or(number)?;
                live.options.insert(key.to_owned(), Json::parse(value).ok_or(number)?);
            }
        }
    }
    all.extend(current);
    Ok(all)
}

/// `email_1 { "email": 1 } unique true`
fn index(text: &str) -> Option<Index> {
    let (name, rest) = text.split_once(" {")?;
    let keys = format!("{{{rest}");
    let (Json::Object(keys), mut rest) = Json::prefix(&keys)? else { return None };
    let mut options = BTreeMap::new();
    while let Some((key, value)) = rest.trim_start().split_once(' ') {
        if let (true, Some(after)) = (key == "collation", value.strip_prefix("simple")) {
            options.insert(key.to_owned(), Json::object([("locale", Json::text("simple"))]));
            rest = after;
            continue;
        }
        let (value, after) = Json::prefix(value)?;
        options.insert(key.to_owned(), value);
        rest = after;
    }
    rest.trim().is_empty().then(|| Index { name: name.to_owned(), keys, options })
}

#[cfg(test)]
mod tests {
    //! The forms of lines.

    use super::*;

    #[test]
    fn a_schema_is_read() {
        let text = "collection logs\n  capped true\n  size 4096\n\ncollection users\n  validationLevel \
                    \"moderate\"\n  validator {\n    \"$jsonSchema\": {\n      \"required\": [\n        \"a\"\n      \
                    ]\n    }\n  }\n  index a b { \"b\": 1, \"a\": -1 } collation { \"locale\": \"de\" } unique \
                    true\n  index c_1 { \"c\": 1 } collation simple\n\nview v\n  viewOn \"users\"\n";
        let all = parse(text).unwrap();
        assert_eq!(parse(&format!("\u{feff}{}", text.replace('\n', "\r\n"))).as_ref(), Ok(&all));
        assert_eq!(all.keys().collect::<Vec<_>>(), ["logs", "users", "v"]);
        assert_eq!(
            all["users"].options["validator"].to_string(),
            "{\"$jsonSchema\":{\"required\":[\"a\"]}}"
        );
        let index = &all["users"].indexes["a b"];
        assert_eq!(
            index.json().to_string(),
            "{\"key\":{\"b\":1,\"a\":-1},\"name\":\"a b\",\"collation\":{\"locale\":\"de\"},\"unique\":true}"
        );
        assert_eq!(
            all["users"].indexes["c_1"].options["collation"].to_string(),
            "{\"locale\":\"simple\"}"
        );
        assert_eq!((all["v"].kind.as_str(), all["v"].indexes.len()), ("view", 0));
    }

    #[test]
    fn anything_else_is_named_by_its_line() {
        for (text, line) in [
            ("users\n", 1),
            ("table users\n", 1),
            ("  a 1\n", 1),
            ("collection users\n  a\n", 2),
            ("collection users\n\n  a {\n", 3),
            ("collection users\n  index a\n", 2),
            ("collection users\n  index a { \"a\": 1 } unique\n", 2),
        ] {
            assert_eq!(parse(text).unwrap_err(), line, "{text}");
        }
    }
}
