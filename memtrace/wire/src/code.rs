//! What the entries refer to by number: code objects, names and modules. They fill stream 0.

use crate::Malformed;
use crate::varint::{push, take};

/// What the reader needs of a Python code object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// `co_filename`
    pub file: String,
    /// `co_qualname`; `co_name` before 3.11, which has no other
    pub function: String,
    /// `co_firstlineno`
    pub first_line: u32,
    /// Which instruction belongs to which line.
    pub line_table: Vec<u8>,
    /// How that is written.
    pub lines: Lines,
}

/// The form of a line table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lines {
    /// That of the interpreter: `co_linetable`, or `co_lnotab` before 3.10.
    #[default]
    Own,
    /// `co_linetable` of 3.10, whatever the interpreter: later ones have columns too, which nobody asks for.
    Ranges,
}

/// A program or library that was loaded into the process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    /// Its file, as an absolute path.
    pub path: String,
    /// `NT_GNU_BUILD_ID`, by which its symbols are found on another machine too; empty where it has none.
    pub build_id: Vec<u8>,
}

/// One definition of stream 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// The code object that stacks call by this number.
    Code(u32, Code),
    /// The name that entries call by this number.
    Name(u32, String),
    /// The module that native frames call by this number.
    Module(u32, Module),
}

const CODE: u64 = 0;
const NAME: u64 = 1;
const MODULE: u64 = 2;
const CODE_OF_RANGES: u64 = 3;

impl Definition {
    /// Appends this definition.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut pieces = |kind: u64, id: u32, first_line: Option<u32>, pieces: &[&[u8]]| {
            push(out, kind);
            push(out, u64::from(id));
            first_line.inspect(|line| push(out, u64::from(*line)));
            for piece in pieces {
                push(out, piece.len() as u64);
                out.extend_from_slice(piece);
            }
        };
        match self {
            Definition::Code(id, code) => {
                let texts = [code.file.as_bytes(), code.function.as_bytes(), &code.line_table];
                let kind = if code.lines == Lines::Own { CODE } else { CODE_OF_RANGES };
                pieces(kind, *id, Some(code.first_line), &texts);
            }
            Definition::Name(id, name) => pieces(NAME, *id, None, &[name.as_bytes()]),
            Definition::Module(id, Module { path, build_id }) => {
                pieces(MODULE, *id, None, &[path.as_bytes(), build_id]);
            }
        }
    }

    /// The definition at `*at`, which is moved behind it; none at the end of `bytes`.
    pub fn decode(bytes: &[u8], at: &mut usize) -> Result<Option<Definition>, Malformed> {
        if *at >= bytes.len() {
            return Ok(None);
        }
        let kind = take(bytes, at)?;
        let id = u32::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
        let first_line = if matches!(kind, CODE | CODE_OF_RANGES) { take(bytes, at)? } else { 0 };
        let first_line = u32::try_from(first_line).map_err(|_| Malformed)?;
        let mut piece = || -> Result<Vec<u8>, Malformed> {
            let length = usize::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
            let end = at.checked_add(length).ok_or(Malformed)?;
            let piece = bytes.get(*at..end).ok_or(Malformed)?.to_vec();
            *at = end;
            Ok(piece)
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(match kind {
            CODE | CODE_OF_RANGES => {
                let (file, function, line_table) = (text(piece()?), text(piece()?), piece()?);
                let lines = if kind == CODE { Lines::Own } else { Lines::Ranges };
                Definition::Code(id, Code { file, function, first_line, line_table, lines })
            }
            NAME => Definition::Name(id, text(piece()?)),
            MODULE => Definition::Module(id, Module { path: text(piece()?), build_id: piece()? }),
            _ => return Err(Malformed),
        }))
    }
}
