//! Paths of fields, as in indexes: `address.city`. They go through arrays, as the server's do.

use super::{
    constant::{ConstField, ConstShape, ShapeRef},
    shape::{Rest, Shape},
};

/// How many shapes a path goes through before it is taken for a circle.
const STEPS_MAX: usize = 64;

impl ShapeRef {
    /// Whether documents may have a field at this path, at compile time. `true` where documents may
    /// have any field.
    pub const fn has_path(self, path: &str) -> bool {
        !path.is_empty() && has_path(self.get(), path.as_bytes(), 0, 0)
    }
}

/// Whether there is a field at the path from its byte `from`. (A constant cannot cut a string.)
const fn has_path(shape: &'static ConstShape, path: &[u8], from: usize, steps: usize) -> bool {
    if steps > STEPS_MAX {
        return true;
    }
    match shape {
        ConstShape::Any => true,
        ConstShape::Scalar(types) => {
            from > path.len() || types.meets(super::types::Types::OBJECT) || is_any(path, from)
        }
        ConstShape::Values { .. } => from > path.len(),
        ConstShape::Nullable(inner) => has_path(inner.get(), path, from, steps + 1),
        ConstShape::Array { item, .. } => {
            from > path.len() || has_path(item.get(), path, after_number(path, from), steps + 1)
        }
        ConstShape::Tuple(items) => {
            let mut at = 0;
            while at < items.len() {
                if has_path(items[at].get(), path, after_number(path, from), steps + 1) {
                    return true;
                }
                at += 1;
            }
            from > path.len()
        }
        ConstShape::Map(item) => {
            from > path.len() || has_path(item.get(), path, after(path, from), steps + 1)
        }
        ConstShape::Union { alternatives, .. } => {
            let mut at = 0;
            while at < alternatives.len() {
                if has_path(alternatives[at].shape.get(), path, from, steps + 1) {
                    return true;
                }
                at += 1;
            }
            false
        }
        ConstShape::Object { fields, .. } => {
            from > path.len() || is_any(path, from) || in_fields(fields, path, from, steps)
        }
    }
}

const fn in_fields(fields: &'static [ConstField], path: &[u8], from: usize, steps: usize) -> bool {
    let mut at = 0;
    while at < fields.len() {
        let field = &fields[at];
        if field.is_flattened {
            if has_path(field.shape.get(), path, from, steps + 1) {
                return true;
            }
        } else if is_segment(field.name.as_bytes(), path, from)
            && has_path(field.shape.get(), path, after(path, from), steps + 1)
        {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether the path's next segment is this name.
const fn is_segment(name: &[u8], path: &[u8], from: usize) -> bool {
    let end = from + name.len();
    if end > path.len() || (end < path.len() && path[end] != b'.') {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if name[at] != path[from + at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether the path's last segment is `$**`, all fields.
const fn is_any(path: &[u8], from: usize) -> bool {
    is_segment(b"$**", path, from) && from + 3 == path.len()
}

/// Returns where the path's next segment begins; behind the path if there is none.
const fn after(path: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < path.len() && path[at] != b'.' {
        at += 1;
    }
    at + 1
}

/// Returns where the path goes on behind the number of an element, if there is one.
const fn after_number(path: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < path.len() && path[at].is_ascii_digit() {
        at += 1;
    }
    match at > from && (at >= path.len() || path[at] == b'.') {
        true => at + 1,
        false => from,
    }
}

impl Shape {
    /// Returns the shape at a path such as `address.city`, through arrays and maps. `None` if documents
    /// have no such field, or if alternatives have different ones.
    pub fn at(&self, path: &str) -> Option<&Self> {
        let (segment, rest) =
            path.split_once('.').map_or((path, None), |(one, rest)| (one, Some(rest)));
        if segment.is_empty() {
            return None;
        }
        let next = match self {
            Self::Object(object) => match object.fields.get(segment) {
                Some(field) => &field.shape,
                None => match &object.rest {
                    Rest::Of(shape) => shape,
                    _ => return object.parts.values().find_map(|part| part.at(path)),
                },
            },
            Self::Nullable(shape) => return shape.at(path),
            Self::Array { item, .. } if segment.bytes().all(|byte| byte.is_ascii_digit()) => item,
            Self::Array { item, .. } => return item.at(path),
            Self::Map(item) => item,
            Self::Union { alternatives, .. } => {
                let mut found = alternatives.values().filter_map(|each| each.at(path));
                let first = found.next()?;
                return found.all(|other| other.is_same(first)).then_some(first);
            }
            _ => return None,
        };
        match rest {
            Some(rest) => next.at(rest),
            None => Some(next),
        }
    }
}
