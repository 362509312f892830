//! Where the fields lie that memtrace reads, for every Python it knows. From 3.13 on the interpreter
//! publishes most of them itself (`_Py_DebugOffsets` at the start of `_PyRuntime`); before, they are those
//! of the 64-bit release build, whose layout does not change within a minor version.

use crate::word::Address;

/// Offsets in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// In the thread state: the C frame that knows the newest frame; without it, the newest frame itself.
    pub c_frame: Option<usize>,
    /// The newest frame, in the C frame or the thread state.
    pub newest_frame: usize,
    /// `PyThreadState.thread_id`, where that has to be compared.
    pub thread_id: Option<usize>,
    /// `PyThreadState.datastack_chunk`, since frames lie in one.
    pub data_stack: Option<usize>,
    /// `_PyInterpreterFrame.previous`; `PyFrameObject.f_back` before 3.11.
    pub previous: usize,
    /// `_PyInterpreterFrame.f_code` or `f_executable`
    pub executable: usize,
    /// `_PyInterpreterFrame.prev_instr` or `instr_ptr`; `PyFrameObject.f_lasti` before 3.11.
    pub instruction: usize,
    /// What of the word there is the instruction.
    pub instruction_mask: usize,
    /// How to tell where C code called the interpreter; not asked for without native stacks.
    pub entries: Option<Entries>,
    /// The interpreter's frames on the C stack, where Python's own do not lead there; as `entries`.
    pub c_frames: Option<CFrames>,
    /// `PyCodeObject`
    pub code: CodeLayout,
    /// `PyUnicodeObject`: the size of `PyASCIIObject`.
    pub ascii: usize,
    /// `PyUnicodeObject`: the size of `PyCompactUnicodeObject`.
    pub compact: usize,
    /// What leads to the names of threads and tasks.
    pub names: Names,
}

/// Where C code called the interpreter. Before 3.11 it does for every Python function.
#[derive(Clone, Copy, Debug)]
pub enum Entries {
    /// 3.11: the frame that it then runs first says so, by `_PyInterpreterFrame.is_entry`.
    Flag(usize),
    /// Since 3.12: it puts a frame of its own beneath that one, which lies on the C stack
    /// (`_PyInterpreterFrame.owner` is [`OWNED_BY_C_STACK`]).
    Owner(usize),
}

/// 3.10 and 3.11: each time that C code calls the interpreter, it has a `CFrame` on the C stack.
#[derive(Clone, Copy, Debug)]
pub struct CFrames {
    /// `PyThreadState.cframe`
    pub newest: usize,
    /// `CFrame.previous`
    pub previous: usize,
}

/// Offsets in a `PyCodeObject`.
#[derive(Clone, Copy, Debug)]
pub struct CodeLayout {
    /// `co_filename`
    pub file: usize,
    /// `co_name`
    pub name: usize,
    /// `co_qualname`
    pub qualified_name: usize,
    /// `co_firstlineno`
    pub first_line: usize,
    /// `co_linetable`
    pub line_table: usize,
    /// What the instruction counts from and in.
    pub instructions: Instructions,
    /// `_co_firsttraceable`, where some code objects are not of any Python source.
    pub first_traceable: Option<usize>,
}

/// How a frame says at which instruction it is.
#[derive(Clone, Copy, Debug)]
pub enum Instructions {
    /// By its address; the first one lies at this offset in the code object (`co_code_adaptive`).
    Address(usize),
    /// By a number, in units of so many bytes.
    Index(i32),
}

/// Where the names of threads and tasks are found.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// `_PyInterpreterFrame.localsplus` or `PyFrameObject.f_localsplus`: its first local variable.
    pub first_local: usize,
    /// The size of an `_asyncio.Task` that is laid out like this; another one is not looked into.
    pub task_size: usize,
    /// `TaskObj.task_name`
    pub task_name: usize,
    /// Where objects have their attributes.
    pub instance: Instance,
}

/// Where objects have their attributes; with the offset of `ht_cached_keys` in their type.
#[derive(Clone, Copy, Debug)]
pub enum Instance {
    /// In a dict.
    Dict,
    /// 3.11: beside the dict before the object are the values, as long as it has none.
    Beside(usize),
    /// 3.12: a pointer to the values with a bit in it stands for the dict.
    Tagged(usize),
    /// 3.13: behind the object are the values, as long as they are valid.
    Inline(usize),
}

/// `FRAME_OWNED_BY_CSTACK`
pub const OWNED_BY_C_STACK: u8 = 3;
/// `ob_type` of any object.
pub const TYPE: usize = 8;
/// `ob_size` of an object of variable size; `length` of a string.
pub const SIZE: usize = 16;
/// `ob_sval` of bytes; `state` of a string.
pub const CONTENT: usize = 32;
/// `tp_dealloc` of a type.
pub const DEALLOC: usize = 48;
/// The first frame in a chunk of the data stack.
pub const CHUNK_DATA: usize = 24;

