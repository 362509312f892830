//! What is loaded into the process, and how to unwind its code. Looked at again when code is met that is in
//! nothing known, and after a library was unloaded. Must not know whose stack is unwound.

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use framehop::x86_64::UnwinderX86_64;
use framehop::{ExplicitModuleSectionInfo, Unwinder as _};
use memtrace_wire::code::{Definition, Module};

use crate::buffer::preserving_errno;
use crate::definitions;
use crate::native::Owner;

/// Knows how to unwind all that is loaded.
pub type Unwinder = UnwinderX86_64<&'static [u8]>;

/// What was loaded at some time.
pub struct Modules {
    /// How to unwind it.
    pub unwinder: Unwinder,
    /// By address.
    loaded: Vec<Loaded>,
    /// How many modules the loader had added by then, and how many taken away.
    changes: (u64, u64),
}

#[derive(Clone)]
struct Loaded {
    range: Range<u64>,
    bias: u64,
    module: Module,
    number: u32,
    own: bool,
}

static CURRENT: Mutex<Current> = Mutex::new(Current { modules: None, last: 0 });
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// The modules as they were looked at last, and the number of the last one that was defined.
pub struct Current {
    modules: Option<Arc<Modules>>,
    last: u32,
}

/// The modules, from which all others are kept.
pub type Held = MutexGuard<'static, Current>;

/// Keeps all others out while the process forks.
pub fn hold() -> Held {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to number anew, in another capture.
pub fn reset(mut current: Held) {
    *current = Current { modules: None, last: 0 };
    GENERATION.fetch_add(1, Ordering::Release);
}

/// Rises whenever there are other modules: what was remembered by addresses in them is void.
#[inline]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Says that a library may have been unloaded, and another come to lie in its place.
pub fn may_have_gone() {
    GENERATION.fetch_add(1, Ordering::Release);
}

/// What is loaded now, and the generation that this is.
pub fn current() -> (Arc<Modules>, u64) {
    preserving_errno(|| {
        // Asked for before: what goes meanwhile is another generation.
        let before = generation();
        // The loader's lock is not taken while we have ours: who has it may be waiting for us.
        let found = find();
        let mut current = hold();
        match &current.modules {
            // Another thread may have been faster.
            Some(modules) if modules.age() >= found.age() => (Arc::clone(modules), before),
            _ => {
                let modules = current.replace(found);
                let bumped = GENERATION.fetch_add(1, Ordering::AcqRel);
                (modules, if bumped == before { before + 1 } else { before })
            }
        }
    })
}

/// Whether anything was loaded or unloaded since.
pub fn have_changed(since: &Modules) -> bool {
    let mut changes = (0, 0);
    // SAFETY: the callback is given what it expects.
    unsafe { libc::dl_iterate_phdr(Some(count_changes), (&raw mut changes).cast()) };
    changes != since.changes
}

impl Modules {
    fn age(&self) -> u64 {
        self.changes.0 + self.changes.1
    }

    /// Whether nothing has gone since `before`, so that all of that is still where it was.
    pub fn has_all_of(&self, before: &Modules) -> bool {
        self.changes.1 == before.changes.1 && self.changes.0 >= before.changes.0
    }

    /// Whose the code at an address is.
    pub fn owner(&self, address: u64) -> Owner {
        match self.at(address) {
            Some(loaded) if loaded.own => Owner::Own,
            Some(_) => Owner::Module,
            None => Owner::Nobody,
        }
    }

    /// The number of the module that an address is in, and the address as the module itself has it; or 0 and the
    /// address as it is.
    pub fn locate(&self, address: u64) -> (u32, u64) {
        match self.at(address) {
            Some(loaded) => (loaded.number, address.wrapping_sub(loaded.bias)),
            None => (0, address),
        }
    }

    fn at(&self, address: u64) -> Option<&Loaded> {
        let behind = self.loaded.partition_point(|loaded| loaded.range.start <= address);
        self.loaded[..behind].last().filter(|loaded| loaded.range.contains(&address))
    }
}

impl Current {
    fn replace(&mut self, mut found: Found) -> Arc<Modules> {
        let before = self.modules.as_deref().map_or(&[][..], |modules| &modules.loaded);
        for loaded in &mut found.loaded {
            let same = |known: &&Loaded| known.module == loaded.module;
            loaded.number = before.iter().find(same).map_or(0, |known| known.number);
            if loaded.number == 0 {
                self.last += 1;
                loaded.number = self.last;
                definitions::define(&Definition::Module(loaded.number, loaded.module.clone()));
            }
        }
        found.loaded.sort_by_key(|loaded| loaded.range.start);
        let Found { unwinder, loaded, changes } = found;
        let modules = Arc::new(Modules { unwinder, loaded, changes });
        self.modules = Some(Arc::clone(&modules));
        modules
    }
}

/// What the loader says of everything that is loaded.
struct Found {
    unwinder: Unwinder,
    loaded: Vec<Loaded>,
    changes: (u64, u64),
}

impl Found {
    fn age(&self) -> u64 {
        self.changes.0 + self.changes.1
    }
}

fn find() -> Found {
    let mut found = Found { unwinder: Unwinder::new(), loaded: Vec::new(), changes: (0, 0) };
    // SAFETY: the callback is given what it expects.
    unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut found).cast()) };
    found
}

