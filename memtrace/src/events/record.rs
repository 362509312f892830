//! The records that memtrace writes and reads, one a line. The contract is `common/RECORDS.md`.

use std::collections::BTreeMap;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which allocations a location is measured by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// Alive when the most memory was in use
    Peak,
    /// Never given back
    Leaked,
    /// Given back before their thread allocated anything else
    Temporary,
}

impl At {
    /// As in records and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            At::Peak => "peak",
            At::Leaked => "leaked",
            At::Temporary => "temporary",
        }
    }
}

/// One frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The function's qualified name.
    pub function: String,
    /// The source file as the program knows it.
    pub file: String,
    /// From 1; 0 where it is not known.
    pub line: u32,
}

/// What one allocator gave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllocatorUse {
    /// How often.
    pub allocations: u64,
    /// How much, in bytes.
    pub bytes: u64,
}

/// The allocations of one range of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SizeClass {
    /// The largest size in it, in bytes: a power of two less one.
    pub up_to_bytes: u64,
    /// How many allocations.
    pub allocations: u64,
}

/// How a function's memory changed from one run to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trend {
    /// It asked for more, by as much as counts.
    Grew,
    /// It asked for less.
    Shrank,
    /// Neither.
    Same,
}

/// `memtrace.stats.computed`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// The most memory in use at once.
    pub peak_bytes: u64,
    /// The blocks that were in use then.
    pub peak_allocations: u64,
    /// All memory that was ever given out.
    pub total_bytes: u64,
    /// How often memory was given out.
    pub allocations: u64,
    /// How often a block was given back, or a range of pages.
    pub frees: u64,
    /// Memory that was never given back.
    pub leaked_bytes: u64,
    /// The blocks that were never given back.
    pub leaked_allocations: u64,
    /// Memory given back before its thread allocated anything else.
    pub temporary_bytes: u64,
    /// The blocks of that kind.
    pub temporary_allocations: u64,
    /// Threads that allocated.
    pub threads: u64,
    /// By allocator.
    pub allocators: BTreeMap<String, AllocatorUse>,
    /// By size, smallest first; empty classes are left out.
    pub sizes: Vec<SizeClass>,
    /// Whether the capture reaches to the end of the program.
    pub complete: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incomplete_because: Option<String>,
}

/// The records of memtrace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Record {
    /// The whole run in numbers.
    #[serde(rename = "memtrace.stats.computed")]
    StatsComputed(Stats),
    /// What one line of code allocated.
    #[serde(rename = "memtrace.location.measured")]
    LocationMeasured {
        /// The function's qualified name.
        function: String,
        /// The source file as the program knows it.
        file: String,
        /// From 1; 0 where it is not known.
        line: u32,
        /// Bytes that this line itself asked for.
        bytes: u64,
        /// Blocks that this line itself asked for.
        allocations: u64,
        /// Bytes that this line and everything it called asked for.
        cumulative_bytes: u64,
        /// Which allocations are counted.
        at: At,
    },
    /// Memory was given out.
    #[serde(rename = "memtrace.allocation.recorded")]
    AllocationRecorded {
        /// Its first byte, such as `0x7f3a5c000010`.
        address: String,
        /// Bytes asked for.
        size_bytes: u64,
        /// The function that gave it, such as `malloc`.
        allocator: String,
        /// The kernel's id of the thread that asked; a number of 2³¹ or more stands for an asyncio task within one.
        #[serde(default)]
        thread: u32,
        /// The Python functions, innermost first, and with `--native` those of C, C++ and Rust among them; empty
        /// where none was running.
        #[serde(default)]
        stack: Vec<Frame>,
    },
    /// Memory was given back.
    #[serde(rename = "memtrace.allocation.freed")]
    AllocationFreed {
        /// Its first byte.
        address: String,
        /// For pages: how many bytes were unmapped, of whatever was mapped there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        size_bytes: Option<u64>,
    },
    /// One of several processes of a run came to its end.
    #[serde(rename = "memtrace.process.ended")]
    ProcessEnded {
        /// Its number, which is in the upper 16 bits of the addresses of its blocks.
        process: u16,
    },
    /// A thread got a name.
    #[serde(rename = "memtrace.thread.named")]
    ThreadNamed {
        /// The kernel's id of the thread; a number of 2³¹ or more stands for an asyncio task within one.
        thread: u32,
        /// What it is called from now on.
        name: String,
    },
    /// The clock and the memory that the system has given the process, every 10 ms in which something
    /// happened.
    #[serde(rename = "memtrace.memory.sampled")]
    MemorySampled {
        /// Since the program began.
        elapsed_us: u64,
        /// Resident set size, in bytes; 0 where it could not be read.
        resident_bytes: u64,
    },
    /// What was called where, of a call tree: callers come before what they call.
    #[serde(rename = "memtrace.call.measured")]
    CallMeasured {
        /// Its number in this tree; 0 is the root.
        id: u64,
        /// Its caller's number; none for the root.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        caller: Option<u64>,
        /// The function's qualified name.
        function: String,
        /// The source file as the program knows it.
        file: String,
        /// From 1; 0 where it is not known.
        line: u32,
        /// Bytes asked for with all that it called.
        bytes: u64,
        /// Blocks asked for with all that it called.
        allocations: u64,
        /// Bytes that it asked for itself.
        own_bytes: u64,
        /// Which allocations are counted.
        at: At,
    },
    /// What one stack asked for, in one thread and of one allocator.
    #[serde(rename = "memtrace.stack.measured")]
    StackMeasured {
        /// Bytes asked for.
        bytes: u64,
        /// Blocks.
        allocations: u64,
        /// The function that gave them, such as `malloc`.
        allocator: String,
        /// The kernel's id of the thread that asked; a number of 2³¹ or more stands for an asyncio task within one.
        thread: u32,
        /// What the thread was called last, where that is known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        thread_name: Option<String>,
        /// The Python frames, innermost first; empty where no Python code was running.
        stack: Vec<Frame>,
        /// Which allocations are counted.
        at: At,
    },
    /// Memory that was never given back.
    #[serde(rename = "memtrace.leak.found")]
    LeakFound {
        /// Bytes asked for.
        bytes: u64,
        /// Blocks.
        allocations: u64,
        /// Where it was asked for, innermost first; empty where no function is known.
        stack: Vec<Frame>,
    },
    /// A function that asked for more or less memory in one run than in another.
    #[serde(rename = "memtrace.function.compared")]
    FunctionCompared {
        /// The function's qualified name.
        function: String,
        /// The source file as the program knows it.
        file: String,
        /// Bytes that it asked for itself in the first run.
        before_bytes: u64,
        /// Bytes that it asked for itself in the second run.
        after_bytes: u64,
        /// Blocks that it asked for itself in the first run.
        before_allocations: u64,
        /// Blocks that it asked for itself in the second run.
        after_allocations: u64,
        /// How it changed.
        trend: Trend,
    },
    /// Two runs were compared.
    #[serde(rename = "memtrace.diff.computed")]
    DiffComputed {
        /// Which allocations are counted.
        at: At,
        /// All bytes of the first run.
        before_bytes: u64,
        /// All bytes of the second run.
        after_bytes: u64,
        /// How many functions grew.
        grown: u64,
    },
    /// A report was written to a file.
    #[serde(rename = "memtrace.report.written")]
    ReportWritten {
        /// Where.
        path: String,
        /// How large it is, in bytes.
        size_bytes: u64,
    },
}
