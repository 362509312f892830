//! Blocks of the capture file, mapped shared: what is written here is in the file, whatever becomes of
//! the process. Must not know what the bytes mean.

use std::io::ErrorKind;
use std::os::fd::{IntoRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use memtrace_wire::block::{Coding, HEAD, Head, SEGMENT, USED_AT};
use memtrace_wire::header::{self, End, Header, Options, at};

use crate::guard;

/// The capture file of this process.
pub struct Capture {
    path: PathBuf,
    /// That of the whole run, beside which those of other processes are put.
    whole: PathBuf,
    /// Programs may close every descriptor they know nothing of, so it is checked before each use.
    fd: AtomicI32,
    identity: (u64, u64),
    page: *mut u8,
    /// The process that it belongs to.
    pid: u32,
}

// SAFETY: the page is only touched through atomics.
unsafe impl Sync for Capture {}
// SAFETY: as above; nothing in it belongs to one thread.
unsafe impl Send for Capture {}

static CAPTURE: AtomicPtr<Capture> = AtomicPtr::new(null_mut());
static RECORDING: AtomicU32 = AtomicU32::new(0);

/// A number that is another one whenever a recording has begun or ended: what a thread keeps belongs to one.
#[inline]
pub fn recording() -> u32 {
    RECORDING.load(Ordering::Relaxed)
}

/// Makes what threads keep of the recording so far be of no more use.
pub fn next_recording() {
    RECORDING.fetch_add(1, Ordering::SeqCst);
}

/// The capture file, once it is open.
pub fn capture() -> Option<&'static Capture> {
    // SAFETY: null, or a box that `keep` gave away and that only `Capture::retire` ever touches again.
    unsafe { CAPTURE.load(Ordering::Acquire).as_ref() }
}

/// Opens the capture at `path` for this process, if it is the first to come, as it is in the program that
/// `memtrace run` started. One that comes later, executed by another, gets a capture of its own beside it.
pub fn open(path: &Path) -> Option<&'static Capture> {
    let capture = Capture::open(path)?;
    if capture.word(at::ATTACHED).swap(1, Ordering::AcqRel) == 0 {
        return Some(keep(capture));
    }
    let header = capture.header()?;
    capture.retire();
    if !header.options.follow {
        return None;
    }
    Some(keep(Capture::beside(path, header)?))
}

/// Opens a capture for a forked child, beside the one of the whole run.
pub fn open_for_child() -> Option<&'static Capture> {
    let parents = capture()?;
    Some(keep(Capture::beside(&parents.whole, parents.header()?)?))
}

/// Makes a new capture for a process that runs already; an error is an `errno`.
pub fn create(path: &Path, options: Options) -> Result<&'static Capture, i32> {
    let started_us = now_us();
    let header = Header {
        claimed: header::SIZE as u64,
        attached: true,
        started_us,
        command: command().unwrap_or_default(),
        run: started_us << 16 | u64::from(std::process::id() & 0xffff),
        options,
        ..Header::default()
    };
    let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(errno)?;
    let written = file.write_all_at(&header.encode(), 0).map_err(errno);
    let capture = written.and_then(|()| Capture::open(path).ok_or(libc::EIO));
    if capture.is_err() {
        let _ = std::fs::remove_file(path);
    }
    Ok(keep(capture?))
}

fn keep(capture: Capture) -> &'static Capture {
    let before = CAPTURE.swap(Box::into_raw(Box::new(capture)), Ordering::AcqRel);
    // SAFETY: it is null or came out of a box here.
    if let Some(before) = unsafe { before.as_ref() } {
        before.retire();
    }
    // SAFETY: as in `capture`; it was stored just now.
    unsafe { &*CAPTURE.load(Ordering::Acquire) }
}

impl Capture {
    fn open(path: &Path) -> Option<Capture> {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(path).ok()?;
        let fd = high(file.into_raw_fd());
        let identity = identity(fd)?;
        let page = map(fd, 0, header::SIZE).ok()?;
        Some(Capture {
            path: path.to_owned(),
            whole: path.to_owned(),
            fd: AtomicI32::new(fd),
            identity,
            page,
            pid: std::process::id(),
        })
    }