unsafe extern "C" fn count_changes(info: *mut libc::dl_phdr_info, _: usize, changes: *mut c_void) -> c_int {
    // SAFETY: the loader gives a valid info, and `have_changed` the place.
    unsafe { *changes.cast::<(u64, u64)>() = ((*info).dlpi_adds, (*info).dlpi_subs) };
    1
}

unsafe extern "C" fn collect(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader gives a valid info, and `find` the place; nobody else has it.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Found>()) };
    found.changes = (info.dlpi_adds, info.dlpi_subs);
    // SAFETY: the loader says where the program headers are and how many, and the name is a C string or null.
    let (headers, name) = unsafe {
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        let name = (!info.dlpi_name.is_null()).then(|| CStr::from_ptr(info.dlpi_name).to_bytes());
        (headers, name.unwrap_or_default())
    };
    let bias = info.dlpi_addr;
    let code = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let start = code.clone().map(|header| header.p_vaddr).min();
    let end = code.map(|header| header.p_vaddr + header.p_memsz).max();
    let (Some(start), Some(end)) = (start, end) else { return 0 };
    let range = bias.wrapping_add(start)..bias.wrapping_add(end);
    // SAFETY: these are the headers of a module that is loaded, by a loader that keeps it while it tells of it.
    let (sections, build_id) = unsafe { (unwind_sections(headers, bias), build_id(headers, bias)) };
    let own = range.contains(&(collect as *const () as u64));
    let module = Module { path: path(name, found.loaded.is_empty()), build_id };
    found.unwinder.add_module(framehop::Module::new(String::new(), range.clone(), bias, sections));
    found.loaded.push(Loaded { range, bias, module, number: 0, own });
    0
}

/// The first module is the program itself, which the loader does not name.
fn path(name: &[u8], is_program: bool) -> String {
    let named = Path::new(std::ffi::OsStr::from_bytes(name));
    let path = match name {
        b"" if is_program => std::fs::read_link("/proc/self/exe").unwrap_or_default(),
        // The kernel's own has no file.
        _ if !name.contains(&b'/') => named.to_owned(),
        _ => std::path::absolute(named).unwrap_or_else(|_| PathBuf::from(named)),
    };
    path.to_string_lossy().into_owned()
}

/// `.eh_frame_hdr`, which is a segment of its own, and `.eh_frame`, which it says the place of.
///
/// # Safety
/// These must be the program headers of a loaded module. What is returned is valid while it stays loaded.
unsafe fn unwind_sections(
    headers: &[libc::Elf64_Phdr],
    bias: u64,
) -> ExplicitModuleSectionInfo<&'static [u8]> {
    /// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`: how all linkers write the place of `.eh_frame`.
    const ENCODING: u8 = 0x1b;
    let mut sections = ExplicitModuleSectionInfo::default();
    let Some(header) = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME) else {
        return sections;
    };
    // SAFETY: passed on to the caller.
    let at = |address: u64, size: u64| unsafe {
        std::slice::from_raw_parts(
            bias.wrapping_add(address) as *const u8,
            usize::try_from(size).unwrap_or(0),
        )
    };
    let head: &'static [u8] = at(header.p_vaddr, header.p_memsz);
    let [1, ENCODING, _, _, a, b, c, d, ..] = *head else { return sections };
    let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
    let frames = (header.p_vaddr + 4).wrapping_add_signed(distance);
    let holds = |segment: &&libc::Elf64_Phdr| {
        segment.p_type == libc::PT_LOAD
            && (segment.p_vaddr..segment.p_vaddr + segment.p_filesz).contains(&frames)
    };
    let Some(segment) = headers.iter().find(holds) else { return sections };
    let end = segment.p_vaddr + segment.p_filesz;
    sections.eh_frame_hdr_svma = Some(header.p_vaddr..header.p_vaddr + header.p_memsz);
    sections.eh_frame_hdr = Some(head);
    sections.eh_frame_svma = Some(frames..end);
    sections.eh_frame = Some(at(frames, end - frames));
    sections
}

/// The note that says which build of the module this is.
///
/// # Safety
/// As for [`unwind_sections`].
unsafe fn build_id(headers: &[libc::Elf64_Phdr], bias: u64) -> Vec<u8> {
    const NT_GNU_BUILD_ID: u32 = 3;
    for header in headers.iter().filter(|header| header.p_type == libc::PT_NOTE) {
        let size = usize::try_from(header.p_memsz).unwrap_or(0);
        // SAFETY: passed on to the caller.
        let mut notes =
            unsafe { std::slice::from_raw_parts(bias.wrapping_add(header.p_vaddr) as *const u8, size) };
        while let Some((head, rest)) = notes.split_first_chunk::<12>() {
            let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let (name, text, kind) = (word(0) as usize, word(4) as usize, word(8));
            let aligned = name.next_multiple_of(4);
            let Some(found) = rest.get(aligned..aligned + text) else { break };
            if kind == NT_GNU_BUILD_ID && rest.starts_with(b"GNU\0") {
                return found.to_vec();
            }
            notes = rest.get(aligned + text.next_multiple_of(4)..).unwrap_or_default();
        }
    }
    Vec::new()
}
