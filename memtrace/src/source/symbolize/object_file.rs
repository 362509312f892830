//! An ELF file with symbols or debug information. Only what is asked for is read, and kept as long as memtrace
//! runs: a report ends when it has been written. Must not know which module the file belongs to.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use addr2line::{Context, demangle_auto};
use flate2::read::ZlibDecoder;
use gimli::{Dwarf, EndianSlice, LittleEndian};
use object::read::elf::ElfFile64;
use object::read::{CompressionFormat, ReadCache};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind};

type Data = &'static ReadCache<File>;
type Slice = EndianSlice<'static, LittleEndian>;

/// An open file.
pub struct ObjectFile {
    elf: ElfFile64<'static, Endianness, Data>,
    /// The functions of its symbol tables, by address.
    functions: Vec<Function>,
    /// Its debug information, if it has any.
    debug: Option<Context<Slice>>,
}

struct Function {
    address: u64,
    size: u64,
    index: SymbolIndex,
    is_dynamic: bool,
}

/// How many functions may begin within another one, such as parts of it that have names of their own.
const NESTED: usize = 16;

/// What an address belongs to, as far as it is known.
pub struct Symbol {
    /// The function.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// From 1; 0 where it is not known.
    pub line: u32,
}

impl ObjectFile {
    /// None where there is no such file, or it is not one.
    pub fn open(path: &Path) -> Option<ObjectFile> {
        let data: Data = Box::leak(Box::new(ReadCache::new(File::open(path).ok()?)));
        let elf = ElfFile64::parse(data).ok()?;
        let debug = debug_information(&elf);
        Some(ObjectFile { functions: functions(&elf), debug, elf })
    }

    /// Whether it knows lines, and not only functions.
    pub fn has_lines(&self) -> bool {
        self.debug.is_some()
    }

    /// `NT_GNU_BUILD_ID`; empty where there is none.
    pub fn build_id(&self) -> &[u8] {
        self.elf.build_id().ok().flatten().unwrap_or_default()
    }

    /// The name of the file that has its debug information.
    pub fn debug_link(&self) -> Option<String> {
        let (name, _) = self.elf.gnu_debuglink().ok()??;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// The function at an address and those that are inlined there, innermost first; empty without debug information.
    pub fn inlined(&self, address: u64) -> Vec<Symbol> {
        let mut found = Vec::new();
        let Some(debug) = &self.debug else { return found };
        let Ok(mut frames) = debug.find_frames(address).skip_all_loads() else { return found };
        // What is damaged ends the list.
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.as_ref().and_then(|name| name.demangle().ok());
            let location = frame.location.as_ref();
            found.push(Symbol {
                function: name.map(Cow::into_owned),
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line).unwrap_or(0),
            });
        }
        found
    }

    /// The function that the symbol tables have at an address.
    pub fn symbol(&self, address: u64) -> Option<String> {
        let before =
            &self.functions[..self.functions.partition_point(|function| function.address <= address)];
        let last = before.last()?;
        // One without a size reaches to the next.
        let holds = |function: &&Function| {
            address - function.address < function.size
                || function.size == 0 && function.address == last.address
        };
        let innermost = before.iter().rev().take(NESTED).find(holds)?.address;
        // Of several names of the same function, the one that is meant for others.
        let alike =
            before.iter().rev().take(NESTED).filter(|function| function.address == innermost).filter(holds);
        let names = alike.filter_map(|function| self.name(function));
        let name = names.min_by_key(|name| (name.len() - name.trim_start_matches('_').len(), *name))?;
        Some(demangle_auto(Cow::Borrowed(name), None).into_owned())
    }

    fn name(&self, function: &Function) -> Option<&'static str> {
        let table =
            if function.is_dynamic { self.elf.dynamic_symbol_table() } else { self.elf.symbol_table() };
        let name = table?.symbol_by_index(function.index).ok()?.name().ok()?;
        // Those that are versioned may be written with their version.
        let name = name.split('@').next()?;
        (!name.is_empty()).then_some(name)
    }
}

/// The build-id of a file, without reading more of it; none where it has none, or is no ELF file of this kind.
pub fn build_id(path: &Path) -> Option<Vec<u8>> {
    let data = ReadCache::new(File::open(path).ok()?);
    let elf = ElfFile64::<Endianness, _>::parse(&data).ok()?;
    Some(elf.build_id().ok()??.to_vec())
}

fn functions(elf: &ElfFile64<'static, Endianness, Data>) -> Vec<Function> {
    let mut functions = Vec::new();
    for is_dynamic in [false, true] {
        let symbols = if is_dynamic { elf.dynamic_symbols() } else { elf.symbols() };
        let code = symbols.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
        functions.extend(code.map(|symbol| Function {
            address: symbol.address(),
            size: symbol.size(),
            index: symbol.index(),
            is_dynamic,
        }));
    }
    // Of those that begin at the same place, the innermost comes last.
    functions.sort_by_key(|function| (function.address, std::cmp::Reverse(function.size)));
    functions
}

fn debug_information(elf: &ElfFile64<'static, Endianness, Data>) -> Option<Context<Slice>> {
    section(elf, ".debug_info")?;
    let load = |id: gimli::SectionId| -> Result<Slice, Infallible> {
        Ok(EndianSlice::new(section(elf, id.name()).unwrap_or_default(), LittleEndian))
    };
    let Ok(dwarf) = Dwarf::load(load);
    Context::from_dwarf(dwarf).ok()
}

/// The bytes of a section, unpacked.
fn section(elf: &ElfFile64<'static, Endianness, Data>, name: &str) -> Option<&'static [u8]> {
    let stored = elf.section_by_name(name)?.compressed_data().ok()?;
    let unpacked = match stored.format {
        CompressionFormat::None => return Some(stored.data),
        CompressionFormat::Zlib => {
            let mut unpacked = Vec::new();
            ZlibDecoder::new(stored.data).read_to_end(&mut unpacked).ok()?;
            unpacked
        }
        CompressionFormat::Zstandard => zstd::stream::decode_all(stored.data).ok()?,
        _ => return None,
    };
    Some(Box::leak(unpacked.into_boxed_slice()))
}