    /// Makes a new file `<path>.<pid>` for this process, or with a number behind it where an older process
    /// left that one.
    fn beside(whole_path: &Path, whole: Header) -> Option<Capture> {
        let name = |number: u32| {
            let mut name = whole_path.as_os_str().to_owned();
            name.push(format!(".{}", std::process::id()));
            if number > 1 {
                name.push(format!("-{number}"));
            }
            PathBuf::from(name)
        };
        let header = Header {
            claimed: header::SIZE as u64,
            attached: true,
            started_us: now_us(),
            command: command().unwrap_or(whole.command),
            run: whole.run,
            options: whole.options,
            python: whole.python,
            frames: whole.frames,
            ..Header::default()
        };
        for number in 1..u32::MAX {
            let path = name(number);
            match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.write_all_at(&header.encode(), 0).ok()?;
                    return Some(Capture { whole: whole_path.to_owned(), ..Capture::open(&path)? });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// The header as it is now.
    pub fn header(&self) -> Option<Header> {
        // SAFETY: the page is mapped and as long as a header; a torn word would be one of numbers that are
        // not looked at.
        let page = unsafe { self.page.cast::<[u8; header::SIZE]>().read_volatile() };
        Header::decode(&page).ok()
    }

    /// A word of the header page.
    pub fn word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: the page is mapped for the life of the process, `at` is one of `header::at`, all of
        // which are aligned and inside it; everybody uses them atomically.
        unsafe { AtomicU32::from_ptr(self.page.add(at).cast()) }
    }

    /// A long word of the header page.
    pub fn long(&self, at: usize) -> &AtomicU64 {
        // SAFETY: as in `word`; the offsets of long words are multiples of eight.
        unsafe { AtomicU64::from_ptr(self.page.add(at).cast()) }
    }

    /// Whether the process that runs is the one that this capture is of. A child that was forked behind the
    /// back of libc, or shares the memory of its parent for a while, is another.
    pub fn is_of_this_process(&self) -> bool {
        self.pid == std::process::id()
    }

    /// Says how the program ended; none takes back what was said.
    pub fn end(&self, end: Option<End>) {
        let (kind, value) = End::words(end);
        self.word(at::END_VALUE).store(value, Ordering::Relaxed);
        self.word(at::END_KIND).store(kind, Ordering::Release);
    }

    fn stop(&self, errno: i32) {
        let errno = errno.unsigned_abs().max(1);
        let _ = self.word(at::STOPPED).compare_exchange(0, errno, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether the children of the process are recorded too.
    pub fn is_followed(&self) -> bool {
        self.header().is_some_and(|header| header.options.follow)
    }

    /// Whether [`Capture::end`] was said.
    pub fn has_ended(&self) -> bool {
        self.word(at::END_KIND).load(Ordering::Acquire) != 0
    }

    /// Whether its recording was ended while the process went on.
    pub fn was_stopped(&self) -> bool {
        self.word(at::END_KIND).load(Ordering::Acquire) == End::words(Some(End::Stopped)).0
    }

    /// Lets go of the file, after another one has come. A thread that was held up for all this time may still look at
    /// the page, so there is one in its place, which is nobody's.
    fn retire(&self) {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let fd = self.fd.load(Ordering::Relaxed);
        // SAFETY: the page was mapped in `open` and stays mapped; the descriptor is closed only where it is still
        // ours. The bare system call does not come back to the hook of mmap.
        unsafe {
            libc::syscall(libc::SYS_mmap, self.page, header::SIZE, protection, flags, -1, 0);
            if identity(fd) == Some(self.identity) {
                libc::close(fd);
            }
        }
    }

    /// The file, opened again by its path when the program closed it.
    fn fd(&self) -> Result<RawFd, i32> {
        let fd = self.fd.load(Ordering::Relaxed);
        if identity(fd) == Some(self.identity) {
            return Ok(fd);
        }
        let again = std::fs::OpenOptions::new().read(true).write(true).open(&self.path);
        let again = again.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        let again = high(again.into_raw_fd());
        if identity(again) != Some(self.identity) {
            return Err(libc::EBADF);
        }
        self.fd.store(again, Ordering::Relaxed);
        Ok(again)
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}

/// The arguments of this process.
fn command() -> Option<Vec<String>> {
    let bytes = std::fs::read("/proc/self/cmdline").ok()?;
    let words = bytes.strip_suffix(b"\0")?.split(|&byte| byte == 0);
    Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}

/// Ends the recording early; the first reason is kept for the reader.
#[cold]
pub fn stop(errno: i32) {
    if let Some(capture) = capture() {
        capture.stop(errno);
    }
    guard::deactivate();
}

/// One block that is being written.
pub struct Block {
    base: *mut u8,
    length: usize,
    used: usize,
}

// SAFETY: the mapping belongs to this value alone.
unsafe impl Send for Block {}

impl Block {
    /// Claims the next piece of the file for `stream`, with room for `room` bytes at least; stops the
    /// recording when there is none to be had. There is none for a recording that is over.
    #[cold]
    pub fn claim(of: u32, stream: u32, index: u32, first_seq: u64, room: usize) -> Option<Block> {
        let capture = capture()?;
        // Asked after the capture: its number changes before the next one comes.
        if RECORDING.load(Ordering::SeqCst) != of {
            return None;
        }
        let length = (HEAD + room).next_multiple_of(usize::try_from(SEGMENT).ok()?);
        let claimed = preserving_errno(|| -> Result<*mut u8, i32> {
            let fd = capture.fd()?;
            let offset = capture.long(at::CLAIMED).fetch_add(length as u64, Ordering::SeqCst);
            reserve(fd, offset, length)?;
            map(fd, offset, length)
        });
        let failed = |errno| {
            capture.stop(errno);
            if RECORDING.load(Ordering::SeqCst) == of {
                guard::deactivate();
            }
        };
        let base = claimed.map_err(failed).ok()?;
        let capacity = u32::try_from(length - HEAD).ok()?;
        let head = Head { stream, index, coding: Coding::Plain, capacity, used: 0, first_seq }.encode();
        // SAFETY: the mapping is at least HEAD bytes long and nobody else's.
        unsafe { base.copy_from_nonoverlapping(head.as_ptr(), HEAD) };
        Some(Block { base, length, used: HEAD })
    }

    /// The next `N` bytes to write to, if that many are left.
    #[inline]
    pub fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        if self.length - self.used < N {
            return None;
        }
        // SAFETY: `used + N <= length` bytes are mapped, writable and only reachable through `self`.
        Some(unsafe { &mut *self.base.add(self.used).cast::<[u8; N]>() })
    }

    /// Says that `count` more bytes are written: only now do they count for a reader.
    #[inline]
    pub fn advance(&mut self, count: usize) {
        self.used = (self.used + count).min(self.length);
        #[expect(clippy::cast_possible_truncation, reason = "claim made sure that the length fits")]
        let used = (self.used - HEAD) as u32;
        // SAFETY: the head is mapped and aligned, and this is the only writer of the word.
        unsafe { AtomicU32::from_ptr(self.base.add(USED_AT).cast()) }.store(used, Ordering::Release);
    }

    /// Appends `bytes`, all of them or, when there is no room, none.
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        if self.length - self.used < bytes.len() {
            return false;
        }
        // SAFETY: the bytes behind `used` are mapped, and nobody else's.
        unsafe { self.base.add(self.used).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.advance(bytes.len());
        true
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `base` and `length` are the mapping that `claim` made. The bare system call does not
        // come back to the hook of munmap.
        preserving_errno(|| unsafe { libc::syscall(libc::SYS_munmap, self.base, self.length) });
    }
}

/// Moves a descriptor out of the way of programs that count on low numbers.
fn high(fd: RawFd) -> RawFd {
    const HIGH: u64 = 500;
    let highest = HIGH.min(limit(libc::RLIMIT_NOFILE).saturating_sub(1));
    // SAFETY: plain system calls on a descriptor that is ours.
    unsafe {
        let moved = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, highest);
        if moved < 0 {
            return fd;
        }
        libc::close(fd);
        moved
    }
}

fn identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: an all-zero `stat` is valid, and fstat fills in the one it is given.
    let stat = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut stat) == 0).then_some(stat)
    }?;
    Some((stat.st_dev, stat.st_ino))
}

