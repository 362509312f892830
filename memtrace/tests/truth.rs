//! As many random stacks as patience allows, in every mode on every Python: each is what the program itself saw, and
//! no block is given out twice. `cargo xtask truth` sets `SNAKEPIPE_STACKS`, how many of each, and `SNAKEPIPE_TRUTH`,
//! the file that a row for each of them is added to.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use memtrace::events::{AllocatorId, Event, Location, Symbols};
use memtrace::source::{self, Flow};
use support::truth::truth;
use support::{Folder, VERSIONS, compile, program};

/// A way to record, and what stands for the program's own blocks then.
struct Mode {
    name: &'static str,
    options: &'static [&'static str],
    /// Which function gives out the program's blocks.
    allocator: &'static str,
    /// How many stacks of each Python, where nobody asks for more.
    stacks: usize,
}

const DEFAULT: Mode = Mode { name: "default", options: &[], allocator: "malloc", stacks: 600 };
const OBJECTS: Mode = Mode {
    name: "python allocators",
    options: &["--python-allocators"],
    allocator: "pyrealloc",
    stacks: 200,
};
const NATIVE: Mode = Mode { name: "native", options: &["--native"], allocator: "malloc", stacks: 400 };

/// The most stacks of one run.
const MOST: usize = 3000;

/// A capture, looked at event by event.
#[derive(Default)]
struct Seen {
    /// The stacks of blocks of `stacks.py`'s own sizes, innermost first.
    stacks: HashMap<u64, Vec<Location>>,
    events: u64,
    /// Blocks that are in use, with their sizes.
    live: HashMap<u64, u64>,
    /// Addresses of blocks that were given out while they were in use.
    duplicates: u64,
}

impl Seen {
    fn of(folder: &Folder, allocator: &str) -> Seen {
        let (mut seen, mut symbols) = (Seen::default(), Symbols::default());
        let wanted = symbols.allocator(allocator);
        let outline = source::read(&folder.path("capture.mtr"), &mut symbols, &mut |events, symbols| {
            events.drain(..).for_each(|event| seen.note(event, wanted, symbols));
            Flow::Continue(())
        });
        assert_eq!(outline.unwrap().incomplete_because, None);
        seen
    }

    /// Takes note of an event; the stacks are those of the allocations by `wanted` that say what they are by their size.
    fn note(&mut self, event: Event, wanted: AllocatorId, symbols: &Symbols) {
        self.events += 1;
        match event {
            Event::Allocated { address, size, allocator, stack, .. } => {
                let was_in_use = !allocator.maps_pages() && self.live.insert(address, size).is_some();
                self.duplicates += u64::from(was_in_use);
                if size >= 1_000_003 && allocator == wanted {
                    let frames = symbols.frames(stack).map(|frame| symbols.resolve(frame).clone());
                    assert_eq!(self.stacks.insert(size, frames.collect()), None, "{size} twice");
                }
            }
            Event::Freed { address } => drop(self.live.remove(&address)),
            _ => {}
        }
    }
}

/// What all runs of one mode on one Python found.
#[derive(Default)]
struct Found {
    stacks: usize,
    frames: usize,
    wrong: Vec<String>,
    events: u64,
    duplicates: u64,
}

