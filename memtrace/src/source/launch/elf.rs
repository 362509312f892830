//! Whether the dynamic loader will put a library into a program: the few ELF fields that say so.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::Error;

/// `ELFCLASS64`
const CLASS_64: u8 = 2;
/// `EM_X86_64`
const X86_64: u16 = 62;
/// `PT_INTERP`: the program names its dynamic loader.
const INTERPRETER: [u8; 4] = 3_u32.to_le_bytes();

/// Refuses programs into which nothing can be loaded; scripts are the kernel's business.
pub fn check(executable: &Path) -> Result<(), Error> {
    let path = || executable.to_owned();
    let file = File::open(executable);
    let mut head = [0; 64];
    // A program that may be run but not read is left to the loader.
    if file.as_ref().map_err(drop).and_then(|file| file.read_exact_at(&mut head, 0).map_err(drop)).is_err() {
        return Ok(());
    }
    let Ok(file) = file else { return Ok(()) };
    if !head.starts_with(b"\x7fELF") {
        return Ok(());
    }
    let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    if head[4] != CLASS_64 || half(18) != X86_64 {
        return Err(Error::Foreign { path: path() });
    }
    let table = u64::from_le_bytes(std::array::from_fn(|index| head[32 + index]));
    let (entry_size, entries) = (u64::from(half(54)), u64::from(half(56)));
    let dynamic = (0..entries).any(|index| {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, table.saturating_add(index * entry_size)).is_ok() && kind == INTERPRETER
    });
    if dynamic { Ok(()) } else { Err(Error::Static { path: path() }) }
}
