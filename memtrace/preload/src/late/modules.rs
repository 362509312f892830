//! The program and its libraries as the dynamic loader lists them: what they define, and the places where each keeps
//! the addresses of functions that it calls in others. The forms are those of the ELF-64 specification and of
//! `elf.h`. Must not know what is put there.

use std::ffi::{CStr, c_int, c_void};

use crate::word::Address;

/// A loaded program or library.
pub struct Module {
    base: usize,
    /// Where its segments begin and end.
    pub range: (usize, usize),
    /// Whole pages that are made read-only once their addresses are filled in (`PT_GNU_RELRO`).
    pub filled_in: (usize, usize),
    dynamic: Dynamic,
}

/// What of the dynamic section is needed; addresses, or 0 where there is none.
#[derive(Default)]
struct Dynamic {
    symbols: usize,
    strings: usize,
    hashes: usize,
    versions: usize,
    relocations: (usize, usize),
    calls: (usize, usize),
}

/// A place that the loader filled in with the address of a function.
pub struct Place {
    /// Where it is.
    pub address: usize,
    /// The number of the function's symbol.
    symbol: usize,
}

/// How many modules the loader has ever added and taken away: while both stand still, the list is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Changes(u64, u64);

impl Changes {
    /// Whether a module that was listed then may be gone.
    pub fn has_lost_since(self, then: Changes) -> bool {
        self.1 != then.1
    }
}

type Visit<'a> = &'a mut dyn FnMut(&libc::dl_phdr_info) -> bool;

/// Visits the loader's list until told to stop; it does not change meanwhile, and nothing is unmapped.
fn each_listed(mut visit: Visit) {
    unsafe extern "C" fn hand_over(info: *mut libc::dl_phdr_info, _: usize, visit: *mut c_void) -> c_int {
        // SAFETY: the loader hands over an entry of its list, and the pointer that was given below.
        let goes_on = unsafe { (*visit.cast::<Visit>())(&*info) };
        c_int::from(!goes_on)
    }
    // SAFETY: the function has the signature that is asked for, and `visit` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(hand_over), (&raw mut visit).cast()) };
}

/// Runs `work` while no module can go away.
pub fn while_they_stay(work: &mut dyn FnMut()) {
    each_listed(&mut |_| {
        work();
        false
    });
}

/// See [`Changes`].
pub fn changes() -> Changes {
    let mut changes = Changes(0, 0);
    each_listed(&mut |info| {
        changes = Changes(info.dlpi_adds, info.dlpi_subs);
        false
    });
    changes
}

/// Visits all modules but this library and the loader itself, in the order in which symbols are sought.
pub fn each(visit: &mut dyn FnMut(&Module)) {
    // SAFETY: a plain look into what the kernel handed over.
    let loader = unsafe { libc::getauxval(libc::AT_BASE) };
    each_listed(&mut |info| {
        if info.dlpi_addr != loader
            && let Some(module) = Module::new(info)
            && !module.holds(changes as *const () as usize)
        {
            visit(&module);
        }
        true
    });
}

/// The address of the function that everybody calls by this name: as the loader seeks it, but never that of a stub
/// in the program, which only goes there.
pub fn definition(name: &CStr) -> Option<usize> {
    let mut found = None;
    each(&mut |module| found = found.or_else(|| module.definition(name)));
    found
}

const PAGE: usize = 4096;

impl Module {
    fn new(info: &libc::dl_phdr_info) -> Option<Module> {
        const RELRO: u32 = 0x6474_e552;
        let base = usize::try_from(info.dlpi_addr).ok()?;
        // SAFETY: the loader's entry says where the program headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        #[expect(clippy::cast_possible_truncation, reason = "x86-64: usize is 64 bits")]
        let place = |header: &libc::Elf64_Phdr| {
            let start = base.wrapping_add(header.p_vaddr as usize);
            (start, start + header.p_memsz as usize)
        };
        let of_kind = |kind| headers.iter().filter(move |header| header.p_type == kind).map(place);
        let range = of_kind(libc::PT_LOAD).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
        let (start, end) = of_kind(RELRO).next().unwrap_or_default();
        let filled_in = (start & !(PAGE - 1), end & !(PAGE - 1));
        let dynamic = of_kind(libc::PT_DYNAMIC).next()?;
        // SAFETY: the dynamic section of a loaded module is mapped and ends with a null entry.
        let dynamic = unsafe { Dynamic::read(Address(dynamic.0), base) };
        (dynamic.symbols != 0 && dynamic.strings != 0).then_some(Module { base, range, filled_in, dynamic })
    }

    /// Whether an address is within the module.
    pub fn holds(&self, address: usize) -> bool {
        (self.range.0..self.range.1).contains(&address)
    }