impl Found {
    /// Runs `stacks.py`, or a program like it, with so many stacks and holds what was recorded against what it noted.
    fn add(&mut self, stacks: &str, python: &Path, mode: &Mode, seed: usize, count: usize) {
        // Every other run has threads.
        let threads = if seed.is_multiple_of(2) { 0 } else { 3 };
        let each = count.div_ceil(threads.max(1)).to_string();
        let folder = Folder::new();
        let (stacks, seed_word, threads) = (program(stacks), seed.to_string(), threads.to_string());
        let words = [stacks.as_str(), &seed_word, &each, &threads, "truth.txt"];
        let ran = folder.record_with(mode.options, python, &words).exits(0);
        assert_eq!(ran.stderr, "");
        let mut found = Seen::of(&folder, mode.allocator);
        let truth = truth(&folder.path("truth.txt"));
        assert!(truth.len() >= count, "{} of {count} stacks", truth.len());
        self.stacks += truth.len();
        self.events += found.events;
        self.duplicates += found.duplicates;
        for (size, expected) in truth {
            self.frames += expected.len();
            let recorded = found.stacks.remove(&size).unwrap_or_default();
            if let Some(fault) = fault(&expected, &recorded, mode.name == NATIVE.name) {
                self.wrong.push(format!("seed {seed}, block of {size} bytes: {fault}"));
            }
        }
        // Those that the program knows nothing of.
        self.wrong.extend(found.stacks.keys().map(|size| format!("seed {seed}: no block has {size} bytes")));
    }

    /// Adds a row to the file that is asked for.
    fn write_down(&self, python: &str, mode: &str) {
        let Some(path) = std::env::var_os("SNAKEPIPE_TRUTH") else { return };
        let wrong = self.wrong.len();
        let Found { stacks, frames, events, duplicates, .. } = self;
        let row = format!("{python}\t{mode}\t{stacks}\t{frames}\t{wrong}\t{events}\t{duplicates}\n");
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(row.as_bytes()).unwrap();
    }

    fn assert_none_is_wrong(&self, what: &str) {
        let shown = &self.wrong[..self.wrong.len().min(3)];
        assert!(
            shown.is_empty(),
            "{what}: {} of {} are wrong, such as {shown:#?}",
            self.wrong.len(),
            self.stacks
        );
        assert_eq!(self.duplicates, 0, "{what}: blocks that were given out while they were in use");
    }
}

/// What is wrong about a recorded stack. With native frames every Python function is where it was, and native ones
/// are where C code called Python or Python called C.
fn fault(expected: &[String], recorded: &[Location], native: bool) -> Option<String> {
    let words = |frame: &Location| format!("{}|{}|{}", frame.function, frame.file, frame.line);
    let is_python = |frame: &&Location| !native || !is_native(frame);
    let functions: Vec<String> = recorded.iter().filter(is_python).map(words).collect();
    let shown = || recorded.iter().map(words).collect::<Vec<_>>();
    if functions != expected {
        return Some(format!("expected {expected:#?}, recorded {:#?}", shown()));
    }
    if !native {
        return None;
    }
    let is_native_at = |index: usize| recorded.get(index).is_some_and(is_native);
    let runs = |frame: &Location| frame.function.starts_with("_PyEval_EvalFrameDefault");
    let called_by_c = ["__del__", "key_function.<locals>.<lambda>", "__getattr__"];
    let is_called_by_c =
        |frame: &Location| !is_native(frame) && called_by_c.iter().any(|name| frame.function.ends_with(name));
    // `bytearray` is C, and so is what began the thread or the program.
    let good = is_native_at(0)
        && is_native_at(recorded.len() - 1)
        && !recorded.iter().any(runs)
        && recorded.iter().zip(1..).all(|(frame, next)| !is_called_by_c(frame) || is_native_at(next));
    (!good).then(|| format!("native frames out of place: {:#?}", shown()))
}

fn is_native(frame: &Location) -> bool {
    let ending = Path::new(&frame.file).extension();
    ending.is_none_or(|ending| ending != "py") && !frame.file.starts_with('<')
}

/// Holds random stacks against the truth, on every Python that this machine has.
fn hold_against_truth(mode: &Mode) {
    let mut all = Vec::new();
    for version in VERSIONS {
        let Ok(python) = kit::python(version) else { continue };
        let found = hold_on("stacks.py", &python, mode);
        found.write_down(version, mode.name);
        all.push((format!("Python {version}, {}", mode.name), found));
    }
    for (what, found) in &all {
        found.assert_none_is_wrong(what);
    }
}

