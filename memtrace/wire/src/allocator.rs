//! The functions that give out memory. Must not know what they do.

use crate::Malformed;

/// Which function an allocation came from; the numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Allocator {
    /// `malloc`
    Malloc = 1,
    /// `calloc`
    Calloc = 2,
    /// `realloc`
    Realloc = 3,
    /// `reallocarray`
    Reallocarray = 4,
    /// `posix_memalign`
    PosixMemalign = 5,
    /// `aligned_alloc`
    AlignedAlloc = 6,
    /// `memalign`
    Memalign = 7,
    /// `valloc`
    Valloc = 8,
    /// `pvalloc`
    Pvalloc = 9,
    /// `mmap`
    Mmap = 10,
    /// `mremap`
    Mremap = 11,
    /// `brk` and `sbrk`
    Brk = 12,
    /// `PyMem_Malloc`, `PyObject_Malloc` and `PyMem_RawMalloc`
    PyMalloc = 13,
    /// `PyMem_Calloc` and the like
    PyCalloc = 14,
    /// `PyMem_Realloc` and the like
    PyRealloc = 15,
}

impl Allocator {
    /// All of them, in the order of their numbers.
    pub const ALL: [Allocator; 15] = [
        Allocator::Malloc,
        Allocator::Calloc,
        Allocator::Realloc,
        Allocator::Reallocarray,
        Allocator::PosixMemalign,
        Allocator::AlignedAlloc,
        Allocator::Memalign,
        Allocator::Valloc,
        Allocator::Pvalloc,
        Allocator::Mmap,
        Allocator::Mremap,
        Allocator::Brk,
        Allocator::PyMalloc,
        Allocator::PyCalloc,
        Allocator::PyRealloc,
    ];

    /// The function's name in C.
    pub fn name(self) -> &'static str {
        match self {
            Allocator::Malloc => "malloc",
            Allocator::Calloc => "calloc",
            Allocator::Realloc => "realloc",
            Allocator::Reallocarray => "reallocarray",
            Allocator::PosixMemalign => "posix_memalign",
            Allocator::AlignedAlloc => "aligned_alloc",
            Allocator::Memalign => "memalign",
            Allocator::Valloc => "valloc",
            Allocator::Pvalloc => "pvalloc",
            Allocator::Mmap => "mmap",
            Allocator::Mremap => "mremap",
            Allocator::Brk => "brk",
            Allocator::PyMalloc => "pymalloc",
            Allocator::PyCalloc => "pycalloc",
            Allocator::PyRealloc => "pyrealloc",
        }
    }

    /// True for those that map whole ranges of pages, any part of which may be unmapped later.
    #[inline]
    pub fn maps_pages(self) -> bool {
        matches!(self, Allocator::Mmap | Allocator::Mremap | Allocator::Brk)
    }

    /// True for Python's own.
    #[inline]
    pub fn is_pythons(self) -> bool {
        matches!(self, Allocator::PyMalloc | Allocator::PyCalloc | Allocator::PyRealloc)
    }

    #[inline]
    pub(crate) fn from_number(number: u8) -> Result<Allocator, Malformed> {
        let index = usize::from(number).checked_sub(1).ok_or(Malformed)?;
        Allocator::ALL.get(index).copied().ok_or(Malformed)
    }
}
