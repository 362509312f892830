//! LEB128 numbers and zigzag differences. Must not know what the numbers mean.

use crate::Malformed;

/// The most bytes that one number takes.
pub(crate) const MAX: usize = 10;
/// Says of each byte of a number that another follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Small differences of either sign as small numbers.
#[inline]
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

#[inline]
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Writes `number` at `at` and returns where the next byte goes. What lies up to [`MAX`] bytes from `at` may be
/// overwritten.
#[inline]
pub(crate) fn put(out: &mut [u8], at: usize, number: u64) -> usize {
    match put_word(number) {
        Some((word, length)) => {
            out[at..at + 8].copy_from_slice(&word.to_le_bytes());
            at + length
        }
        None => put_bytes(out, at, number),
    }
}

/// As [`put`], where mostly one byte will do.
#[inline]
pub(crate) fn put_small(out: &mut [u8], at: usize, number: u64) -> usize {
    if number >= 0x80 {
        return put(out, at, number);
    }
    out[at] = number.to_le_bytes()[0];
    at + 1
}

/// A number that takes at most eight bytes as these and its length, without a branch for each of them.
#[inline]
fn put_word(number: u64) -> Option<(u64, usize)> {
    if number >> 56 != 0 {
        return None;
    }
    // The halves are set four bits apart, the quarters two, the eighths one: each then has a byte of its own.
    let x = (number & 0x0fff_ffff) | (number & 0x00ff_ffff_f000_0000) << 4;
    let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x0fff_c000_0fff_c000) << 2;
    let x = (x & 0x007f_007f_007f_007f) | (x & 0x3f80_3f80_3f80_3f80) << 1;
    let last = (x | 1).ilog2() as usize / 8;
    let more = MORE & ((1 << (8 * last)) - 1);
    Some((x | more, last + 1))
}

#[cold]
fn put_bytes(out: &mut [u8], mut at: usize, mut number: u64) -> usize {
    while number >= 0x80 {
        out[at] = number.to_le_bytes()[0] | 0x80;
        number >>= 7;
        at += 1;
    }
    out[at] = number.to_le_bytes()[0];
    at + 1
}

/// Appends `number`.
pub(crate) fn push(out: &mut Vec<u8>, number: u64) {
    let mut bytes = [0; MAX];
    let end = put(&mut bytes, 0, number);
    out.extend_from_slice(&bytes[..end]);
}

/// Reads the number at `*at` and moves `*at` behind it.
#[inline]
pub(crate) fn take(bytes: &[u8], at: &mut usize) -> Result<u64, Malformed> {
    match bytes.get(*at..).and_then(<[u8]>::first_chunk) {
        Some(&word) => match take_word(u64::from_le_bytes(word)) {
            Some((number, length)) => {
                *at += length;
                Ok(number)
            }
            None => take_bytes(bytes, at),
        },
        None => take_bytes(bytes, at),
    }
}

/// A number that ends within eight bytes and its length, without a branch for each of them.
#[inline]
fn take_word(word: u64) -> Option<(u64, usize)> {
    let ends = !word & MORE;
    if ends == 0 {
        return None;
    }
    // Everything up to the first byte that ends a number; then the gaps of a bit are closed, of two, of four.
    let x = word & (ends ^ (ends - 1)) & !MORE;
    let x = (x & 0x007f_007f_007f_007f) | (x & 0x7f00_7f00_7f00_7f00) >> 1;
    let x = (x & 0x0000_3fff_0000_3fff) | (x & 0x3fff_0000_3fff_0000) >> 2;
    let x = (x & 0x0000_0000_0fff_ffff) | (x & 0x0fff_ffff_0000_0000) >> 4;
    Some((x, ends.trailing_zeros() as usize / 8 + 1))
}

#[cold]
fn take_bytes(bytes: &[u8], at: &mut usize) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..70).step_by(7) {
        let byte = *bytes.get(*at).ok_or(Malformed)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << (shift % 64);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_with_and_without_bytes_behind_it() {
        for shift in 0..64 {
            for number in [1 << shift, (1 << shift) - 1, u64::MAX >> shift, 0x0123_4567_89ab_cdef >> shift] {
                let mut bytes = Vec::new();
                push(&mut bytes, number);
                let length = bytes.len();
                for tail in 0..9 {
                    bytes.truncate(length);
                    bytes.resize(length + tail, 0xff);
                    let mut at = 0;
                    assert_eq!((take(&bytes, &mut at), at), (Ok(number), length));
                }
            }
        }
    }
}
