//! The first page of a capture: what ran, with which Python, and how it ended.

/// The size of the header; blocks begin behind it.
pub const SIZE: usize = 4096;
/// The version of the format.
pub const VERSION: u32 = 2;

const MAGIC: &[u8; 8] = b"memtrace";

/// Where in the page the traced program writes while it runs.
pub mod at {
    /// u64: where the next block will begin.
    pub const CLAIMED: usize = 16;
    /// u32: 1 once the library is at work in the program.
    pub const ATTACHED: usize = 24;
    /// u32: `Py_Version` of the interpreter, such as 0x030c01f0; 0 when there is none.
    pub const PYTHON: usize = 28;
    /// u32: 1 when the frames of that interpreter are read.
    pub const FRAMES: usize = 32;
    /// u32: the `errno` that ended the recording early; 0 when none did.
    pub const STOPPED: usize = 36;
    /// u32: how the program ended, as [`super::End::words`] has it.
    pub const END_KIND: usize = 40;
    /// u32: see [`END_KIND`].
    pub const END_VALUE: usize = 44;
    /// u64: microseconds of the machine's monotonic clock when the recording began.
    pub const MONOTONIC_US: usize = 48;
    /// u32: the program's process id.
    pub const PID: usize = 64;
    /// u32: the process id of its parent.
    pub const PARENT: usize = 68;
}
const ENDED_US: usize = 56;
const STARTED_US: usize = 72;
const RUN: usize = 80;
const PEAK_RESIDENT: usize = 88;
const OPTIONS: usize = 96;
const COMMAND_LENGTH: usize = 100;
const COMMAND: usize = 104;

/// What of a program is recorded, besides what it asks of libc.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as on the command line")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The processes that it forks and the programs that they execute, each in a capture of its own.
    pub follow: bool,
    /// What Python's own allocators give out, instead of the memory that they get it from.
    pub python_allocators: bool,
    /// Native stacks too, in one with Python's.
    pub native: bool,
    /// Only sums, not the events themselves.
    pub aggregate: bool,
}

impl Options {
    /// As one word.
    pub fn bits(self) -> u32 {
        let flags = [self.follow, self.python_allocators, self.native, self.aggregate];
        flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u32::from(flag))
    }

    /// From one word; bits that say nothing are passed over.
    pub fn from_bits(bits: u32) -> Options {
        let [follow, python_allocators, native, aggregate] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        Options { follow, python_allocators, native, aggregate }
    }
}

/// How the program ended. A capture without an end was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exited(u32),
    /// This signal, or 0 where nobody knows which, killed it: what it had allocated is known up to then.
    Killed(u32),
    /// The process went on as another program, whose capture is another one.
    Replaced,
    /// The recording was ended, and the process went on.
    Stopped,
}

impl End {
    /// The two words of the header that say so.
    pub fn words(end: Option<End>) -> (u32, u32) {
        match end {
            None => (0, 0),
            Some(End::Exited(code)) => (1, code),
            Some(End::Killed(signal)) => (2, signal),
            Some(End::Replaced) => (3, 0),
            Some(End::Stopped) => (4, 0),
        }
    }

    fn from_words(kind: u32, value: u32) -> Option<End> {
        match kind {
            1 => Some(End::Exited(value)),
            2 => Some(End::Killed(value)),
            3 => Some(End::Replaced),
            4 => Some(End::Stopped),
            _ => None,
        }
    }
}

/// The header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// See [`at::CLAIMED`].
    pub claimed: u64,
    /// See [`at::ATTACHED`].
    pub attached: bool,
    /// See [`at::PYTHON`].
    pub python: u32,
    /// See [`at::FRAMES`].
    pub frames: bool,
    /// See [`at::STOPPED`].
    pub stopped: u32,
    /// How the program ended, if that is known.
    pub end: Option<End>,
    /// Microseconds since 1970 when it began.
    pub started_us: u64,
    /// Microseconds since 1970 when it ended, or 0.
    pub ended_us: u64,
    /// See [`at::MONOTONIC_US`].
    pub monotonic_us: u64,
    /// See [`at::PID`].
    pub pid: u32,
    /// See [`at::PARENT`].
    pub parent: u32,
    /// The same in the captures of all processes of one run.
    pub run: u64,
    /// The most memory that the system had given the process at once, in bytes; 0 where it is not known.
    pub peak_resident: u64,
    /// What is recorded.
    pub options: Options,
    /// The program and its arguments, cut off where the page ends.
    pub command: Vec<String>,
}

impl Header {
    /// The header as a page.
    pub fn encode(&self) -> [u8; SIZE] {
        let mut page = [0; SIZE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        let (kind, value) = End::words(self.end);
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(at::CLAIMED, &self.claimed.to_le_bytes());
        for (at, long) in [
            (STARTED_US, self.started_us),
            (ENDED_US, self.ended_us),
            (at::MONOTONIC_US, self.monotonic_us),
            (RUN, self.run),
            (PEAK_RESIDENT, self.peak_resident),
        ] {
            put(at, &long.to_le_bytes());
        }
        let mut command = self.command.join("\0").into_bytes();
        command.truncate(SIZE - COMMAND);
        let length = u32::try_from(command.len()).unwrap_or(0);
        for (at, word) in [
            (at::ATTACHED, self.attached.into()),
            (at::PYTHON, self.python),
            (at::FRAMES, self.frames.into()),
            (at::STOPPED, self.stopped),
            (at::END_KIND, kind),
            (at::END_VALUE, value),
            (at::PID, self.pid),
            (at::PARENT, self.parent),
            (OPTIONS, self.options.bits()),
            (COMMAND_LENGTH, length),
        ] {
            put(at, &word.to_le_bytes());
        }
        put(COMMAND, &command);
        page
    }

    /// The header that a page holds; an error says which version it is when it is another one.
    pub fn decode(page: &[u8; SIZE]) -> Result<Header, Unreadable> {
        let word = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
        let long = |at: usize| u64::from(word(at + 4)) << 32 | u64::from(word(at));
        if &page[..8] != MAGIC {
            return Err(Unreadable::NoCapture);
        }
        if word(8) != VERSION {
            return Err(Unreadable::Version(word(8)));
        }
        let length = usize::try_from(word(COMMAND_LENGTH)).unwrap_or(usize::MAX).min(SIZE - COMMAND);
        let command = String::from_utf8_lossy(&page[COMMAND..COMMAND + length]);
        Ok(Header {
            claimed: long(at::CLAIMED),
            attached: word(at::ATTACHED) != 0,
            python: word(at::PYTHON),
            frames: word(at::FRAMES) != 0,
            stopped: word(at::STOPPED),
            end: End::from_words(word(at::END_KIND), word(at::END_VALUE)),
            started_us: long(STARTED_US),
            ended_us: long(ENDED_US),
            monotonic_us: long(at::MONOTONIC_US),
            pid: word(at::PID),
            parent: word(at::PARENT),
            run: long(RUN),
            peak_resident: long(PEAK_RESIDENT),
            options: Options::from_bits(word(OPTIONS)),
            command: command.split('\0').map(str::to_owned).collect(),
        })
    }
}

/// Why a page is not a header that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It does not begin as a capture does.
    NoCapture,
    /// It is a capture of another version.
    Version(u32),
}
