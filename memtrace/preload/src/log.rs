//! What one thread needs to record: its stream of entries, and the Python frames it saw last.
//! One thread uses it at a time. Must not know libc's functions.

use memtrace_wire::entry::{Encoder, Entry, MAX};

use crate::buffer::Block;
use crate::python;
use crate::python::walk::{Frames, StackNames};
use crate::table::Table;

/// What one thread needs to record.
pub struct Log {
    stream: Stream,
    frames: Frames,
}

impl Log {
    /// The empty stream with this number.
    pub fn new(number: u32) -> Log {
        Log { stream: Stream::new(number), frames: Frames::new() }
    }

    /// Says which thread the entries that follow come from.
    pub fn begin_thread(&mut self, id: u32) {
        self.frames.forget();
        self.write(Entry::Thread { id });
    }

    /// The Python stack that this thread is at, by its number in this stream.
    #[inline]
    pub fn stack(&mut self) -> u32 {
        python::interpreter().map_or(0, |python| self.frames.stack(python, &mut self.stream))
    }

    /// Appends an entry; where none can be written any more, the recording has ended.
    #[inline]
    pub fn write(&mut self, entry: Entry) {
        self.stream.write(entry);
    }
}

/// The entries, block by block, and the stacks that they have named so far.
struct Stream {
    number: u32,
    blocks: u32,
    block: Option<Block>,
    encoder: Encoder,
    stacks: Table,
    named: u32,
}

impl Stream {
    fn new(number: u32) -> Stream {
        Stream { number, blocks: 0, block: None, encoder: Encoder::new(0), stacks: Table::new(), named: 0 }
    }

    #[inline]
    fn write(&mut self, entry: Entry) {
        loop {
            if let Some(block) = &mut self.block
                && let Some(room) = block.room::<MAX>()
            {
                let used = self.encoder.encode(room, entry);
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
        self.block = Block::claim(self.number, self.blocks, first_seq, MAX);
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
