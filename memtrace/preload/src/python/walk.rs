//! The stack of a thread, exact at every event, for the price of comparing it with the last one.
//!
//! One cannot stop at the first frame that was there before: the memory of frames is reused, so the same
//! frame at the same instruction can have other callers. Instead:
//!
//! 1. The newest frame that is still there is found near the top; frames above it are new.
//! 2. Every older one is compared with the live one: same instruction, same caller. They lie in one dense
//!    array, so this costs under a nanosecond a frame.
//! 3. Frames lie in chunks of the interpreter's data stack. A chunk goes when its first frame goes, by
//!    munmap, which is hooked. So while the newest chunk is the same and nothing was unmapped, its first
//!    frame is still running, all that called it are waiting, and the comparison ends there.
//!
//! Before 3.11 frames are objects, of which the third does not hold; all are compared.
//!
//! A thread reads its own frames only; nothing else writes them, so the GIL is not needed.

mod activations;
mod frame;

pub use activations::Activations;
pub use frame::StackNames;

use memtrace_wire::entry::ENTERED;

use crate::python::code::{self, SHIM};
use crate::python::offsets::{CFrames, CHUNK_DATA, Entries};
use crate::python::who::{self, TaskName};
use crate::python::{Interpreter, Layout};
use crate::recorder;
use crate::table::Table;
use crate::word::Address;
use frame::{Frame, Link, instruction, is_on_c_stack, name, newest_frame, read_frame};

/// How far from the top the newest known frame is sought.
const NEAR: usize = 12;

/// The oldest frame; before it in the arrays comes the empty stack.
const OLDEST: usize = 1;

/// The frames of one thread as they were at the last event, oldest first.
pub struct Frames {
    /// What is compared with the live frames.
    links: Vec<Link>,
    /// What is known of each of them.
    stacks: Vec<Stack>,
    /// Frames that are not in `links` yet, newest first; empty between events.
    fresh: Vec<Frame>,
    /// The numbers of code objects, to save a look into the shared table.
    codes: Table,
    generation: u64,
    /// The newest chunk at the last event, the number of unmaps then, and its first frame in `links`.
    chunk: Address,
    unmaps: u64,
    floor: usize,
    /// See [`CFrames::newest`].
    c_frame: Address,
    /// Whether a frame was met that begins a thread.
    began: bool,
    /// Whether the thread has several chains, which greenlets are. While one stops or goes on, they also take out of its
    /// chain, at any depth, what lies on the C stack, and put it back.
    switches: bool,
    /// Whether one of several chains was read anew.
    reread: bool,
}

#[derive(Clone, Copy)]
struct Stack {
    code: Address,
    /// Its number; [`NOT_ASKED`] before that is needed.
    code_number: u32,
    number: u32,
    /// The newest frame, of this one and those before it, that lies on the C stack; 0 where none does.
    entry: u32,
    /// The newest of them that runs what an event loop was asked to; 0 where none does.
    handle: u32,
}

/// No code object has this number.
const NOT_ASKED: u32 = ENTERED;

/// The live frames do not follow each other as the remembered ones do.
struct Changed;

impl Frames {
    pub fn new() -> Frames {
        Frames {
            links: vec![Link { frame: Address::NULL, instruction: Address::NULL }],
            stacks: vec![Stack {
                code: Address::NULL,
                code_number: NOT_ASKED,
                number: 0,
                entry: 0,
                handle: 0,
            }],
            fresh: Vec::new(),
            codes: Table::new(),
            generation: 0,
            chunk: Address::NULL,
            unmaps: 0,
            floor: OLDEST,
            c_frame: Address::NULL,
            began: false,
            switches: false,
            reread: false,
        }
    }

    /// Forgets all frames: the next stack is read as a whole.
    pub fn forget(&mut self) {
        self.keep(OLDEST);
        self.chunk = Address::NULL;
        self.c_frame = Address::NULL;
    }

    /// Whether the last stack may be in a task.
    #[inline]
    pub fn may_be_in_task(&self) -> bool {
        self.stacks.last().is_some_and(|top| top.handle != 0)
    }

