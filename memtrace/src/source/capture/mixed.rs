//! Python stacks and native stacks of one thread in one: where a native frame is the interpreter at work, the Python
//! functions that it runs stand in its place. Must not know how either was found.

use std::collections::HashMap;
use std::rc::Rc;

use memtrace_wire::header::Header;

use crate::events::{LocationId, StackId, Symbols};

/// What is at one native address, innermost first: the function, and those that are inlined there.
pub type Inlined = Rc<[LocationId]>;

/// The stacks of one stream, by the numbers that they have there.
pub struct MixedStacks {
    /// Whether Python stacks say where C code called the interpreter; else it did for each of their functions.
    marked: bool,
    python: Vec<Python>,
    frames: Vec<Frame>,
    native: Vec<Native>,
    known: HashMap<(u32, u32), StackId>,
    /// What is being mixed, innermost first; empty in between.
    layers: Vec<(u32, u32)>,
}

/// A Python stack.
#[derive(Clone, Copy)]
struct Python {
    parent: u32,
    /// None where C code called the interpreter.
    location: Option<LocationId>,
}

struct Frame {
    functions: Inlined,
    /// Whether it is at work on functions of the Python stack.
    interprets: bool,
    /// Whether it is the interpreter, at work on whatever.
    is_interpreter: bool,
}

/// A native stack.
#[derive(Clone, Copy)]
struct Native {
    parent: u32,
    frame: u32,
}

/// Instead of a Python stack: all of it stands in the mixed one already. A greenlet's C stack goes on where another one
/// was when it began, and what the interpreter is at work on there is not among its callers.
const NO_MORE: u32 = u32::MAX;

/// The interpreter's main function, or a part of it that the compiler set apart.
const INTERPRETER: &str = "_PyEval_EvalFrameDefault";

impl MixedStacks {
    /// None where the capture has no native stacks.
    pub fn of(header: &Header) -> Option<MixedStacks> {
        /// The first Python that calls Python functions without C.
        const PYTHON_3_11: u32 = 0x030b_0000;
        header.options.native.then(|| MixedStacks {
            marked: header.python >= PYTHON_3_11,
            // The empty stacks and the frame of none, which are never looked at.
            python: vec![Python { parent: 0, location: None }],
            frames: vec![Frame { functions: Rc::new([]), interprets: false, is_interpreter: false }],
            native: vec![Native { parent: 0, frame: 0 }],
            known: HashMap::from([((0, 0), StackId::EMPTY), ((NO_MORE, 0), StackId::EMPTY)]),
            layers: Vec::new(),
        })
    }

    /// The next Python stack; none where its parent is not known.
    pub fn python(&mut self, parent: u32, location: Option<LocationId>) -> Option<()> {
        self.python.get(parent as usize)?;
        self.python.push(Python { parent, location });
        Some(())
    }

    /// The next native frame.
    pub fn frame(&mut self, functions: Inlined, interprets: bool, symbols: &Symbols) {
        let function = functions.last().map(|outermost| &symbols.resolve(*outermost).function);
        let is_interpreter = interprets || function.is_some_and(|function| function.starts_with(INTERPRETER));
        // Where the capture could not tell, the name does.
        let interprets = interprets || !self.marked && is_interpreter;
        self.frames.push(Frame { functions, interprets, is_interpreter });
    }

    /// The next native stack; none where its parent or its frame is not known.
    pub fn native(&mut self, parent: u32, frame: u32) -> Option<()> {
        self.native.get(parent as usize)?;
        self.frames.get(frame as usize).filter(|_| frame != 0)?;
        self.native.push(Native { parent, frame });
        Some(())
    }

    /// Both in one; none where one of them is not known.
    pub fn mix(&mut self, python: u32, native: u32, symbols: &mut Symbols) -> Option<StackId> {
        self.python.get(python as usize)?;
        self.native.get(native as usize)?;
        // Down to what was mixed before, then up again.
        let mut at = (python, native);
        while !self.known.contains_key(&at) {
            self.layers.push(at);
            at = self.beneath(at, |_| ());
        }
        let mut stack = self.known[&at];
        let mut locations = Vec::new();
        while let Some(layer) = self.layers.pop() {
            self.beneath(layer, |location| locations.push(location));
            for location in locations.drain(..).rev() {
                stack = symbols.stack(stack, location);
            }
            self.known.insert(layer, stack);
        }
        Some(stack)
    }