    /// The places with addresses of functions and data of others.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        const SIZE: usize = 24;
        /// `R_X86_64_64`, `R_X86_64_GLOB_DAT`, `R_X86_64_JUMP_SLOT`
        const OF_SYMBOLS: [u32; 3] = [1, 6, 7];
        let tables = [self.dynamic.relocations, self.dynamic.calls];
        let entries = tables
            .into_iter()
            .flat_map(|(table, size)| (0..size / SIZE).map(move |index| Address(table).plus(index * SIZE)));
        entries.filter_map(|entry| {
            // SAFETY: the tables are mapped as long as the module is, and as long as they say.
            let (offset, kind, symbol, addend) = unsafe {
                (entry.read::<usize>(0), entry.read::<u32>(8), entry.read::<u32>(12), entry.read::<i64>(16))
            };
            let wanted = symbol != 0 && addend == 0 && OF_SYMBOLS.contains(&kind);
            wanted.then(|| Place { address: self.base.wrapping_add(offset), symbol: symbol as usize })
        })
    }

    /// The name of the function whose address is in a place.
    pub fn name(&self, place: &Place) -> &CStr {
        // SAFETY: the loader itself has used this entry of the table.
        unsafe { self.symbol(place.symbol).name }
    }

    /// Where the module defines a function of this name, if it does.
    pub fn definition(&self, name: &CStr) -> Option<usize> {
        if self.dynamic.hashes == 0 {
            return None;
        }
        let table = Address(self.dynamic.hashes);
        let hash = gnu_hash(name);
        // SAFETY: the layout of the table is that of DT_GNU_HASH: four words, a filter, buckets, chains.
        unsafe {
            let (buckets, first, filter) =
                (table.read::<u32>(0), table.read::<u32>(4), table.read::<u32>(8) as usize);
            if buckets == 0 {
                return None;
            }
            let heads = table.plus(16 + 8 * filter);
            let chains = heads.plus(4 * buckets as usize);
            let mut index = heads.read::<u32>(4 * (hash % buckets) as usize);
            if index < first {
                return None;
            }
            loop {
                let link = chains.read::<u32>(4 * (index - first) as usize);
                if link | 1 == hash | 1 {
                    let symbol = self.symbol(index as usize);
                    if symbol.is_function && symbol.name == name && self.is_default(index as usize) {
                        return Some(self.base.wrapping_add(symbol.value));
                    }
                }
                if link & 1 != 0 {
                    return None;
                }
                index += 1;
            }
        }
    }

    /// # Safety
    /// There must be as many symbols.
    unsafe fn symbol(&self, index: usize) -> Symbol<'_> {
        const SIZE: usize = 24;
        /// `STT_FUNC`
        const FUNCTION: u8 = 2;
        let entry = Address(self.dynamic.symbols).plus(index * SIZE);
        // SAFETY: the caller vouches for the index; the strings of a module are mapped as long as it is.
        unsafe {
            let name = Address(self.dynamic.strings).plus(entry.read::<u32>(0) as usize);
            let (kind, section) = (entry.read::<u8>(4) & 15, entry.read::<u16>(6));
            Symbol {
                name: CStr::from_ptr(name.0 as *const _),
                is_function: kind == FUNCTION && section != 0,
                value: entry.read(8),
            }
        }
    }

    /// Whether a symbol is the one that programs linked today get, where there are older versions of it.
    ///
    /// # Safety
    /// There must be as many symbols.
    unsafe fn is_default(&self, index: usize) -> bool {
        const HIDDEN: u16 = 0x8000;
        // SAFETY: there is a version for each symbol where there are versions.
        self.dynamic.versions == 0
            || unsafe { Address(self.dynamic.versions).read::<u16>(2 * index) } & HIDDEN == 0
    }
}

struct Symbol<'a> {
    name: &'a CStr,
    is_function: bool,
    value: usize,
}

impl Dynamic {
    /// # Safety
    /// `section` must be the dynamic section of a module that is loaded at `base`.
    unsafe fn read(section: Address, base: usize) -> Dynamic {
        let mut found = Dynamic::default();
        let mut relative = 0;
        // Where the section cannot be written to, the loader has left addresses as they are in the file.
        let absolute = |address: usize| if address < base { address + base } else { address };
        for index in 0.. {
            // SAFETY: passed on to the caller; the section ends with a null entry.
            let (tag, value) =
                unsafe { (section.read::<u64>(16 * index), section.read::<usize>(16 * index + 8)) };
            match tag {
                0 => break,
                2 => found.calls.1 = value,
                5 => found.strings = absolute(value),
                6 => found.symbols = absolute(value),
                7 => found.relocations.0 = absolute(value),
                8 => found.relocations.1 = value,
                23 => found.calls.0 = absolute(value),
                0x6fff_fef5 => found.hashes = absolute(value),
                0x6fff_fff0 => found.versions = absolute(value),
                // So many at the beginning are of the module itself.
                0x6fff_fff9 => relative = value * 24,
                _ => {}
            }
        }
        let skipped = relative.min(found.relocations.1);
        found.relocations = (found.relocations.0 + skipped, found.relocations.1 - skipped);
        found
    }
}

fn gnu_hash(name: &CStr) -> u32 {
    name.to_bytes().iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}
