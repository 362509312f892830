//! Which line an instruction belongs to: Python's location table, as `Objects/locations.md` (3.11 to
//! 3.13) describes it. Must not know how stacks are read.

/// The line of the instruction at byte `instruction`; the function's first line where the table does not
/// say, as `PyCode_Addr2Line` has it before the first instruction.
pub fn line(table: &[u8], first_line: u32, instruction: i32) -> u32 {
    let Ok(wanted) = u64::try_from(instruction) else { return first_line };
    let mut bytes = table.iter().copied();
    let mut line = i64::from(first_line);
    let mut end = 0;
    while let Some(head) = bytes.next() {
        end += 2 * (u64::from(head & 7) + 1);
        let kind = head >> 3 & 15;
        line += match kind {
            // With a varint of the line's difference; 14 has three more, for the last line and the columns.
            13 | 14 => signed(varint(&mut bytes)),
            10..=12 => i64::from(kind) - 10,
            // 15 has no location; the short forms are on the same line.
            _ => 0,
        };
        let rest = match kind {
            0..=9 => 1,
            10..=12 => 2,
            _ => 0,
        };
        bytes.by_ref().take(rest).for_each(drop);
        if kind == 14 {
            for _ in 0..3 {
                varint(&mut bytes);
            }
        }
        if wanted < end {
            return u32::try_from(line).unwrap_or(first_line);
        }
    }
    first_line
}

/// Six bits a byte, the lowest first; bit 6 says that more follow.
fn varint(bytes: &mut impl Iterator<Item = u8>) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    for byte in bytes {
        number |= u64::from(byte & 63).checked_shl(shift).unwrap_or(0);
        shift += 6;
        if byte & 64 == 0 {
            break;
        }
    }
    number
}

/// The sign is the lowest bit.
fn signed(number: u64) -> i64 {
    let magnitude = (number >> 1).cast_signed();
    if number & 1 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_table_written_by_hand() {
        // Line 10: two code units, short form; line 12 by a long form with three varints; line 11.
        let table = [0x80 | 1, 0, 0x80 | 14 << 3, 4, 0, 1, 1, 0x80 | 13 << 3, 3];
        let at = |instruction| line(&table, 10, instruction);
        assert_eq!([at(-2), at(0), at(2), at(4), at(6), at(8)], [10, 10, 10, 12, 11, 10]);
    }

    proptest! {
        #[test]
        fn any_table(table: Vec<u8>, first_line: u32, instruction: i32) {
            line(&table, first_line, instruction);
        }
    }
}