    /// Takes the innermost layer away, handing over its locations innermost first: a native frame, or what the
    /// interpreter runs there. What is left of the Python stack where the native one is cut short goes beneath. Where
    /// the interpreter is at work on more than there is, it is cut there.
    fn beneath(&self, (python, native): (u32, u32), mut on_location: impl FnMut(LocationId)) -> (u32, u32) {
        if native == 0 {
            let Python { parent, location } = self.python[python as usize];
            location.into_iter().for_each(on_location);
            return (parent, 0);
        }
        let Native { parent, frame } = self.native[native as usize];
        let Frame { functions, interprets, is_interpreter } = &self.frames[frame as usize];
        if python == NO_MORE {
            if *is_interpreter {
                return (NO_MORE, 0);
            }
            functions.iter().copied().for_each(on_location);
            return (NO_MORE, parent);
        }
        let mut below = python;
        let mut runs_any = false;
        while *interprets && below != 0 {
            let Python { parent, location } = self.python[below as usize];
            below = parent;
            runs_any |= location.is_some();
            location.into_iter().for_each(&mut on_location);
            if !self.marked || location.is_none() {
                break;
            }
        }
        if !runs_any {
            functions.iter().copied().for_each(on_location);
        }
        (if python != 0 && below == 0 { NO_MORE } else { below }, parent)
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test stops at the first surprise")]
mod tests {
    use memtrace_wire::header::Options;

    use super::*;
    use crate::events::Location;

    /// The mixed stack of the last Python stack and the last native stack, as the first letters of its functions,
    /// innermost first.
    fn mixed(python: u32, functions: &str, native: &str) -> String {
        let options = Options { native: true, ..Options::default() };
        let mut stacks =
            MixedStacks::of(&Header { python, options, ..Header::default() }).expect("native stacks");
        let mut symbols = Symbols::default();
        let location = |symbols: &mut Symbols, name: char| {
            symbols.location(Location { function: name.into(), file: String::new(), line: 0 })
        };
        for (parent, name) in (0..).zip(functions.chars()) {
            let function = (name != '|').then(|| location(&mut symbols, name));
            stacks.python(parent, function).expect("a parent");
        }
        for (parent, name) in (0..).zip(native.chars()) {
            let function = location(&mut symbols, name);
            stacks.frame(Rc::new([function]), name == '*', &symbols);
            stacks.native(parent, parent + 1).expect("a parent");
        }
        let last = |text: &str| u32::try_from(text.len()).expect("a short text");
        let stack = stacks.mix(last(functions), last(native), &mut symbols).expect("stacks");
        symbols.frames(stack).map(|frame| symbols.resolve(frame).function.as_str()).collect()
    }

    #[test]
    fn functions_stand_where_the_interpreter_is_at_work() {
        // Oldest first: `|` is where C code called the interpreter, `*` the interpreter at work.
        assert_eq!(mixed(0x030c_0000, "|fg|h", "ab*cd*e"), "ehdcgfba");
        // Before 3.11 it is at work on one function at a time.
        assert_eq!(mixed(0x030a_0000, "fg", "a*b*c"), "cgbfa");
    }

    #[test]
    fn what_does_not_fit_is_kept() {
        // The native stack is cut short: it has no beginning.
        assert_eq!(mixed(0x030c_0000, "|fg|h", "d*e"), "ehdgf");
        assert_eq!(mixed(0x030c_0000, "|f", ""), "f");
        // What is older than the oldest Python function is not of this greenlet where the interpreter is at work.
        assert_eq!(mixed(0x030c_0000, "|f", "ab*cd*e"), "efdc");
        assert_eq!(mixed(0x030a_0000, "f", "a*b*"), "fb");
        // The interpreter is at work on nothing, or on nothing yet.
        assert_eq!(mixed(0x030c_0000, "", "a*b"), "b*a");
        assert_eq!(mixed(0x030c_0000, "|f|", "a*b*c"), "c*bfa");
    }
}
