//! Tokens of HTTP (RFC 9110 section 5.6.2).

/// True for a byte that may stand in a token.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// True for a token, which is not empty.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// The token at the beginning of `bytes`, perhaps an empty one, and what follows it.
pub(crate) fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let len = bytes
        .iter()
        .take_while(|&&byte| is_token_byte(byte))
        .count();
    bytes.split_at(len)
}
