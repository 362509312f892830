//! What the numbers in events stand for: stacks, code locations, allocators. Each is kept once.

use std::collections::HashMap;

use memtrace_wire::Allocator;

/// A stack; [`StackId::EMPTY`] where no Python code was running and no native stack was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(u32);

impl StackId {
    /// The stack without frames.
    pub const EMPTY: StackId = StackId(0);

    /// The stack at a place in tables of stacks.
    pub fn at(index: usize) -> StackId {
        StackId(number(index))
    }

    /// Its place in tables of stacks.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A line of code in a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(u32);

impl LocationId {
    /// Its place in tables of locations.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A function that gives out memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocatorId(u16);

impl AllocatorId {
    /// Its place in tables of allocators.
    pub fn index(self) -> usize {
        self.0.into()
    }

    /// True where it maps whole pages, any part of which may be unmapped.
    pub fn maps_pages(self) -> bool {
        Allocator::ALL.get(self.index()).is_some_and(|allocator| allocator.maps_pages())
    }
}

impl From<Allocator> for AllocatorId {
    fn from(allocator: Allocator) -> Self {
        AllocatorId(allocator as u16 - 1)
    }
}

/// A line of code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The function's qualified name.
    pub function: String,
    /// The source file as the program knows it.
    pub file: String,
    /// From 1; 0 where it is not known.
    pub line: u32,
}

/// The tables that the numbers refer to.
#[derive(Clone, Debug)]
pub struct Symbols {
    stacks: Vec<(StackId, LocationId)>,
    stack_ids: HashMap<(StackId, LocationId), StackId>,
    locations: Vec<Location>,
    location_ids: HashMap<Location, LocationId>,
    allocators: Vec<String>,
    thread_names: HashMap<u32, String>,
    /// Whose tasks they are, and their names; the first has the number [`FIRST_TASK`].
    tasks: Vec<(u32, String)>,
    task_ids: HashMap<(u32, String), u32>,
}

/// From here on the number of a thread stands for a task within one. No kernel has as many threads.
pub const FIRST_TASK: u32 = 1 << 31;

impl Default for Symbols {
    fn default() -> Self {
        Symbols {
            // The empty stack; its entry is never looked at.
            stacks: vec![(StackId::EMPTY, LocationId(0))],
            stack_ids: HashMap::new(),
            locations: Vec::new(),
            location_ids: HashMap::new(),
            allocators: Allocator::ALL.map(|allocator| allocator.name().to_owned()).to_vec(),
            thread_names: HashMap::new(),
            tasks: Vec::new(),
            task_ids: HashMap::new(),
        }
    }
}

impl Symbols {
    /// The stack where `location` was called from `caller`.
    pub fn stack(&mut self, caller: StackId, location: LocationId) -> StackId {
        *self.stack_ids.entry((caller, location)).or_insert_with(|| {
            self.stacks.push((caller, location));
            StackId(number(self.stacks.len() - 1))
        })
    }

    /// The number of a location.
    pub fn location(&mut self, location: Location) -> LocationId {
        if let Some(&id) = self.location_ids.get(&location) {
            return id;
        }
        let id = LocationId(number(self.locations.len()));
        self.locations.push(location.clone());
        self.location_ids.insert(location, id);
        id
    }

    /// The number of an allocator; any name will do.
    pub fn allocator(&mut self, name: &str) -> AllocatorId {
        let known = self.allocators.iter().position(|allocator| allocator == name);
        let index = known.unwrap_or_else(|| {
            self.allocators.push(name.to_owned());
            self.allocators.len() - 1
        });
        AllocatorId(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// The name of the allocator at a place in tables of allocators.
    pub fn allocator_name(&self, index: usize) -> &str {
        self.allocators.get(index).map_or("?", String::as_str)
    }

    /// The innermost frame of a stack and the stack that called it; none for the empty one.
    pub fn call(&self, stack: StackId) -> Option<(StackId, LocationId)> {
        if stack == StackId::EMPTY { None } else { Some(self.stacks[stack.index()]) }
    }

    /// Says what a thread is called from now on.
    pub fn name_thread(&mut self, thread: u32, name: &str) {
        self.thread_names.insert(thread, name.to_owned());
        for (id, (of, task)) in (FIRST_TASK..).zip(&self.tasks) {
            if *of == thread {
                self.thread_names.insert(id, of_thread(Some(name), task));
            }
        }
    }

    /// The number that stands for a task of a thread as if it were a thread itself, and whether it is new. It is
    /// called after both.
    pub fn task(&mut self, thread: u32, name: &str) -> (u32, bool) {
        if let Some(&id) = self.task_ids.get(&(thread, name.to_owned())) {
            return (id, false);
        }
        let id = FIRST_TASK.saturating_add(number(self.tasks.len()));
        self.tasks.push((thread, name.to_owned()));
        self.task_ids.insert((thread, name.to_owned()), id);
        self.thread_names.insert(id, of_thread(self.thread_name(thread), name));
        (id, true)
    }

    /// What a thread was called last, where that is known.
    pub fn thread_name(&self, thread: u32) -> Option<&str> {
        self.thread_names.get(&thread).map(String::as_str)
    }

    /// All locations, by their numbers.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// All stacks but the empty one, by their numbers from 1: who called, and where it is.
    pub fn stacks(&self) -> impl Iterator<Item = (StackId, LocationId)> {
        self.stacks[1..].iter().copied()
    }

    /// What all threads were called last, where that is known, by their ids.
    pub fn thread_names(&self) -> impl Iterator<Item = (u32, &str)> {
        let mut names: Vec<(u32, &str)> =
            self.thread_names.iter().map(|(id, name)| (*id, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The frames of a stack, innermost first.
    pub fn frames(&self, stack: StackId) -> impl Iterator<Item = LocationId> {
        let mut stack = stack;
        std::iter::from_fn(move || {
            let (caller, location) = self.call(stack)?;
            stack = caller;
            Some(location)
        })
    }

    /// What a location's number stands for.
    pub fn resolve(&self, location: LocationId) -> &Location {
        &self.locations[location.index()]
    }
}

/// What a task is called.
fn of_thread(thread: Option<&str>, task: &str) -> String {
    format!("{} · task {task}", thread.unwrap_or("?"))
}

/// Four thousand million stacks do not fit in memory, so the numbers do not run out.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
