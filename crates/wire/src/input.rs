//! Bytes that wait to be decoded.

/// Undecoded bytes of one connection, in at most two runs (a [`RingBuffer`](crate::RingBuffer) may wrap).
///
/// ```text
///   first ........ | second ......
///   ^ consumed from here
/// ```
/// Invariant: `second` is empty whenever `first` is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input<'a> {
    first: &'a [u8],
    second: &'a [u8],
}

impl<'a> Input<'a> {
    /// Input made of `first` followed by `second`.
    #[must_use]
    pub fn new(first: &'a [u8], second: &'a [u8]) -> Self {
        if first.is_empty() {
            Self {
                first: second,
                second: first,
            }
        } else {
            Self { first, second }
        }
    }

    /// Number of bytes left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    /// True when nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The run of bytes that comes next; empty only when the input is.
    #[must_use]
    pub fn first(&self) -> &'a [u8] {
        self.first
    }

    /// The run of bytes behind [`first`](Self::first).
    #[must_use]
    pub fn second(&self) -> &'a [u8] {
        self.second
    }

    /// Takes `n` bytes off the front.
    ///
    /// # Panics
    /// When fewer than `n` bytes are left.
    pub fn consume(&mut self, n: usize) {
        if n < self.first.len() {
            self.first = &self.first[n..];
        } else {
            *self = Self::new(&self.second[n - self.first.len()..], &[]);
        }
    }

    /// Copies the first bytes into `out` without consuming them; returns how many there were to copy.
    pub fn peek_into(&self, out: &mut [u8]) -> usize {
        let from_first = self.first.len().min(out.len());
        out[..from_first].copy_from_slice(&self.first[..from_first]);
        let from_second = self.second.len().min(out.len() - from_first);
        out[from_first..from_first + from_second].copy_from_slice(&self.second[..from_second]);
        from_first + from_second
    }
}

impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consume_crosses_the_seam() {
        for n in 0..=5 {
            let mut input = Input::new(b"abc", b"de");
            input.consume(n);
            let mut rest = [0; 5];
            let len = input.peek_into(&mut rest);
            assert_eq!(&rest[..len], &b"abcde"[n..]);
            assert_eq!(input.len(), 5 - n);
            assert_eq!(input.is_empty(), n == 5);
        }
    }

    #[test]
    fn empty_first_run_is_skipped() {
        let input = Input::new(b"", b"xy");
        assert_eq!(input.first(), b"xy");
        assert!(input.second().is_empty());
    }
}
