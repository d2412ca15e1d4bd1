//! Operators as numbers, and their precedence.

/// Packs up to four characters into one number, the first character lowest.
pub(super) const fn pack(text: &[u8]) -> u32 {
    let (mut packed, mut at) = (0, text.len());
    while at > 0 {
        at -= 1;
        packed = packed << 8 | text[at] as u32;
    }
    packed
}

/// Returns the length of the longest operator at the start of `joined`.
pub(super) fn longest(joined: &[u8]) -> usize {
    match joined {
        [b'<', b'<', b'=', ..] | [b'>', b'>', b'=', ..] | [b'.', b'.', b'.' | b'=', ..] => 3,
        [b':', b':', ..] | [b'-', b'>' | b'=', ..] | [b'=', b'>' | b'=', ..] => 2,
        [b'!' | b'+' | b'*' | b'/' | b'%' | b'^', b'=', ..] => 2,
        [b'<', b'=' | b'<', ..] | [b'>', b'=' | b'>', ..] => 2,
        [b'&', b'&' | b'=', ..] | [b'|', b'|' | b'=', ..] | [b'.', b'.', ..] => 2,
        _ => 1,
    }
}

macro_rules! operators {
    ($($name:ident $text:literal)*) => {$(
        pub(super) const $name: u32 = pack($text);
    )*};
}

operators! {
    AND b"&" AND_AND b"&&" APOSTROPHE b"'" ARROW b"=>" BANG b"!" COLON b":" COMMA b"," DOLLAR b"$" DOT b"." DOT_DOT b".."
    DOT_DOT_EQ b"..=" EQ b"=" GREATER b">" GREATER_GREATER b">>" LESS b"<" MINUS b"-" OR b"|"
    OR_OR b"||" PATH b"::" POUND b"#" QUESTION b"?" SEMICOLON b";" STAR b"*" THIN_ARROW b"->"

    AND_EQ b"&=" CARET b"^" CARET_EQ b"^=" EQ_EQ b"==" GREATER_EQ b">=" GREATER_GREATER_EQ b">>="
    LESS_EQ b"<=" LESS_LESS b"<<" LESS_LESS_EQ b"<<=" MINUS_EQ b"-=" NOT_EQ b"!=" OR_EQ b"|="
    PERCENT b"%" PERCENT_EQ b"%=" PLUS b"+" PLUS_EQ b"+=" SLASH b"/" SLASH_EQ b"/=" STAR_EQ b"*="
}

/// Returns how tightly an operator between two operands binds; 0 means that it is no such operator.
pub(super) const fn binding(operator: u32) -> u8 {
    match operator {
        EQ => ASSIGNMENT,
        DOT_DOT | DOT_DOT_EQ => RANGE,
        OR_OR => 3,
        AND_AND => CONJUNCTION,
        LESS | GREATER => COMPARISON,
        OR => 6,
        AND => 8,
        STAR => 11,
        MINUS => 10,
        EQ_EQ | NOT_EQ | LESS_EQ | GREATER_EQ => COMPARISON,
        CARET => 7,
        LESS_LESS | GREATER_GREATER => 9,
        PLUS => 10,
        SLASH | PERCENT => 11,
        PLUS_EQ | MINUS_EQ | STAR_EQ | SLASH_EQ | PERCENT_EQ | CARET_EQ | AND_EQ | OR_EQ
        | LESS_LESS_EQ | GREATER_GREATER_EQ => ASSIGNMENT,
        _ => 0,
    }
}

/// Assignments group to the right: `a = b = c`.
pub(super) const ASSIGNMENT: u8 = 1;
/// Ranges cannot be chained.
pub(super) const RANGE: u8 = 2;
pub(super) const CONJUNCTION: u8 = 4;
/// Comparisons cannot be chained.
pub(super) const COMPARISON: u8 = 5;
/// `as`
pub(super) const CAST: u8 = 12;

#[cfg(test)]
mod tests {
    //! The operators are the same as in `encode`.

    use super::*;
    use crate::checksum::encode::OPERATORS;

    #[test]
    fn the_longest_operator_is_the_same_as_for_the_tree() {
        let characters: Vec<u8> = (b'!'..=b'~').filter(u8::is_ascii_punctuation).collect();
        for &a in &characters {
            for &b in &characters {
                for &c in &characters {
                    let text = [a, b, c];
                    let known = OPERATORS.into_iter().find(|op| text.starts_with(op.as_bytes()));
                    assert_eq!(longest(&text), known.map_or(1, str::len), "{text:?}");
                }
            }
        }
    }
}
