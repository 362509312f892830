//! One stream of a capture, decoded block by block: its numbers become those of [`Symbols`].

use std::collections::HashMap;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::rc::Rc;

use memtrace_wire::block::CODES;
use memtrace_wire::code::{Code, Definition, Lines, Module};
use memtrace_wire::entry::{Decoder, ENTERED, Entry};

use crate::error::Error;
use crate::events::{Event, Location, LocationId, StackId, Symbols};
use crate::source::capture::file::{Block, CaptureFile};
use crate::source::capture::lines::Form;
use crate::source::capture::mixed::{Inlined, MixedStacks};
use crate::source::symbolize::Symbolizer;

/// The definitions of a capture, and the locations that were met so far.
pub struct Codes {
    definitions: HashMap<u32, Code>,
    names: HashMap<u32, String>,
    modules: HashMap<u32, Module>,
    lines: Form,
    locations: HashMap<(u32, i32), LocationId>,
    native: HashMap<(u32, u64), Inlined>,
    /// The bytes of stream 0 that [`Codes::update`] has seen.
    stored: u64,
}

impl Codes {
    /// Reads stream 0.
    pub fn read(file: &mut CaptureFile) -> Result<Codes, Error> {
        let (mut definitions, mut names, mut modules) = (HashMap::new(), HashMap::new(), HashMap::new());
        for block in file.streams.remove(&CODES).unwrap_or_default() {
            let bytes = file.bytes(&block)?;
            let mut at = 0;
            loop {
                match Definition::decode(&bytes, &mut at) {
                    Ok(Some(Definition::Code(number, code))) => drop(definitions.insert(number, code)),
                    Ok(Some(Definition::Name(number, name))) => drop(names.insert(number, name)),
                    Ok(Some(Definition::Module(number, module))) => drop(modules.insert(number, module)),
                    Ok(None) => break,
                    Err(_) => {
                        file.damaged = true;
                        break;
                    }
                }
            }
        }
        let lines = Form::of(file.header.python);
        let (locations, native) = (HashMap::new(), HashMap::new());
        Ok(Codes { definitions, names, modules, lines, locations, native, stored: 0 })
    }

    /// Reads stream 0 again where there is more in it, keeping the locations that were met.
    pub fn update(&mut self, file: &mut CaptureFile) -> Result<(), Error> {
        let stored =
            file.streams.get(&CODES).into_iter().flatten().map(|block| u64::from(block.head.used)).sum();
        if stored != self.stored {
            let Codes { definitions, names, modules, lines, .. } = Codes::read(file)?;
            (self.definitions, self.names, self.lines, self.stored) = (definitions, names, lines, stored);
            self.modules = modules;
        }
        Ok(())
    }

    fn location(&mut self, code: u32, instruction: i32, symbols: &mut Symbols) -> LocationId {
        *self.locations.entry((code, instruction)).or_insert_with(|| {
            symbols.location(match self.definitions.get(&code) {
                Some(code) => Location {
                    function: code.function.clone(),
                    file: code.file.clone(),
                    line: match code.lines {
                        Lines::Own => self.lines,
                        Lines::Ranges => Form::Ranges,
                    }
                    .line(&code.line_table, code.first_line, instruction),
                },
                None => Location { function: "?".into(), file: "?".into(), line: 0 },
            })
        })
    }
}

/// What reading a stream needs besides the stream.
pub struct Context<'a> {
    pub file: &'a mut CaptureFile,
    pub codes: &'a mut Codes,
    pub symbols: &'a mut Symbols,
    pub symbolizer: &'a mut Symbolizer,
    pub damaged: bool,
}

