//! Which line an instruction belongs to, by the table in its code object. Must not know how stacks are read.

/// The form of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// To 3.9: `co_lnotab`, as `Objects/lnotab_notes.txt` describes it.
    Lnotab,
    /// 3.10: `co_linetable`, as its `Objects/lnotab_notes.txt` describes it.
    Ranges,
    /// Since 3.11: `co_linetable`, as `Objects/locations.md` describes it.
    Locations,
}

impl Form {
    /// The form that the Python of this `Py_Version` has.
    pub fn of(python: u32) -> Form {
        match python >> 16 {
            ..=0x0309 => Form::Lnotab,
            0x030a => Form::Ranges,
            _ => Form::Locations,
        }
    }

    /// The line of the instruction at byte `instruction`; 0 where it has none.
    pub fn line(self, table: &[u8], first_line: u32, instruction: i32) -> u32 {
        let Ok(wanted) = u64::try_from(instruction) else { return first_line };
        match self {
            Form::Lnotab => lnotab(table, first_line, wanted),
            Form::Ranges => ranges(table, first_line, wanted),
            Form::Locations => line(table, first_line, wanted),
        }
    }
}

/// Pairs: so many bytes on, so many lines further.
fn lnotab(table: &[u8], first_line: u32, wanted: u64) -> u32 {
    let (mut at, mut line) = (0, first_line);
    for pair in table.chunks_exact(2) {
        at += u64::from(pair[0]);
        if at > wanted {
            break;
        }
        line = line.wrapping_add_signed(i32::from(pair[1].cast_signed()));
    }
    line
}

/// Pairs: so many bytes are so many lines further than those before, or have no line (-128).
fn ranges(table: &[u8], first_line: u32, wanted: u64) -> u32 {
    const NO_LINE: i8 = -128;
    let (mut end, mut line) = (0, first_line);
    for pair in table.chunks_exact(2) {
        end += u64::from(pair[0]);
        let further = pair[1].cast_signed();
        if further != NO_LINE {
            line = line.wrapping_add_signed(further.into());
        }
        if wanted < end {
            return if further == NO_LINE { 0 } else { line };
        }
    }
    first_line
}

/// The function's first line where the table does not say.
fn line(table: &[u8], first_line: u32, wanted: u64) -> u32 {
    let mut end = 0;
    let found = locations(table, first_line).find(|(length, _)| {
        end += length;
        wanted < end
    });
    found.and_then(|(_, line)| u32::try_from(line).ok()).unwrap_or(first_line)
}

/// Of one instruction after another: how many bytes have the same place, and in which line.
fn locations(table: &[u8], first_line: u32) -> impl Iterator<Item = (u64, i64)> {
    let mut bytes = table.iter().copied();
    let mut line = i64::from(first_line);
    std::iter::from_fn(move || {
        let head = bytes.next()?;
        let length = 2 * (u64::from(head & 7) + 1);
        let kind = head >> 3 & 15;
        let further = match kind {
            // With a varint of the line's difference; 14 has three more, for the last line and the columns.
            13 | 14 => signed(varint(&mut bytes)),
            10..=12 => i64::from(kind) - 10,
            // 15 has no location; the short forms are on the same line.
            _ => 0,
        };
        line = line.wrapping_add(further);
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
        Some((length, line))
    })
}

/// A table of the form [`Form::Locations`] in the form [`Form::Ranges`], which takes a fraction of the room because it
/// has no columns; none where that cannot say the same.
pub fn without_columns(table: &[u8], first_line: u32) -> Option<Vec<u8>> {
    /// The most that a pair can say. Lengths are even, and -128 says that there is no line.
    const LONGEST: u64 = 254;
    const FURTHEST: i64 = 127;
    let mut ranges = Vec::new();
    let mut last = i64::from(first_line);
    let mut places = locations(table, first_line).peekable();
    while let Some((mut length, line)) = places.next() {
        while let Some((more, _)) = places.next_if(|(_, next)| *next == line) {
            length += more;
        }
        u32::try_from(line).ok()?;
        let mut further = line - last;
        // No source is written so.
        if further.abs() > 100 * FURTHEST {
            return None;
        }
        while length > 0 {
            let step = i8::try_from(further.clamp(-FURTHEST, FURTHEST)).ok()?;
            further -= i64::from(step);
            let bytes = if further == 0 { length.min(LONGEST) } else { 0 };
            length -= bytes;
            ranges.extend([u8::try_from(bytes).ok()?, step.cast_unsigned()]);
        }
        last = line;
    }
    Some(ranges)
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
        let at = |instruction| Form::Locations.line(&table, 10, instruction);
        assert_eq!([at(-2), at(0), at(2), at(4), at(6), at(8)], [10, 10, 10, 12, 11, 10]);
    }

    #[test]
    fn older_tables_written_by_hand() {
        // Line 10: six bytes; line 13: 300 bytes; line 11.
        let lnotab = [6, 3, 255, 0, 45, (-2_i8).cast_unsigned()];
        let at = |instruction| Form::Lnotab.line(&lnotab, 10, instruction);
        assert_eq!([at(-1), at(0), at(4), at(6), at(304), at(306), at(308)], [10, 10, 10, 13, 13, 11, 11]);
        // The same, and four bytes without a line between.
        let ranges = [6, 0, 4, 128, 254, 3, 46, 0, 2, (-2_i8).cast_unsigned()];
        let at = |instruction| Form::Ranges.line(&ranges, 10, instruction);
        assert_eq!([at(-1), at(0), at(4), at(6), at(10), at(308), at(310)], [10, 10, 10, 0, 13, 13, 11]);
    }

    proptest! {
        #[test]
        fn a_table_without_columns_says_the_same(table: Vec<u8>, first_line in 0..5000_u32) {
            if let Some(ranges) = without_columns(&table, first_line) {
                for instruction in (-2..5000).step_by(2) {
                    let line = |form: Form, table: &[u8]| form.line(table, first_line, instruction);
                    prop_assert_eq!(line(Form::Ranges, &ranges), line(Form::Locations, &table));
                }
            }
        }

        #[test]
        fn any_table(table: Vec<u8>, first_line: u32, instruction: i32) {
            for form in [Form::Lnotab, Form::Ranges, Form::Locations] {
                form.line(&table, first_line, instruction);
            }
        }
    }
}
