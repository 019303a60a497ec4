//! Bytes of somebody else's that are sent from where they are.

use std::fmt;

/// Bytes that are lent until they have been sent, or are not going to be: they are given back when this is dropped.
///
/// Nobody may change them meanwhile.
pub struct Loan(Box<dyn AsRef<[u8]> + Send + Sync>);

impl Loan {
    /// Whatever has bytes, which are always the same; dropped, it is given back.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loan").field(&self.bytes().len()).finish()
    }
}
