//! What one thread needs to record: its stream of entries, and the frames it saw last.
//! One thread uses it at a time. Must not know libc's functions.

use memtrace_wire::Allocator;
use memtrace_wire::entry::{Encoder, Entry, MAX};

use crate::buffer::{self, Block, preserving_errno};
use crate::clock::Sample;
use crate::definitions;
use crate::native::{self, Define, NativeFrames};
use crate::python;
use crate::python::walk::{Activations, Frames, StackNames};
use crate::table::Table;

/// What one thread needs to record.
pub struct Log {
    stream: Stream,
    frames: Frames,
    /// Where native stacks are recorded.
    native: Option<NativeFrames>,
    /// The thread's name, as it was last written.
    name: ThreadName,
    /// How many more small blocks pass without a look at the clock.
    passes: u32,
}

/// Of Python's small blocks, one of so many looks at the clock.
const LOOKS: u32 = 64;

/// `TASK_COMM_LEN`: a thread's name with the zero behind it.
type ThreadName = [u8; 16];

impl Log {
    /// The empty stream with this number.
    pub fn new(number: u32) -> Log {
        let native = native::enabled().then(NativeFrames::new);
        Log { stream: Stream::new(number), frames: Frames::new(), native, name: [0; 16], passes: 0 }
    }

    /// Whether it is of the recording that is going on.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.stream.recording == buffer::recording()
    }

    /// Says which thread the entries that follow come from.
    pub fn begin_thread(&mut self, id: u32) {
        self.frames.forget();
        if let Some(native) = &mut self.native {
            native.forget();
        }
        self.write(Entry::Thread { id });
        self.name = [0; 16];
        self.note_name();
    }

    /// Says what this thread is called, if that is new.
    pub fn note_name(&mut self) {
        let name = preserving_errno(thread_name);
        if name != self.name {
            self.name = name;
            let text = name.split(|&byte| byte == 0).next().unwrap_or_default();
            let name = preserving_errno(|| definitions::name(&String::from_utf8_lossy(text)));
            self.write(Entry::ThreadName { name });
        }
    }

    /// Whether a small block may pass without a look at the clock.
    #[inline]
    pub fn passes_clock(&mut self) -> bool {
        let passes = self.passes > 0;
        self.passes = if passes { self.passes - 1 } else { LOOKS - 1 };
        passes
    }

    /// Writes a sample; once in a while is also often enough to see a new name that another thread gave.
    #[cold]
    pub fn sample(&mut self, seq: u64, sample: &Sample) {
        let &Sample { ms, resident } = sample;
        self.write(Entry::Sample { seq, ms, resident });
        self.note_name();
    }

    /// The stack that this thread is at, by its number in this stream: the Python stack, or, where native stacks are
    /// recorded, both together.
    #[inline]
    pub fn stack(&mut self) -> u32 {
        let python = python::interpreter();
        let stack = python.map_or(0, |python| self.frames.stack(python, &mut self.stream));
        let Some(native) = &mut self.native else { return stack };
        let activations = python.map_or(Activations::Unknown, |python| self.frames.activations(python));
        native.stack(stack, activations, &mut self.stream)
    }

    /// Appends an entry; where none can be written any more, the recording has ended.
    pub fn write(&mut self, entry: Entry) {
        self.stream.write(entry);
    }

    /// Appends an allocation by this thread, at the stack that it is at.
    #[inline]
    pub fn allocation(&mut self, seq: impl FnOnce() -> u64, allocator: Allocator, address: u64, size: u64) {
        let stack = self.stack();
        let seq = seq();
        self.stream.append(|encoder, room| encoder.allocation(room, seq, allocator, address, size, stack));
    }

    /// Appends a free.
    #[inline]
    pub fn free(&mut self, seq: u64, address: u64) {
        self.stream.append(|encoder, room| encoder.free(room, seq, address));
    }
}

fn thread_name() -> ThreadName {
    let mut name = [0; 16];
    // SAFETY: a bare system call that writes at most sixteen bytes.
    unsafe { libc::syscall(libc::SYS_prctl, libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// The entries, block by block, and the stacks that they have named so far.
struct Stream {
    recording: u32,
    number: u32,
    blocks: u32,
    block: Option<Block>,
    encoder: Encoder,
    stacks: Table,
    named: u32,
}

impl Stream {
    fn new(number: u32) -> Stream {
        Stream {
            recording: buffer::recording(),
            number,
            blocks: 0,
            block: None,
            encoder: Encoder::new(0),
            stacks: Table::new(),
            named: 0,
        }
    }

    #[inline(never)]
    fn write(&mut self, entry: Entry) {
        self.append(|encoder, room| encoder.encode(room, entry));
    }

    #[inline]
    fn append(&mut self, encode: impl FnOnce(&mut Encoder, &mut [u8; MAX]) -> usize) {
        loop {
            if let Some(block) = &mut self.block
                && let Some(room) = block.room::<MAX>()
            {
                let used = encode(&mut self.encoder, room);
                block.advance(used);
                return;
            }
            if !self.next_block() {
                return;
            }
        }
    }

    #[cold]
    fn next_block(&mut self) -> bool {
        let first_seq = self.encoder.next_seq();
        self.block = Block::claim(self.recording, self.number, self.blocks, first_seq, MAX);
        self.encoder = Encoder::new(first_seq);
        self.blocks += 1;
        self.block.is_some()
    }
}

impl StackNames for Stream {
    #[inline]
    fn name(&mut self, parent: u32, code: u32, instruction: i32) -> u32 {
        let key = (u64::from(parent) << 32 | u64::from(code), u64::from(instruction.cast_unsigned()));
        if let Some(stack) = self.stacks.get(key) {
            return stack;
        }
        self.named += 1;
        self.stacks.insert(key, self.named);
        self.write(Entry::Stack { parent, code, instruction });
        self.named
    }
}

impl Define for Stream {
    #[inline]
    fn define(&mut self, entry: Entry) {
        self.write(entry);
    }
}
