//! Where the stack of a thread lies. By bare system calls: libc may itself be at work on the same question when it
//! allocates, and hold a lock.

use std::ops::Range;

/// The stack that a thread is on.
pub enum Stack {
    /// Its own, which stays where it is as long as the thread lives.
    Own(Range<u64>),
    /// Another one, such as a coroutine's or a signal handler's, somewhere in this range.
    Foreign(Range<u64>),
}

/// The stack that this thread is on with the stack pointer `sp`.
pub fn stack_at(sp: u64) -> Stack {
    let mut found = Stack::Foreign(sp..sp + 1);
    let mut below = 0;
    each_mapping(|line| {
        let Some(mapping) = range(line) else { return false };
        if mapping.contains(&sp) {
            found = stack_in(mapping, below, line.ends_with(b"[stack]"));
            return true;
        }
        below = mapping.end;
        false
    });
    found
}

/// What a mapping is that this thread has its stack pointer in; the one before it ends at `below`.
fn stack_in(mapping: Range<u64>, below: u64, is_main: bool) -> Stack {
    if is_main {
        // It grows downwards, as far as it can.
        return Stack::Own(below..mapping.end);
    }
    // SAFETY: it cannot fail. On x86-64 glibc lays what belongs to a thread at the upper end of its stack.
    let thread = unsafe { libc::pthread_self() };
    let own = mapping.start..thread;
    if mapping.contains(&thread) { Stack::Own(own) } else { Stack::Foreign(mapping) }
}

/// The addresses at the beginning of a line.
fn range(line: &[u8]) -> Option<Range<u64>> {
    let text = std::str::from_utf8(line).ok()?;
    let (start, end) = text.split(' ').next()?.split_once('-')?;
    Some(u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
}

/// Hands over the lines of `/proc/self/maps`, cut off where they are long, until one is `enough`.
fn each_mapping(mut enough: impl FnMut(&[u8]) -> bool) {
    /// The line of the main stack is shorter.
    const LONGEST: usize = 128;
    let (mut buffer, mut line, mut length) = ([0_u8; 4096], [0_u8; LONGEST], 0);
    // SAFETY: the path is a C string; at most as many bytes are written as the buffer has.
    unsafe {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let fd = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/proc/self/maps".as_ptr(), flags);
        if fd < 0 {
            return;
        }
        'read: loop {
            let read = libc::syscall(libc::SYS_read, fd, buffer.as_mut_ptr(), buffer.len());
            let Some(bytes) = usize::try_from(read).ok().and_then(|read| buffer.get(..read)) else { break };
            if bytes.is_empty() {
                break;
            }
            for &byte in bytes {
                if byte != b'\n' {
                    if length < LONGEST {
                        line[length] = byte;
                        length += 1;
                    }
                } else if enough(&line[..length]) {
                    break 'read;
                } else {
                    length = 0;
                }
            }
        }
        libc::syscall(libc::SYS_close, fd);
    }
}
