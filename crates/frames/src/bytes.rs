//! Bytes in at most two runs, looked at by their place.

use gev_wire::Input;

/// Some bytes of an [`Input`], of which nothing is consumed by looking at them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a> {
    first: &'a [u8],
    second: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// All that is left of an input.
    pub(crate) fn of(input: &Input<'a>) -> Self {
        Self {
            first: input.first(),
            second: input.second(),
        }
    }

    /// The same as an input.
    pub(crate) fn input(&self) -> Input<'a> {
        Input::new(self.first, self.second)
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        match self.first.get(at) {
            Some(byte) => Some(*byte),
            None => self.second.get(at - self.first.len()).copied(),
        }
    }

    /// Those from `from` on and before `to`; as many of them as there are.
    pub(crate) fn range(&self, from: usize, to: usize) -> Self {
        let seam = self.first.len();
        let part = |bytes: &'a [u8], from: usize, to: usize| {
            let to = to.min(bytes.len());
            &bytes[from.min(to)..to]
        };
        Self {
            first: part(self.first, from, to),
            second: part(
                self.second,
                from.saturating_sub(seam),
                to.saturating_sub(seam),
            ),
        }
    }

    /// Both runs.
    pub(crate) fn runs(&self) -> [&'a [u8]; 2] {
        [self.first, self.second]
    }

    /// Copies all of them to a slice of their length.
    pub(crate) fn copy_to(&self, out: &mut [u8]) {
        let (first, second) = out.split_at_mut(self.first.len());
        first.copy_from_slice(self.first);
        second.copy_from_slice(self.second);
    }

    /// How far they are `sequence` from `at` on.
    pub(crate) fn compare(&self, at: usize, sequence: &[u8]) -> Likeness {
        for (place, byte) in sequence.iter().enumerate() {
            match self.get(at + place) {
                None => return Likeness::Partial,
                Some(other) if other != *byte => return Likeness::None,
                Some(_) => {}
            }
        }
        Likeness::Full
    }

    /// Where the first byte at or behind `from` is for which `search` finds a place in a run.
    pub(crate) fn find(
        &self,
        from: usize,
        search: impl Fn(&[u8]) -> Option<usize>,
    ) -> Option<usize> {
        let seam = self.first.len();
        if from < seam
            && let Some(at) = search(&self.first[from..])
        {
            return Some(from + at);
        }
        let from = from.max(seam);
        let rest = self.second.get(from - seam..)?;
        search(rest).map(|at| from + at)
    }
}

/// How far some bytes are a sequence that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    None,
    /// As far as they go.
    Partial,
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_the_bytes_wrap_they_are_the_same() {
        let all = b"abcdef";
        for seam in 0..=all.len() {
            let (first, second) = all.split_at(seam);
            let bytes = Bytes::of(&Input::new(first, second));
            assert_eq!((bytes.len(), bytes.get(6)), (6, None));
            for from in 0..=all.len() {
                for to in from..=all.len() {
                    let mut copy = vec![0; to - from];
                    bytes.range(from, to).copy_to(&mut copy);
                    assert_eq!(copy, all[from..to]);
                }
                let e = |run: &[u8]| run.iter().position(|byte| *byte == b'e');
                assert_eq!(bytes.find(from, e), (from <= 4).then_some(4));
                let expected = match from {
                    4 => Likeness::Full,
                    6 => Likeness::Partial,
                    _ => Likeness::None,
                };
                assert_eq!(bytes.compare(from, b"ef"), expected);
            }
            assert_eq!(bytes.compare(5, b"fg"), Likeness::Partial);
        }
    }
}
