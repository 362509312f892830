//! Stream 0: what the entries of all threads refer to by number. Must not know what it means.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memtrace_wire::block::CODES;
use memtrace_wire::code::Definition;

use crate::buffer::{self, Block};

static STREAM: Mutex<Stream> =
    Mutex::new(Stream { block: None, blocks: 0, names: None, last_name: 0, tasks: 0 });

/// The stream, and the names that are in it.
pub struct Stream {
    block: Option<Block>,
    blocks: u32,
    names: Option<HashMap<Box<str>, u32>>,
    last_name: u32,
    /// How many of them are of tasks.
    tasks: u32,
}

/// Programs that give a name to each task, and make one for each request, must not need memory for each of them.
const MOST_TASKS: u32 = 1000;

/// Appends a definition; where none can be written any more, the recording has ended.
pub fn define(definition: &Definition) {
    stream().write(definition);
}

/// The number of a name, which is defined on its first use.
pub fn name(name: &str) -> u32 {
    let mut stream = stream();
    stream.number(name).unwrap_or_else(|| stream.define_name(name))
}

/// The same of a task; none where there are too many.
pub fn task(name: &str) -> Option<u32> {
    let mut stream = stream();
    stream.number(name).or_else(|| {
        stream.tasks += 1;
        (stream.tasks <= MOST_TASKS).then(|| stream.define_name(name))
    })
}

impl Stream {
    fn number(&mut self, name: &str) -> Option<u32> {
        self.names.get_or_insert_default().get(name).copied()
    }

    fn define_name(&mut self, name: &str) -> u32 {
        self.last_name += 1;
        let number = self.last_name;
        self.names.get_or_insert_default().insert(name.into(), number);
        self.write(&Definition::Name(number, name.to_owned()));
        number
    }

    fn write(&mut self, definition: &Definition) {
        let mut bytes = Vec::new();
        definition.encode(&mut bytes);
        if self.block.as_mut().is_some_and(|block| block.append(&bytes)) {
            return;
        }
        self.block = Block::claim(buffer::recording(), CODES, self.blocks, 0, bytes.len());
        self.blocks += 1;
        if let Some(block) = &mut self.block {
            block.append(&bytes);
        }
    }

    /// Begins anew, in another capture.
    pub fn reset(&mut self) {
        *self = Stream { block: None, blocks: 0, names: None, last_name: 0, tasks: 0 };
    }
}

fn stream() -> Held {
    STREAM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream, from which all others are kept.
pub type Held = MutexGuard<'static, Stream>;

/// Keeps all others out while the process forks.
pub fn hold() -> Held {
    stream()
}
