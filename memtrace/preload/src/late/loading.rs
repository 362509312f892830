//! `dlopen` and `dlsym`: when modules come while the program runs. Both look at who called them, so these hooks go
//! on to them as if they had never been there; a module that has just been loaded is found when the first of its
//! functions is asked for.

use std::arch::naked_asm;
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::buffer::preserving_errno;
use crate::guard::{Inside, active};
use crate::late::{modules, patches};

static DLOPEN: AtomicUsize = AtomicUsize::new(0);
static DLSYM: AtomicUsize = AtomicUsize::new(0);
static DLVSYM: AtomicUsize = AtomicUsize::new(0);

/// What is to be replaced by what, where libc has it.
pub fn hooks() -> Vec<(&'static CStr, usize)> {
    let all = [
        (c"dlopen", dlopen as *const () as usize, &DLOPEN),
        (c"dlsym", dlsym as *const () as usize, &DLSYM),
        (c"dlvsym", dlvsym as *const () as usize, &DLVSYM),
    ];
    let defined = |(name, hook, real): (&'static CStr, usize, &AtomicUsize)| {
        real.store(modules::definition(name)?, Ordering::Release);
        Some((name, hook))
    };
    all.into_iter().filter_map(defined).collect()
}

macro_rules! passing_by {
    ($name:ident, $before:ident, $real:ident) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            // The three pushes also align the stack for the call.
            naked_asm!(
                "push rdi",
                "push rsi",
                "push rdx",
                "call {}",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "jmp rax",
                sym $before,
            )
        }

        extern "C" fn $before() -> usize {
            look_for_new();
            $real.load(Ordering::Acquire)
        }
    };
}

passing_by!(dlopen, before_dlopen, DLOPEN);
passing_by!(dlsym, before_dlsym, DLSYM);
passing_by!(dlvsym, before_dlvsym, DLVSYM);

fn look_for_new() {
    if active()
        && let Some(_inside) = Inside::enter()
    {
        preserving_errno(patches::apply_to_new);
    }
}