fn hold_on(program: &str, python: &Path, mode: &Mode) -> Found {
    let asked = std::env::var("SNAKEPIPE_STACKS").map(|count| count.parse().unwrap());
    let wanted: usize = asked.unwrap_or(mode.stacks);
    let mut found = Found::default();
    for seed in 1.. {
        let left = wanted.saturating_sub(found.stacks);
        if left == 0 && seed > 2 {
            break;
        }
        // At least two runs: one with threads and one without.
        let count = left.clamp(30, wanted.div_ceil(2).clamp(30, MOST));
        found.add(program, python, mode, seed, count);
    }
    found
}

#[test]
fn every_stack() {
    hold_against_truth(&DEFAULT);
}

#[test]
fn every_stack_with_python_allocators() {
    hold_against_truth(&OBJECTS);
}

#[test]
fn every_stack_with_native_frames() {
    hold_against_truth(&NATIVE);
}

#[test]
fn every_stack_of_greenlets() {
    let Ok(python) = kit::venv("greenlets") else { return };
    for mode in [DEFAULT, OBJECTS, NATIVE] {
        let found = hold_on("greenlets.py", &python, &mode);
        found.write_down("3.12 greenlets", mode.name);
        found.assert_none_is_wrong(&format!("greenlets, {}", mode.name));
    }
}

/// The sizes that `exchange.c` and `exchange.py` ask for.
const EXCHANGED: std::ops::Range<u64> = 91_000..92_000;

/// Holds the events of a program whose threads take blocks from each other against what it says of itself:
/// how many blocks there were, and the sizes of those that are left.
fn hold_exchange(folder: &Folder, printed: &str, what: &str) {
    let seen = Seen::of(folder, "malloc");
    let mut lines = printed.lines();
    let blocks: u64 = lines.next().unwrap().parse().unwrap();
    let mut left: Vec<u64> =
        lines.next().unwrap().split_whitespace().map(|word| word.parse().unwrap()).collect();
    let mut live: Vec<u64> = seen.live.into_values().filter(|size| EXCHANGED.contains(size)).collect();
    left.sort_unstable();
    live.sort_unstable();
    assert_eq!(live, left, "{what}");
    assert!(seen.events >= 2 * blocks - left.len() as u64, "{what}: {} events", seen.events);
    let found = Found { duplicates: seen.duplicates, events: seen.events, ..Found::default() };
    found.assert_none_is_wrong(what);
    let (program, mode) = what.split_once(", ").unwrap();
    found.write_down(program, mode);
}

/// How often each thread exchanges blocks; the programs of Python do it a tenth as often.
fn rounds() -> String {
    let asked = std::env::var("SNAKEPIPE_STACKS").ok().and_then(|count| count.parse().ok());
    asked.map_or(20_000, |count: u64| (count * 10).max(20_000)).to_string()
}

#[test]
fn blocks_that_threads_of_c_take_from_each_other() {
    let folder = Folder::new();
    if !compile(&folder, "exchange.c", "exchange", &["-pthread"]) {
        return;
    }
    for options in [&[][..], &["--native"]] {
        let mut command = folder.memtrace();
        command.args(["run", "-q", "-f"]).args(options).args(["-o", "capture.mtr", "./exchange", "4"]);
        let ran = kit::run(command.arg(rounds())).exits(0);
        let mode = if options.is_empty() { "default, 4 threads" } else { "native, 4 threads" };
        hold_exchange(&folder, &ran.stdout, &format!("C, {mode}"));
    }
}

#[test]
fn blocks_that_threads_of_python_take_from_each_other() {
    let exchange = program("exchange.py");
    for version in VERSIONS {
        let Ok(python) = kit::python(version) else { continue };
        for mode in [DEFAULT, OBJECTS, NATIVE] {
            let folder = Folder::new();
            let rounds = rounds();
            let words = [exchange.as_str(), "4", &rounds];
            let ran = folder.record_with(mode.options, &python, &words).exits(0);
            hold_exchange(&folder, &ran.stdout, &format!("{version}, {}, 4 threads", mode.name));
        }
    }
}
