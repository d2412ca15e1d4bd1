//! Comments. Documentation is no comment to the compiler, but an attribute.

/// Returns the length of the comment or documentation at the start of a text, without the end of its
/// line; 0 if there is none. A block that does not end takes the rest.
pub fn comment(text: &[u8]) -> usize {
    match text {
        [b'/', b'/', ..] => line(text),
        [b'/', b'*', ..] => block(text),
        _ => 0,
    }
}

/// Whether a text begins with `///`, `//!`, `/** … */` or `/*! … */`, but not with `////` or `/***`.
pub fn is_documentation(text: &[u8]) -> bool {
    match text {
        [b'/', b'/', b'!', ..] | [b'/', b'*', b'!', ..] => true,
        [b'/', b'/', b'/', next, ..] => *next != b'/',
        [b'/', b'/', b'/'] => true,
        [b'/', b'*', b'*', next, ..] => *next != b'*' && *next != b'/',
        _ => false,
    }
}

fn line(text: &[u8]) -> usize {
    let mut at = 2;
    while at < text.len() && text[at] != b'\n' {
        at += 1;
    }
    at
}

/// Returns the length of a `/* … */`, which may hold other comments.
fn block(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth.saturating_sub(1)),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::comment;

    #[test]
    fn comments_that_do_not_end_take_the_rest() {
        assert_eq!(comment(b"/* a /* b */"), 12);
        assert_eq!(comment(b"/**/x"), 4);
        assert_eq!((comment(b"// a\nb"), comment(b"//"), comment(b"/ /")), (4, 2, 0));
    }
}