/// Frames are objects.
const V3_8: Layout = Layout {
    c_frame: None,
    newest_frame: 24,
    thread_id: Some(176),
    data_stack: None,
    previous: 24,
    executable: 32,
    instruction: 104,
    instruction_mask: 0xffff_ffff,
    entries: None,
    c_frames: None,
    code: CodeLayout {
        file: 104,
        name: 112,
        qualified_name: 112,
        first_line: 40,
        line_table: 120,
        instructions: Instructions::Index(1),
        first_traceable: None,
    },
    ascii: 48,
    compact: 72,
    names: Names { first_local: 360, task_size: 144, task_name: 120, instance: Instance::Dict },
};

const V3_9: Layout = Layout { names: Names { task_size: 184, task_name: 160, ..V3_8.names }, ..V3_8 };

const V3_10: Layout = Layout {
    instruction: 96,
    c_frames: Some(CFrames { newest: 48, previous: 8 }),
    code: CodeLayout { instructions: Instructions::Index(2), ..V3_8.code },
    names: Names { first_local: 352, task_size: 192, task_name: 168, ..V3_9.names },
    ..V3_9
};

const V3_11: Layout = Layout {
    c_frame: Some(56),
    newest_frame: 8,
    thread_id: Some(152),
    data_stack: Some(296),
    previous: 48,
    executable: 32,
    instruction: 56,
    instruction_mask: usize::MAX,
    entries: Some(Entries::Flag(68)),
    c_frames: Some(CFrames { newest: 56, previous: 16 }),
    code: CodeLayout {
        file: 112,
        name: 120,
        qualified_name: 128,
        first_line: 72,
        line_table: 136,
        instructions: Instructions::Address(184),
        first_traceable: None,
    },
    ascii: 48,
    compact: 72,
    names: Names { first_local: 72, task_size: 176, task_name: 144, instance: Instance::Beside(872) },
};

const V3_12: Layout = Layout {
    c_frame: Some(56),
    newest_frame: 0,
    thread_id: None,
    data_stack: Some(232),
    previous: 8,
    executable: 0,
    instruction: 56,
    instruction_mask: usize::MAX,
    entries: Some(Entries::Owner(70)),
    c_frames: None,
    code: CodeLayout {
        file: 112,
        name: 120,
        qualified_name: 128,
        first_line: 68,
        line_table: 136,
        instructions: Instructions::Address(192),
        first_traceable: Some(176),
    },
    ascii: 40,
    compact: 56,
    names: Names { first_local: 72, task_size: 176, task_name: 144, instance: Instance::Tagged(880) },
};

impl Layout {
    /// Without what only native stacks ask for.
    pub fn without_entries(self) -> Layout {
        Layout { entries: None, c_frames: None, ..self }
    }

    /// The layout of a `Py_Version`; none when it is not known, or not the one that the runtime publishes.
    pub fn of(version: u32, runtime: Option<Address>) -> Option<Layout> {
        match version >> 16 {
            0x0308 => Some(V3_8),
            0x0309 => Some(V3_9),
            0x030a => Some(V3_10),
            0x030b => Some(V3_11),
            0x030c => Some(V3_12),
            0x030d => Layout::published(version, runtime?),
            _ => None,
        }
    }

    /// Reads 3.13's `_Py_DebugOffsets` (`Include/internal/pycore_runtime.h`).
    fn published(version: u32, runtime: Address) -> Option<Layout> {
        // In words: the cookie, the version and whether it is free-threaded; then the structs, each with
        // its size first: runtime state (3), interpreter state (13), thread state (9), frame (6), code.
        const THREAD: usize = 3 + 3 + 13;
        const FRAME: usize = THREAD + 9;
        const CODE: usize = FRAME + 6;
        // SAFETY: since 3.13 `_PyRuntime` begins with this table, which is far longer than its head.
        let (cookie, published, free_threaded) =
            unsafe { (runtime.read::<[u8; 8]>(0), runtime.read::<u64>(8), runtime.read::<u64>(16)) };
        if &cookie != b"xdebugpy" || published != u64::from(version) || free_threaded != 0 {
            return None;
        }
        // SAFETY: the cookie and the version say that this is the table.
        let word = |index: usize| unsafe { runtime.read::<usize>(8 * index) };
        Some(Layout {
            c_frame: None,
            newest_frame: word(THREAD + 4),
            thread_id: None,
            data_stack: Some(word(THREAD + 7)),
            previous: word(FRAME + 1),
            executable: word(FRAME + 2),
            instruction: word(FRAME + 3),
            instruction_mask: usize::MAX,
            entries: Some(Entries::Owner(word(FRAME + 5))),
            c_frames: None,
            code: CodeLayout {
                file: word(CODE + 1),
                name: word(CODE + 2),
                qualified_name: word(CODE + 3),
                first_line: word(CODE + 5),
                line_table: word(CODE + 4),
                instructions: Instructions::Address(word(CODE + 9)),
                first_traceable: Some(184),
            },
            ascii: 40,
            compact: 56,
            names: Names {
                first_local: word(FRAME + 4),
                task_size: 144,
                task_name: 128,
                instance: Instance::Inline(880),
            },
        })
    }
}