/// One stream, read up to its next event.
pub struct Stream {
    blocks: Peekable<std::vec::IntoIter<Block>>,
    bytes: Vec<u8>,
    decoder: Decoder,
    stacks: Vec<StackId>,
    /// Where native stacks are recorded, what those are made of.
    mixed: Option<MixedStacks>,
    thread: u32,
    /// Who asks for memory: the thread, or a task of it.
    asker: u32,
    next: Option<(u64, Event)>,
    /// The sequence number at which it was interrupted within a block.
    interrupted: Option<u64>,
    /// How many blocks were begun.
    begun: usize,
    /// The block that is being read, and those that were before.
    current: Option<Block>,
    read: Vec<Block>,
}

impl Context<'_> {
    /// The functions at an address of a module, those that are inlined there too.
    fn functions(&mut self, module: u32, address: u64) -> Inlined {
        let Codes { modules, native, .. } = &mut *self.codes;
        let found = native.entry((module, address)).or_insert_with(|| {
            let locations = self.symbolizer.functions(modules.get(&module), address);
            locations.into_iter().map(|location| self.symbols.location(location)).collect()
        });
        Rc::clone(found)
    }
}

impl Stream {
    /// A stream of which nothing is read yet.
    pub fn new(blocks: Vec<Block>, mixed: Option<MixedStacks>) -> Stream {
        Stream {
            mixed,
            blocks: blocks.into_iter().peekable(),
            bytes: Vec::new(),
            decoder: Decoder::new(0),
            stacks: vec![StackId::EMPTY],
            thread: 0,
            asker: 0,
            next: None,
            interrupted: None,
            begun: 0,
            current: None,
            read: Vec::new(),
        }
    }

    /// Takes note of all its blocks as they are now, where the program still writes: the one that was read last
    /// may have grown, and others may have come.
    pub fn grow(&mut self, mut blocks: Vec<Block>, file: &mut CaptureFile) -> Result<(), Error> {
        let new = blocks.split_off(self.begun.min(blocks.len()));
        if let Some(last) = blocks.last() {
            self.bytes = file.bytes(last)?;
        }
        self.blocks = new.into_iter().peekable();
        Ok(())
    }

