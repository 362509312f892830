//! When to take a sample of the clock and of the resident memory, and the sample. Asked at every event, so
//! the question is the processor's own counter and one comparison. Must not know what is recorded.

use std::arch::x86_64::_rdtsc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::buffer::preserving_errno;

/// Samples are at least this far apart, in nanoseconds.
const APART: u64 = 10_000_000;

/// The monotonic clock at the beginning and at the last sample.
static BEGAN: AtomicU64 = AtomicU64::new(0);
static LAST: AtomicU64 = AtomicU64::new(0);
/// The processor's counter at the last sample, and how far it may go before the clock is asked again.
static LAST_TICKS: AtomicU64 = AtomicU64::new(0);
static PERIOD: AtomicU64 = AtomicU64::new(FIRST_PERIOD);
const FIRST_PERIOD: u64 = 1 << 20;
/// No processor counts further within [`APART`].
const LONGEST_PERIOD: u64 = 1 << 26;

/// What a sample says.
pub struct Sample {
    /// Milliseconds since the beginning.
    pub ms: u64,
    /// Resident set size in bytes; 0 where it cannot be read.
    pub resident: u64,
}

/// Sets the clock to 0 and returns the time, in microseconds of the monotonic clock. The first event after
/// it is sampled.
pub fn begin() -> u64 {
    let now = nanoseconds();
    BEGAN.store(now, Ordering::Relaxed);
    LAST.store(now.saturating_sub(APART), Ordering::Relaxed);
    LAST_TICKS.store(0, Ordering::Relaxed);
    now / 1000
}

/// Whether a sample may be due.
#[inline]
pub fn due() -> bool {
    ticks().wrapping_sub(LAST_TICKS.load(Ordering::Relaxed)) >= PERIOD.load(Ordering::Relaxed)
}

/// The sample, if it is due and no other thread takes it.
#[cold]
pub fn sample() -> Option<Sample> {
    let (last, last_ticks) = (LAST.load(Ordering::Relaxed), LAST_TICKS.load(Ordering::Relaxed));
    let (now, ticks) = (nanoseconds(), ticks());
    let elapsed = now.saturating_sub(last);
    // How fast the counter runs is learnt as the program runs, and may change.
    let ran = u128::from(ticks.saturating_sub(last_ticks));
    let period = u64::try_from(ran * u128::from(APART) / u128::from(elapsed.max(1))).unwrap_or(u64::MAX);
    PERIOD.store(period.clamp(FIRST_PERIOD, LONGEST_PERIOD), Ordering::Relaxed);
    if elapsed < APART {
        return None;
    }
    LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).ok()?;
    LAST_TICKS.store(ticks, Ordering::Relaxed);
    Some(sample_now(now))
}

/// A sample whether it is due or not, such as the last one.
pub fn last_sample() -> Sample {
    sample_now(nanoseconds())
}

fn sample_now(now: u64) -> Sample {
    let ms = now.saturating_sub(BEGAN.load(Ordering::Relaxed)) / 1_000_000;
    Sample { ms, resident: preserving_errno(resident).unwrap_or(0) }
}

#[inline]
fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the counter.
    unsafe { _rdtsc() }
}

fn nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the answer goes to a local.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// The second number of `/proc/self/statm`, which is in pages. By bare system calls: nothing of the
/// program's own, such as a hook or a thread's cancellation, comes in between.
fn resident() -> Option<u64> {
    const PAGE: u64 = 4096;
    let mut text = [0_u8; 64];
    // SAFETY: the path is a C string, and at most as many bytes are written as the buffer has.
    let read = unsafe {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let fd = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/proc/self/statm".as_ptr(), flags);
        if fd < 0 {
            return None;
        }
        let read = libc::syscall(libc::SYS_read, fd, text.as_mut_ptr(), text.len());
        libc::syscall(libc::SYS_close, fd);
        read
    };
    let text = text.get(..usize::try_from(read).ok()?)?;
    let pages = text.split(|&byte| byte == b' ').nth(1)?;
    let pages = pages
        .iter()
        .try_fold(0_u64, |pages, digit| Some(pages * 10 + u64::from(digit.checked_sub(b'0')?)))?;
    Some(pages * PAGE)
}
