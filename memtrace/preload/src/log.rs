//! What one thread needs to record: its stream of entries, and the frames it saw last.
//! One thread uses it at a time. Must not know libc's functions.

use std::borrow::Cow;

use memtrace_wire::Allocator;
use memtrace_wire::entry::{Encoder, Entry, MAX};

use crate::buffer::{self, Block, preserving_errno};
use crate::clock::Sample;
use crate::definitions;
use crate::native::{self, Define, NativeFrames};
use crate::python::walk::{Activations, Frames, StackNames};
use crate::python::{self, Interpreter, TaskName};
use crate::table::Table;

/// What one thread needs to record.
pub struct Log {
    stream: Stream,
    frames: Frames,
    /// Where native stacks are recorded.
    native: Option<NativeFrames>,
    /// What the system called the thread at its first event.
    first_name: ThreadName,
    /// What Python calls it, where that is known.
    python_name: Option<String>,
    /// Whether Python is to be asked for it at the next event.
    ask_python: bool,
    /// Its name, as it was last written.
    name: String,
    /// The asyncio task that was last written, and its number; empty and 0 where it was none.
    task: String,
    task_number: u32,
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
        Log {
            stream: Stream::new(number),
            frames: Frames::new(),
            native,
            first_name: [0; 16],
            python_name: None,
            ask_python: false,
            name: String::new(),
            task: String::new(),
            task_number: 0,
            passes: 0,
        }
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
        self.first_name = preserving_errno(thread_name);
        // Python has a name for it that the system does not know.
        let is_main = id == std::process::id() && python::interpreter().is_some();
        self.python_name = is_main.then(|| "MainThread".to_owned());
        self.name.clear();
        self.task.clear();
        self.task_number = 0;
        self.note_name();
    }

    /// Says what this thread is called, if that is new. A name that the program has told the system is the one, else
    /// that which Python knows it by.
    pub fn note_name(&mut self) {
        let now = preserving_errno(thread_name);
        let text = now.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = match &self.python_name {
            Some(name) if now == self.first_name => Cow::Borrowed(name.as_str()),
            _ => String::from_utf8_lossy(text),
        };
        if name != self.name {
            self.name = name.into_owned();
            let name = preserving_errno(|| definitions::name(&self.name));
            self.write(Entry::ThreadName { name });
        }
    }

    /// Asks Python what it calls this thread. To be called when the frames were just read.
    #[cold]
    fn ask_python(&mut self, python: &Interpreter) {
        self.ask_python = false;
        if let Some(name) = self.frames.thread_name(python) {
            self.python_name = Some(name);
            self.note_name();
        }
    }

    /// Says which asyncio task the thread is in, if that is new. To be called when the frames were just read.
    #[inline(never)]
    fn note_task(&mut self, python: &Interpreter) {
        match self.frames.task_name(python, &self.task) {
            Some(TaskName::Known) => return,
            Some(TaskName::New(name)) => {
                self.task_number = preserving_errno(|| definitions::task(&name)).unwrap_or(0);
                self.task = name;
            }
            None if self.task_number == 0 => return,
            None => {
                self.task_number = 0;
                self.task.clear();
            }
        }
        self.write(Entry::Task { name: self.task_number });
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
        self.ask_python = true;
    }

    /// The stack that this thread is at, by its number in this stream: the Python stack, or, where native stacks are
    /// recorded, both together.
    #[inline]
    pub fn stack(&mut self) -> u32 {
        let python = python::interpreter();
        let stack = python.map_or(0, |python| self.frames.stack(python, &mut self.stream));
        if let Some(python) = python {
            if self.frames.thread_began() | self.ask_python {
                self.ask_python(python);
            }
            if self.frames.may_be_in_task() || self.task_number != 0 {
                self.note_task(python);
            }
        }
        let Some(native) = &mut self.native else { return stack };
        native.follow(self.frames.oldest().0, self.frames.was_reread());
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
        let key = (u64::from(parent) << 32 | u64::from(code), instruction.cast_unsigned());
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