    /// The name of the task that the last stack is in, which must be where this thread is; none where it is in no
    /// task. It is `known` where it is the same as that.
    pub fn task_name(&self, python: &Interpreter, known: &str) -> Option<TaskName> {
        let handle = self.stacks.last().map_or(0, |top| top.handle);
        // SAFETY: the frame is on this thread's stack, and so are the objects that it holds.
        unsafe {
            who::task_name(
                &python.layout,
                self.links.get(handle as usize).filter(|_| handle != 0)?.frame,
                known,
            )
        }
    }

    /// Whether a frame was met, since this was last asked, that begins a thread.
    #[inline]
    pub fn thread_began(&mut self) -> bool {
        std::mem::take(&mut self.began)
    }

    /// Whether one of several chains was read anew, since this was last asked, because it was not what it was.
    #[inline]
    pub fn was_reread(&mut self) -> bool {
        std::mem::take(&mut self.reread)
    }

    /// What Python calls the thread; the last stack must be where it is.
    pub fn thread_name(&self, python: &Interpreter) -> Option<String> {
        /// It is among the oldest.
        const OLDEST_FRAMES: usize = 8;
        let mut oldest = self.stacks.iter().take(OLDEST_FRAMES);
        let index = oldest.position(|stack| who::begins_thread(stack.code))?;
        if !python.has_gil() {
            return None;
        }
        // SAFETY: the frame is on this thread's stack.
        unsafe { who::thread_name(&python.layout, self.links[index].frame) }
    }

    /// The number of this thread's stack.
    #[inline]
    pub fn stack(&mut self, python: &Interpreter, names: &mut impl StackNames) -> u32 {
        let thread = python.thread_state();
        if thread.is_null() {
            self.forget();
            return 0;
        }
        // SAFETY: it is this thread's own thread state, so it lives.
        let (newest, chunk) = unsafe {
            let chunk = python.layout.data_stack.map_or(Address::NULL, |offset| thread.pointer(offset));
            (newest_frame(&python.layout, thread), chunk)
        };
        if newest.is_null() {
            self.forget();
            return 0;
        }
        self.drop_dead_codes();
        if let Some(CFrames { newest, .. }) = python.layout.c_frames {
            // SAFETY: as above.
            self.c_frame = unsafe { thread.pointer(newest) };
        }
        let unmaps = recorder::unmaps();
        let settled = !chunk.is_null() && chunk == self.chunk && unmaps == self.unmaps;
        let floor = if settled { self.floor } else { OLDEST };
        // SAFETY: these are this thread's own frames.
        unsafe {
            if settled && self.are_unchanged(&python.layout, newest, floor) {
                return self.stacks[self.stacks.len() - 1].number;
            }
            let oldest = self.oldest();
            let stack = self.follow(python, names, newest, floor);
            if !oldest.is_null() && oldest != self.oldest() {
                self.switches = true;
            }
            if self.switches {
                // No depth is out of reach.
                self.chunk = Address::NULL;
            } else if !settled {
                self.settle(chunk, unmaps);
            }
            stack
        }
    }

    /// The number of the stack, most of which may be that of the last one.
    ///
    /// # Safety
    /// As for [`Frames::reuse`].
    #[inline(never)]
    unsafe fn follow(
        &mut self,
        python: &Interpreter,
        names: &mut impl StackNames,
        newest: Address,
        floor: usize,
    ) -> u32 {
        // SAFETY: passed on to the caller.
        unsafe {
            if self.reuse(python, names, newest, floor).is_err() {
                self.fresh.clear();
                self.read_down_to(&python.layout, newest, floor);
            }
            self.push_fresh(python, names)
        }
    }

    #[inline]
    fn drop_dead_codes(&mut self) {
        let generation = code::generation();
        if generation != self.generation {
            self.generation = generation;
            self.codes.clear();
            self.forget();
        }
    }

