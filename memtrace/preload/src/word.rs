//! Reads the memory of the interpreter at known offsets. Must not know what lies there.

/// An address in this process, such as that of a `PyCodeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Address(pub usize);

impl Address {
    /// The null pointer.
    pub const NULL: Address = Address(0);

    /// True for the null pointer.
    #[inline]
    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `offset` bytes further.
    #[inline]
    pub fn plus(self, offset: usize) -> Address {
        Address(self.0.wrapping_add(offset))
    }

    /// The value at `offset`.
    ///
    /// # Safety
    /// A `T` must be readable there.
    #[inline]
    pub unsafe fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the caller vouches for the memory; its alignment is not relied on.
        unsafe { (self.plus(offset).0 as *const T).read_unaligned() }
    }

    /// The pointer at `offset`.
    ///
    /// # Safety
    /// A pointer must be readable there.
    #[inline]
    pub unsafe fn pointer(self, offset: usize) -> Address {
        // SAFETY: passed on to the caller.
        Address(unsafe { self.read(offset) })
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Safety
    /// They must be readable and unchanged while the slice is used.
    pub unsafe fn bytes<'a>(self, offset: usize, length: usize) -> &'a [u8] {
        // SAFETY: passed on to the caller.
        unsafe { std::slice::from_raw_parts(self.plus(offset).0 as *const u8, length) }
    }
}
