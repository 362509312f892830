//! The functions that an ELF file gives to others.

use std::collections::HashMap;
use std::path::Path;

use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol};

/// A program or library as it is in its file.
pub struct Image {
    addresses: HashMap<String, u64>,
    first: u64,
}

impl Image {
    /// Reads a file; none where it is no ELF file of this machine's kind.
    pub fn read(path: &Path) -> Option<Image> {
        let bytes = std::fs::read(path).ok()?;
        let file = ElfFile64::<Endianness>::parse(&*bytes).ok()?;
        let endian = file.endian();
        let segments = file.elf_program_headers().iter();
        let loaded = segments.filter(|segment| segment.p_type(endian) == object::elf::PT_LOAD);
        let first = loaded.map(|segment| segment.p_vaddr(endian)).min()?;
        let defined = file.dynamic_symbols().filter(ObjectSymbol::is_definition);
        let named = |symbol: object::read::elf::ElfSymbol64<Endianness>| {
            Some((symbol.name().ok()?.to_owned(), symbol.address()))
        };
        Some(Image { addresses: defined.filter_map(named).collect(), first: first & !0xfff })
    }

    /// The address of a function or a variable, as the file has it.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.addresses.get(name).copied()
    }

    /// The address of the file's first page.
    pub fn first(&self) -> u64 {
        self.first
    }
}
