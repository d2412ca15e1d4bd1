//! Bytes as hexadecimal digits.

/// Two lower-case digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

/// The bytes of 64 hexadecimal digits. A start may read the checksum of every migration, so no digit
/// takes a branch or a table: the compiler then converts many at a time.
pub fn bytes(hex: &str) -> Option<[u8; 32]> {
    let hex: &[u8; 64] = hex.as_bytes().try_into().ok()?;
    let is_hex = hex.iter().fold(true, |is_hex, digit| is_hex & digit.is_ascii_hexdigit());
    // `0` is 0x30, `A` is 0x41, `a` is 0x61.
    let digits = hex.map(|digit| (digit & 15) + 9 * (digit >> 6));
    let (pairs, _) = digits.as_chunks::<2>();
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = high << 4 | low;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read() {
        let text = "00ff".repeat(16);
        let expected = [0, 0xff].repeat(16);
        assert_eq!(bytes(&text).map(Vec::from), Some(expected.clone()));
        assert_eq!(bytes(&text.to_uppercase()).map(Vec::from), Some(expected));
        for bad in ["g", "/", ":", "@", "`", "G", " ", "+"] {
            assert_eq!(bytes(&text.replacen('f', bad, 1)), None, "{bad}");
        }
        assert_eq!(bytes(&text[1..]), None);
    }
}
