//! LEB128 numbers and zigzag differences. Must not know what the numbers mean.

use crate::Malformed;

/// The most bytes that one number takes.
pub(crate) const MAX: usize = 10;

/// Small differences of either sign as small numbers.
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Writes `number` at `at` and returns where the next byte goes.
#[inline]
pub(crate) fn put(out: &mut [u8], mut at: usize, mut number: u64) -> usize {
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