    /// The blocks that were read to their ends since the last time.
    pub fn blocks_read(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.read)
    }

    /// Goes on to the next block if there is one that is due: it says so itself, and is not read before that.
    fn begin_block(&mut self, last: u64, context: &mut Context) -> Result<bool, Error> {
        let Some(block) = self.blocks.next_if(|block| block.head.first_seq <= last) else {
            return Ok(false);
        };
        self.begun += 1;
        self.read.extend(self.current.replace(block));
        self.bytes = context.file.bytes(&block)?;
        self.decoder = Decoder::new(block.head.first_seq);
        Ok(true)
    }

    /// The sequence number of its next event, or one that is not above it.
    #[inline]
    pub fn due(&mut self) -> Option<u64> {
        match self.next {
            Some((seq, _)) => Some(seq),
            None => self.interrupted.or_else(|| self.blocks.peek().map(|block| block.head.first_seq)),
        }
    }

    /// Hands over its events up to the sequence number `last`, as far as they are written, until `take` has enough;
    /// those that have a place among the events of others with their own number.
    #[inline]
    pub fn run<Enough>(
        &mut self,
        last: u64,
        context: &mut Context,
        mut take: impl FnMut(Option<u64>, Event) -> ControlFlow<Enough>,
    ) -> Result<ControlFlow<Enough>, Error> {
        self.interrupted = None;
        if let Some((seq, event)) = self.next {
            if seq > last {
                return Ok(ControlFlow::Continue(()));
            }
            self.next = None;
            if let ControlFlow::Break(enough) = take(Some(seq), event) {
                self.interrupted = Some(seq);
                return Ok(ControlFlow::Break(enough));
            }
        }
        loop {
            let (seq, event) = match self.decoder.decode(&self.bytes) {
                Ok(Some(entry)) => match self.translate(entry, context) {
                    Some(Translated::Event(seq, event)) if seq > last => {
                        self.next = Some((seq, event));
                        return Ok(ControlFlow::Continue(()));
                    }
                    Some(Translated::Event(seq, event)) => (Some(seq), event),
                    Some(Translated::Unordered(event)) => (None, event),
                    Some(Translated::Meta) => continue,
                    None => {
                        self.give_up(context);
                        continue;
                    }
                },
                Ok(None) => {
                    if !self.begin_block(last, context)? {
                        return Ok(ControlFlow::Continue(()));
                    }
                    continue;
                }
                Err(_) => {
                    self.give_up(context);
                    continue;
                }
            };
            if let ControlFlow::Break(enough) = take(seq, event) {
                // Not above that of whatever comes next.
                self.interrupted = Some(seq.unwrap_or(0));
                return Ok(ControlFlow::Break(enough));
            }
        }
    }

    /// Leaves out the rest, which cannot be understood without what is damaged.
    fn give_up(&mut self, context: &mut Context) {
        context.damaged = true;
        self.blocks = Vec::new().into_iter().peekable();
        self.bytes.clear();
        self.decoder = Decoder::new(0);
    }

    #[inline]
    fn translate(&mut self, entry: Entry, context: &mut Context) -> Option<Translated> {
        Some(match entry {
            Entry::Allocation { seq, allocator, address, size, stack } => {
                let stack = *self.stacks.get(stack as usize)?;
                let (allocator, thread) = (allocator.into(), self.asker);
                Translated::Event(seq, Event::Allocated { address, size, allocator, thread, stack })
            }
            Entry::Free { seq, address } => Translated::Event(seq, Event::Freed { address }),
            Entry::Unmap { seq, address, size } => Translated::Event(seq, Event::Unmapped { address, size }),
            Entry::Sample { seq, ms, resident } => Translated::Event(seq, Event::Sampled { ms, resident }),
            Entry::ThreadName { name } => {
                context.symbols.name_thread(self.thread, context.codes.names.get(&name)?);
                Translated::Unordered(Event::ThreadNamed { thread: self.thread })
            }
            Entry::Task { name: 0 } => {
                self.asker = self.thread;
                Translated::Meta
            }
            Entry::Task { name } => {
                let (task, is_new) = context.symbols.task(self.thread, context.codes.names.get(&name)?);
                self.asker = task;
                if is_new {
                    Translated::Unordered(Event::ThreadNamed { thread: task })
                } else {
                    Translated::Meta
                }
            }
            definition => {
                self.define(definition, context)?;
                Translated::Meta
            }
        })
    }

    /// Takes note of what later entries refer to.
    #[cold]
    fn define(&mut self, entry: Entry, context: &mut Context) -> Option<()> {
        match entry {
            Entry::Stack { parent, code, instruction } if self.mixed.is_some() => {
                let location =
                    (code != ENTERED).then(|| context.codes.location(code, instruction, context.symbols));
                self.mixed.as_mut()?.python(parent, location)?;
            }
            Entry::Stack { parent, code, instruction } => {
                let caller = *self.stacks.get(parent as usize)?;
                let location = context.codes.location(code, instruction, context.symbols);
                self.stacks.push(context.symbols.stack(caller, location));
            }
            Entry::NativeFrame { module, address, interprets } => {
                let functions = context.functions(module, address);
                self.mixed.as_mut()?.frame(functions, interprets, context.symbols);
            }
            Entry::NativeStack { parent, frame } => self.mixed.as_mut()?.native(parent, frame)?,
            Entry::Mixed { python, native } => {
                let stack = self.mixed.as_mut()?.mix(python, native, context.symbols)?;
                self.stacks.push(stack);
            }
            Entry::Thread { id } => (self.thread, self.asker) = (id, id),
            Entry::Allocation { .. }
            | Entry::Free { .. }
            | Entry::Unmap { .. }
            | Entry::Sample { .. }
            | Entry::Task { .. }
            | Entry::ThreadName { .. } => {}
        }
        Some(())
    }
}

enum Translated {
    Event(u64, Event),
    /// It belongs to the stream, and to no place among the events of others.
    Unordered(Event),
    Meta,
}
