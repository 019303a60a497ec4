//! Masking (RFC 6455 section 5.3): XOR with a key of four bytes that repeats.

/// Copies `src` to `dst` of the same length and XORs it with `key` on the way, which masks and unmasks alike.
///
/// `phase` is the place in the key (0 to 3) of the first byte; returned is the place for the byte after the last, so
/// that a payload may come in pieces. One pass in steps of eight bytes, which the compiler turns into vector steps.
///
/// # Panics
/// When the lengths differ.
#[inline]
pub fn copy_unmasked(src: &[u8], key: [u8; 4], phase: usize, dst: &mut [u8]) -> usize {
    assert_eq!(src.len(), dst.len(), "Bug: lengths differ");
    let key = rotate(key, phase);
    let key8 = repeat(key);
    for (from, to) in src.chunks_exact(8).zip(dst.chunks_exact_mut(8)) {
        xor8(from, key8, to);
    }
    let rest = src.len() % 8;
    if rest != 0 {
        if let (Some(from), Some(to)) = (src.last_chunk::<8>(), dst.last_chunk_mut::<8>()) {
            // Eight bytes, of which the first were done already, are faster than up to seven single ones.
            xor8(from, repeat(rotate(key, src.len())), to);
        } else {
            for ((from, to), key) in src.iter().zip(dst).zip(key.iter().cycle()) {
                *to = from ^ key;
            }
        }
    }
    (phase + src.len()) & 3
}

/// Appends `src`, unmasked as by [`copy_unmasked`], to `out`.
pub(crate) fn append_unmasked(src: &[u8], key: [u8; 4], phase: usize, out: &mut Vec<u8>) -> usize {
    let before = out.len();
    out.resize(before + src.len(), 0);
    copy_unmasked(src, key, phase, &mut out[before..])
}

#[inline]
fn xor8(from: &[u8], key: u64, to: &mut [u8]) {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(from);
    to.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ key).to_ne_bytes());
}

/// The key as it is for a payload that begins `phase` bytes later.
#[inline]
fn rotate(key: [u8; 4], phase: usize) -> [u8; 4] {
    u32::from_le_bytes(key)
        .rotate_right(8 * (phase & 3) as u32)
        .to_le_bytes()
}

/// The key twice, in memory order.
#[inline]
fn repeat(key: [u8; 4]) -> u64 {
    let key = u64::from(u32::from_ne_bytes(key));
    key << 32 | key
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    fn naive(src: &[u8], phase: usize) -> Vec<u8> {
        src.iter()
            .enumerate()
            .map(|(at, byte)| byte ^ KEY[(phase + at) % 4])
            .collect()
    }

    #[test]
    fn equals_the_naive_loop_for_all_phases_and_lengths() {
        let src: Vec<u8> = (0..300).map(|at| (at * 7) as u8).collect();
        for phase in 0..4 {
            for len in 0..src.len() {
                let mut dst = vec![0xAA; len];
                let after = copy_unmasked(&src[..len], KEY, phase, &mut dst);
                assert_eq!(
                    dst,
                    naive(&src[..len], phase),
                    "phase {phase}, length {len}"
                );
                assert_eq!(after, (phase + len) % 4);
            }
        }
    }

    #[test]
    fn pieces_make_up_the_whole() {
        let src: Vec<u8> = (0..64).collect();
        for first in 0..src.len() {
            for second in first..src.len() {
                let mut out = Vec::new();
                let mut phase = 0;
                for piece in [&src[..first], &src[first..second], &src[second..]] {
                    phase = append_unmasked(piece, KEY, phase, &mut out);
                }
                assert_eq!(out, naive(&src, 0));
            }
        }
    }
}
