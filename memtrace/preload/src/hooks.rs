//! libc's functions that give out and take back memory, as the program calls them. Each does what libc's
//! does and tells the recorder. Must not know how events are kept.

mod ends;
mod exec;
mod heap;
mod libraries;
mod mappings;
mod program_break;
mod threads;
