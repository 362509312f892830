//! Code objects: what a stack's frames are instances of. They fill stream 0.

use crate::Malformed;
use crate::varint::{push, take};

/// What the reader needs of a Python code object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// `co_filename`
    pub file: String,
    /// `co_qualname`
    pub function: String,
    /// `co_firstlineno`
    pub first_line: u32,
    /// `co_linetable`: which instruction belongs to which line.
    pub line_table: Vec<u8>,
}

impl Code {
    /// Appends this definition of the code object that stacks call `id`.
    pub fn encode(&self, id: u32, out: &mut Vec<u8>) {
        push(out, u64::from(id));
        push(out, u64::from(self.first_line));
        for bytes in [self.file.as_bytes(), self.function.as_bytes(), &self.line_table] {
            push(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }

    /// The definition at `*at`, which is moved behind it; none at the end of `bytes`.
    pub fn decode(bytes: &[u8], at: &mut usize) -> Result<Option<(u32, Code)>, Malformed> {
        if *at >= bytes.len() {
            return Ok(None);
        }
        let id = u32::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
        let first_line = u32::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
        let mut piece = || -> Result<Vec<u8>, Malformed> {
            let length = usize::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
            let end = at.checked_add(length).ok_or(Malformed)?;
            let piece = bytes.get(*at..end).ok_or(Malformed)?.to_vec();
            *at = end;
            Ok(piece)
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (file, function, line_table) = (text(piece()?), text(piece()?), piece()?);
        Ok(Some((id, Code { file, function, first_line, line_table })))
    }
}
