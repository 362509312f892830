//! Puts the hooks where modules keep the addresses of libc's functions, and takes them away again. A place is touched
//! only where what is in it is known: the function that a hook stands for, or the module's own stub that would look
//! it up. Whoever has an allocator of its own keeps it.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::late::loading;
use crate::late::modules::{self, Changes};
use crate::{hooks, native, real};

static PATCHES: Mutex<Patches> =
    Mutex::new(Patches { functions: Vec::new(), places: Vec::new(), seen: None });

/// What is where.
pub struct Patches {
    functions: Vec<Function>,
    /// Sorted by address.
    places: Vec<Place>,
    /// The list of modules that `places` are those of.
    seen: Option<Changes>,
}

/// A function of libc and what stands for it.
struct Function {
    name: &'static CStr,
    hook: usize,
    /// Where it is defined.
    real: usize,
    /// Where programs that are not position independent say that it is.
    stub: usize,
}

/// Where a module keeps the address of a function.
#[derive(Clone, Copy)]
struct Place {
    address: usize,
    /// Its place in the table of functions.
    function: usize,
    /// The module's own range.
    module: (usize, usize),
    /// Whether the loader makes it read-only.
    filled_in: bool,
}

/// The patches, from which all others are kept.
pub type Held = MutexGuard<'static, Patches>;

/// Keeps all others out.
pub fn hold() -> Held {
    PATCHES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the hooks into all modules.
pub fn apply() {
    let mut patches = hold();
    if patches.set(true) {
        // What was being looked up meanwhile has overwritten a hook with what it found.
        patches.set(true);
    }
}

/// Puts the hooks into modules that have come since. Where somebody else is at it, that will do.
pub fn apply_to_new() {
    match PATCHES.try_lock() {
        Ok(mut patches) if patches.seen != Some(modules::changes()) => drop(patches.set(true)),
        Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) | Ok(_) => {}
    }
}

/// Takes the hooks out of all modules.
pub fn take_away() {
    hold().set(false);
}

impl Patches {
    /// True where a function was to be looked up at its first call, which may have been under way.
    fn set(&mut self, hooked: bool) -> bool {
        let mut lookups = false;
        modules::while_they_stay(&mut || {
            self.look();
            lookups = self.write(hooked);
        });
        lookups
    }

    /// Finds all places, where that was not done since the list of modules changed.
    fn look(&mut self) {
        let now = modules::changes();
        if self.seen == Some(now) {
            return;
        }
        // Not all who unload one come by the hook of `dlclose`.
        if self.seen.is_none_or(|then| now.has_lost_since(then)) {
            native::modules::may_have_gone();
        }
        if self.functions.is_empty() {
            self.functions = functions();
        }
        let functions = &self.functions;
        let mut places = Vec::new();
        modules::each(&mut |module| {
            for place in module.places() {
                let name = module.name(&place);
                let found = functions.binary_search_by_key(&name, |function| function.name);
                // Aligned, so that whoever calls at this moment reads the one address or the other.
                if let Ok(function) = found
                    && place.address.is_multiple_of(size_of::<usize>())
                    && module.definition(name).is_none()
                {
                    let filled_in = (module.filled_in.0..module.filled_in.1).contains(&place.address);
                    places.push(Place { address: place.address, function, module: module.range, filled_in });
                }
            }
        });
        places.sort_unstable_by_key(|place| place.address);
        (self.places, self.seen) = (places, Some(now));
    }

    fn write(&mut self, hooked: bool) -> bool {
        let pages = Pages::read();
        let (mut left_out, mut lookups) = (false, false);
        let mut write = |group: &[Place]| {
            for place in group {
                lookups |= self.write_one(place, hooked);
            }
        };
        for group in self.places.chunk_by(|one, other| page(one.address) == page(other.address)) {
            let page = page(group[0].address);
            if !group[0].filled_in {
                write(group);
                continue;
            }
            match pages.protection(page) {
                // The loader is still at it, and would make it read-only at any moment.
                None => left_out = true,
                Some(protection) if protection & libc::PROT_WRITE != 0 => left_out = true,
                Some(protection) => {
                    if protect(page, protection | libc::PROT_WRITE) {
                        write(group);
                        protect(page, protection);
                    }
                }
            }
        }
        if left_out {
            self.seen = None;
        }
        lookups
    }

    /// True where it held what looks the function up.
    fn write_one(&self, place: &Place, hooked: bool) -> bool {
        let function = &self.functions[place.function];
        // SAFETY: it is a place of a module that stays, aligned, and written to by nobody but the loader, with one
        // whole address.
        let slot = unsafe { AtomicUsize::from_ptr(place.address as *mut usize) };
        let there = slot.load(Ordering::Relaxed);
        let is_real = there == function.real || there == function.stub;
        let is_lookup = hooked && !is_real && (place.module.0..place.module.1).contains(&there);
        let (expected, new) = if hooked {
            (is_real || is_lookup, function.hook)
        } else {
            (there == function.hook, function.real)
        };
        if expected {
            // Where it has changed in between, the loader has just filled it in.
            let _ = slot.compare_exchange(there, new, Ordering::SeqCst, Ordering::Relaxed);
        }
        is_lookup
    }
}

/// What there is a hook for, sorted by name.
fn functions() -> Vec<Function> {
    let all = hooks::all().into_iter().chain(loading::hooks());
    let function = |(name, hook): (&'static CStr, usize)| {
        let real = modules::definition(name)?;
        Some(Function { name, hook, real, stub: real::everybodys(name) })
    };
    let mut functions: Vec<Function> = all.filter_map(function).collect();
    functions.sort_unstable_by_key(|function| function.name);
    functions
}

const PAGE: usize = 4096;

fn page(address: usize) -> usize {
    address & !(PAGE - 1)
}

fn protect(page: usize, protection: i32) -> bool {
    // SAFETY: the page is a module's; it keeps what it had and is, for a moment, writable too.
    unsafe { libc::mprotect(page as *mut c_void, PAGE, protection) == 0 }
}

/// What the process may do with its pages now (`/proc/self/maps`).
struct Pages(Vec<(usize, usize, i32)>);

impl Pages {
    fn read() -> Pages {
        let text = std::fs::read("/proc/self/maps").unwrap_or_default();
        let parse = |line: &[u8]| {
            let text =
                std::str::from_utf8(line.get(..line.iter().position(|&byte| byte == b' ')? + 5)?).ok()?;
            let (range, rights) = text.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            let rights = rights.bytes().zip([libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC]);
            let protection = rights.filter(|(right, _)| *right != b'-').map(|(_, bit)| bit).sum();
            Some((number(start)?, number(end)?, protection))
        };
        Pages(text.split(|&byte| byte == b'\n').filter_map(parse).collect())
    }

    fn protection(&self, page: usize) -> Option<i32> {
        let after = self.0.partition_point(|(start, ..)| *start <= page);
        let (_, end, protection) = *self.0.get(after.checked_sub(1)?)?;
        (page < end).then_some(protection)
    }
}
