//! The first page of a capture: what ran, with which Python, and how it ended.

/// The size of the header; blocks begin behind it.
pub const SIZE: usize = 4096;
/// The version of the format.
pub const VERSION: u32 = 1;

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
    /// u32: the program's process id.
    pub const PID: usize = 64;
}
const END_KIND: usize = 40;
const END_VALUE: usize = 44;
const STARTED_US: usize = 48;
const ENDED_US: usize = 56;
const COMMAND_LENGTH: usize = 68;
const COMMAND: usize = 72;

/// How the program ended. A capture without an end was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exited(u32),
    /// This signal killed it: what it had allocated is known up to then.
    Killed(u32),
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
    /// See [`at::PID`].
    pub pid: u32,
    /// The program and its arguments, cut off where the page ends.
    pub command: Vec<String>,
}

impl Header {
    /// The header as a page.
    pub fn encode(&self) -> [u8; SIZE] {
        let mut page = [0; SIZE];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        let (kind, value) = match self.end {
            None => (0, 0),
            Some(End::Exited(code)) => (1, code),
            Some(End::Killed(signal)) => (2, signal),
        };
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(at::CLAIMED, &self.claimed.to_le_bytes());
        put(STARTED_US, &self.started_us.to_le_bytes());
        put(ENDED_US, &self.ended_us.to_le_bytes());
        let mut command = self.command.join("\0").into_bytes();
        command.truncate(SIZE - COMMAND);
        let length = u32::try_from(command.len()).unwrap_or(0);
        for (at, word) in [
            (at::ATTACHED, self.attached.into()),
            (at::PYTHON, self.python),
            (at::FRAMES, self.frames.into()),
            (at::STOPPED, self.stopped),
            (END_KIND, kind),
            (END_VALUE, value),
            (at::PID, self.pid),
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
            end: match word(END_KIND) {
                1 => Some(End::Exited(word(END_VALUE))),
                2 => Some(End::Killed(word(END_VALUE))),
                _ => None,
            },
            started_us: long(STARTED_US),
            ended_us: long(ENDED_US),
            pid: word(at::PID),
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