/// Makes sure that the file has `length` bytes at `offset`, so that writing to them cannot meet a full
/// disk, which would be a signal in the middle of the program.
fn reserve(fd: RawFd, offset: u64, length: usize) -> Result<(), i32> {
    // Beyond the limit the kernel does not only refuse but sends SIGXFSZ.
    if offset + length as u64 > limit(libc::RLIMIT_FSIZE) {
        return Err(libc::EFBIG);
    }
    let (offset, length) = (offset.cast_signed(), length.cast_signed() as i64);
    loop {
        // SAFETY: a plain system call on a descriptor that was just checked.
        let reserved = unsafe { libc::fallocate(fd, 0, offset, length) };
        match if reserved == 0 { 0 } else { errno() } {
            // Where a file system cannot reserve, writing does.
            0 | libc::EOPNOTSUPP => return fill(fd, offset, length),
            // The program has a timer; its signals are handled in between.
            libc::EINTR => {}
            errno => return Err(errno),
        }
    }
}

/// Writes zeros. What the system has in its cache comes into a mapping many pages at a time; else each page is a fault
/// of its own, which together cost more than all that is then written there.
fn fill(fd: RawFd, mut offset: i64, length: i64) -> Result<(), i32> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let end = offset + length;
    while offset < end {
        let count = usize::try_from(end - offset).unwrap_or(0).min(ZEROS.len());
        // SAFETY: as many bytes are there to be read.
        match unsafe { libc::pwrite(fd, ZEROS.as_ptr().cast(), count, offset) } {
            0 => return Err(libc::ENOSPC),
            written @ 1.. => offset += written as i64,
            _ if errno() == libc::EINTR => {}
            _ => return Err(errno()),
        }
    }
    Ok(())
}

/// What the process may use of `resource`; everything where it cannot be asked.
fn limit(resource: libc::__rlimit_resource_t) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: u64::MAX, rlim_max: u64::MAX };
    // SAFETY: the answer is written to a local.
    unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit.rlim_cur
}

fn map(fd: RawFd, offset: u64, length: usize) -> Result<*mut u8, i32> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let nowhere = null_mut::<u8>();
    // SAFETY: a new mapping at an address of the kernel's choice; the bare system call does not come back
    // to the hook of mmap.
    let base =
        unsafe { libc::syscall(libc::SYS_mmap, nowhere, length, protection, libc::MAP_SHARED, fd, offset) };
    if base == -1 { Err(errno()) } else { Ok(base as *mut u8) }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Runs `work` with `errno` as it was afterwards: a hook must not change what the program sees.
pub fn preserving_errno<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: `__errno_location` gives this thread's errno.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let result = work();
        *errno = before;
        result
    }
}