    /// Whether the stack is the last one, as it mostly is while C code works: found out at less cost than otherwise.
    ///
    /// # Safety
    /// As for [`Frames::reuse`], by frames on the data stack.
    #[inline]
    unsafe fn are_unchanged(&self, layout: &Layout, newest: Address, floor: usize) -> bool {
        let last = self.links.len() - 1;
        if last < floor
            || self.links[last].frame != newest
            || matches!(layout.entries, Some(Entries::Flag(_)))
        {
            return false;
        }
        let mut frame = newest;
        for links in self.links[floor - 1..].windows(2).rev() {
            // SAFETY: each frame is met through the one that it called.
            let (instruction, previous) =
                unsafe { (frame.read::<usize>(layout.instruction), frame.pointer(layout.previous)) };
            if (instruction ^ links[1].instruction.0) | (previous.0 ^ links[0].frame.0) != 0 {
                return false;
            }
            frame = previous;
        }
        true
    }

    /// Keeps the part of the last stack that is still there and collects what is new above it.
    ///
    /// # Safety
    /// `newest` must be this thread's newest frame, and frames older than `floor` unchanged.
    #[inline]
    unsafe fn reuse(
        &mut self,
        python: &Interpreter,
        names: &mut impl StackNames,
        newest: Address,
        floor: usize,
    ) -> Result<(), Changed> {
        // SAFETY: passed on to the caller.
        let last = unsafe { self.newest_known(&python.layout, newest)? };
        if last < floor {
            return Err(Changed);
        }
        self.keep(last + 1);
        // SAFETY: the frame at `last` was just met alive.
        let lowest_moved = unsafe { self.compare(&python.layout, floor)? };
        for index in lowest_moved..self.links.len() {
            let Stack { code, mut code_number, .. } = self.stacks[index];
            if code_number == NOT_ASKED {
                // SAFETY: the code of a live frame lives.
                code_number = unsafe { self.code_number(python, code) };
                self.stacks[index].code_number = code_number;
            }
            let parent = self.stacks[index - 1].number;
            // SAFETY: as above.
            let number = unsafe { name(python, names, parent, (code, code_number), self.links[index]) };
            self.stacks[index].number = number;
            self.stacks[index].handle = self.handle(index, code);
        }
        Ok(())
    }

    /// The index of the newest remembered frame that is still there.
    ///
    /// # Safety
    /// `newest` must be this thread's newest frame.
    #[inline]
    unsafe fn newest_known(&mut self, layout: &Layout, newest: Address) -> Result<usize, Changed> {
        let near = self.links.len().saturating_sub(NEAR).max(OLDEST);
        let mut frame = newest;
        for _ in 0..NEAR {
            if frame.is_null() {
                break;
            }
            if let Some(index) = self.links[near..].iter().rposition(|link| link.frame == frame) {
                return Ok(near + index);
            }
            // SAFETY: each frame is met through the one that it called.
            unsafe {
                self.fresh.push(read_frame(layout, frame));
                frame = frame.pointer(layout.previous);
            }
        }
        Err(Changed)
    }

    /// Compares the remembered frames with the live ones, down to `floor`, and returns the oldest that has
    /// moved on to another instruction.
    ///
    /// # Safety
    /// The newest remembered frame must be alive.
    #[inline]
    unsafe fn compare(&mut self, layout: &Layout, floor: usize) -> Result<usize, Changed> {
        let mut lowest_moved = self.links.len();
        let mut index = self.links.len() - 1;
        let mut link = self.links[index];
        while index >= floor {
            let caller = self.links[index - 1];
            // SAFETY: this frame lives, because it is the newest or called by one that was compared.
            let (instruction, previous) =
                unsafe { (instruction(layout, link.frame), link.frame.pointer(layout.previous)) };
            let other_code = match layout.data_stack {
                Some(_) => 0,
                // Frames are objects, which may serve another function at what is the same instruction there.
                // SAFETY: as above.
                None => unsafe { link.frame.pointer(layout.executable) }.0 ^ self.stacks[index].code.0,
            };
            // One branch for all, so that the loads of many frames are under way at once.
            if (instruction.0 ^ link.instruction.0) | (previous.0 ^ caller.frame.0) | other_code != 0 {
                if previous != caller.frame {
                    return Err(Changed);
                }
                self.links[index].instruction = instruction;
                // SAFETY: as above.
                let code = unsafe { link.frame.pointer(layout.executable) };
                if code != self.stacks[index].code {
                    self.stacks[index].code = code;
                    self.stacks[index].code_number = NOT_ASKED;
                }
                lowest_moved = index;
            }
            link = caller;
            index -= 1;
        }
        Ok(lowest_moved)
    }

    /// Reads all frames down to the one below `floor`, and keeps what is the same from there on.
    ///
    /// # Safety
    /// As for [`Frames::reuse`].
    #[cold]
    unsafe fn read_down_to(&mut self, layout: &Layout, newest: Address, floor: usize) {
        self.reread = self.switches;
        let end = self.links[floor - 1].frame;
        let mut frame = newest;
        while !frame.is_null() && frame != end {
            // SAFETY: each frame is met through the one that it called.
            unsafe {
                self.fresh.push(read_frame(layout, frame));
                frame = frame.pointer(layout.previous);
            }
        }
        let mut same = floor;
        // Not met although it should be there: then nothing of the last stack is relied on, now and the next time. A
        // greenlet that is about to stop takes out of the chain what lies on the C stack.
        if frame != end {
            same = OLDEST;
            self.chunk = Address::NULL;
        }
        while let (Some(frame), Some(link)) = (self.fresh.last(), self.links.get(same)) {
            let stack = &self.stacks[same];
            let alike = frame.link.frame == link.frame
                && frame.link.instruction == link.instruction
                && frame.code == stack.code;
            if !alike {
                break;
            }
            self.fresh.pop();
            same += 1;
        }
        self.keep(same);
    }

    /// # Safety
    /// The fresh frames must be alive.
    #[inline]
    unsafe fn push_fresh(&mut self, python: &Interpreter, names: &mut impl StackNames) -> u32 {
        let Stack { mut number, mut entry, .. } = self.stacks[self.stacks.len() - 1];
        while let Some(Frame { link, code }) = self.fresh.pop() {
            // SAFETY: the code of a live frame lives.
            let code_number = unsafe { self.code_number(python, code) };
            // SAFETY: as above.
            number = unsafe { name(python, names, number, (code, code_number), link) };
            // SAFETY: the frame lives.
            if unsafe { is_on_c_stack(&python.layout, link.frame) } {
                // No C stack holds as many.
                entry = u32::try_from(self.links.len()).unwrap_or(0);
            }
            self.began |= who::begins_thread(code);
            let handle = self.handle(self.links.len(), code);
            self.links.push(link);
            self.stacks.push(Stack { code, code_number, number, entry, handle });
        }
        number
    }

    /// See [`Stack::handle`]: for the frame at `index`, which executes `code`.
    #[inline]
    fn handle(&self, index: usize, code: Address) -> u32 {
        // No stack has as many.
        let own = || u32::try_from(index).unwrap_or(0);
        if who::runs_handle(code) { own() } else { self.stacks[index - 1].handle }
    }

    /// The number of what a frame executes; [`SHIM`] where that is not shown.
    ///
    /// # Safety
    /// `executable` must be what a live frame executes.
    #[inline]
    unsafe fn code_number(&mut self, python: &Interpreter, executable: Address) -> u32 {
        // SAFETY: passed on to the caller.
        if !unsafe { code::is_code(python, executable) } {
            return SHIM;
        }
        let key = (executable.0 as u64, 0);
        self.codes.get(key).unwrap_or_else(|| {
            // SAFETY: it is a code object, and it lives because a frame executes it.
            let number = unsafe { code::number(python, executable) };
            self.codes.insert(key, number);
            number
        })
    }

    /// Remembers where the newest chunk begins.
    ///
    /// # Safety
    /// `chunk` must be null or this thread's newest chunk.
    #[cold]
    unsafe fn settle(&mut self, chunk: Address, unmaps: u64) {
        (self.chunk, self.unmaps, self.floor) = (chunk, unmaps, OLDEST);
        // SAFETY: passed on to the caller. The oldest chunk has none before it and is never unmapped.
        if !chunk.is_null() && !unsafe { chunk.pointer(0) }.is_null() {
            let first = chunk.plus(CHUNK_DATA);
            let found = self.links.iter().rposition(|link| link.frame == first);
            self.floor = found.unwrap_or(OLDEST);
        }
    }

    fn keep(&mut self, count: usize) {
        self.links.truncate(count);
        self.stacks.truncate(count);
    }
}
