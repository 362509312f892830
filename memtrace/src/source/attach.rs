//! Loads the preload library into a Python program that runs already, and tells it to begin or to end a recording.
//! Must not know what the capture holds.
//!
//! One thread of the program is borrowed for it, at a moment when it cannot hold any lock that the work needs: while
//! it waits in a system call that neither the allocator nor the loader ever makes. Where no thread waits so, or
//! where the work needs the GIL, the main thread is only made to note down that it has some Python to run
//! (`Py_AddPendingCall`), which the interpreter does between two of the program's own instructions.

mod frame;
mod program;
mod symbols;
mod tracee;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::Failure;
use memtrace_wire::header::{Options, at};

use crate::error::Error;
use crate::source::attach::program::Program;
use crate::source::attach::tracee::{Moment, Tracee};
use crate::source::launch;

/// For so long a program may be in no state in which it can be attached to.
const PATIENCE: Duration = Duration::from_secs(10);
const APART: Duration = Duration::from_millis(10);

/// The name of the process, for file names.
pub fn name_of(pid: u32) -> Result<std::ffi::OsString, Error> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).map_err(|_| Error::NoProcess { pid })?;
    Ok(std::ffi::OsString::from_vec(name.trim_ascii_end().to_vec()))
}

/// Begins a recording of the process into the new file `capture`, an absolute path.
pub fn attach(pid: u32, capture: &Path, options: Options) -> Result<(), Failure> {
    let program = Program::find(pid)?;
    if recorded(&program)?.is_some() {
        return Err(Error::Recorded { pid }.into());
    }
    let library = launch::library()?;
    let work = Work::Start { library: &library, capture, options };
    match perform(&program, &work)? {
        0 => {
            if program.own_pid != pid {
                // Without it, who watches takes the process for gone; the recording is whole.
                let _ = name_as_seen_here(capture, pid);
            }
            Ok(())
        }
        libc::EEXIST => Err(Error::Exists { path: capture.to_owned() }.into()),
        libc::EALREADY | libc::ENOTSUP => Err(Error::Recorded { pid }.into()),
        errno => {
            let message = format!("{}: {}", capture.display(), io::Error::from_raw_os_error(errno));
            Err(refused(pid, message).into())
        }
    }
}

/// In a namespace of its own the process has noted down what it is called there; who reads the capture is here.
fn name_as_seen_here(capture: &Path, pid: u32) -> io::Result<()> {
    let file = std::fs::File::options().write(true).open(capture)?;
    file.write_all_at(&pid.to_le_bytes(), at::PID as u64)
}

/// Ends the recording of a process that [`attach`] or the program itself began; returns where it was written to.
pub fn detach(pid: u32) -> Result<PathBuf, Error> {
    let program = Program::find(pid)?;
    let capture = recorded(&program)?.ok_or(Error::NotRecorded { pid })?;
    match perform(&program, &Work::Stop)? {
        0 => Ok(capture),
        libc::EINVAL => Err(Error::NotRecorded { pid }),
        errno => Err(refused(pid, io::Error::from_raw_os_error(errno).to_string())),
    }
}

fn refused(pid: u32, message: String) -> Error {
    Error::Refused { pid, message }
}

/// The capture that the process is recorded into, where the library was loaded late and is at work.
fn recorded(program: &Program) -> Result<Option<PathBuf>, Error> {
    /// As the library has it: the pid, then the path.
    const STATUS: usize = 4 + 4096;
    let Some((base, image)) = program.library()? else { return Ok(None) };
    let Some(status) = image.address("memtrace_status") else { return Ok(None) };
    let mut bytes = vec![0; STATUS];
    program.read(base + status, &mut bytes)?;
    let (pid, path) = bytes.split_at(4);
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    let recorded = pid == program.own_pid.to_le_bytes();
    Ok(recorded.then(|| PathBuf::from(OsStr::from_bytes(path))))
}

/// What the process is to do.
enum Work<'a> {
    Start { library: &'a Path, capture: &'a Path, options: Options },
    Stop,
}

impl Work<'_> {
    fn needs_gil(&self) -> bool {
        matches!(self, Work::Start { options, .. } if options.python_allocators)
    }
}

/// Has the work done; answers what the library did, 0 or an `errno`.
fn perform(program: &Program, work: &Work) -> Result<i32, Error> {
    if !work.needs_gil() {
        for thread in program.threads()? {
            let mut tracee = match Tracee::seize(program, thread) {
                Ok(tracee) => tracee,
                Err(Error::NoProcess { .. }) if thread != program.pid => continue,
                Err(error) => return Err(error),
            };
            if tracee.moment() == Moment::Waiting {
                return perform_now(program, &mut tracee, work);
            }
        }
    }
    perform_later(program, work)
}

/// By the borrowed thread itself.
fn perform_now(program: &Program, tracee: &mut Tracee, work: &Work) -> Result<i32, Error> {
    let function = match work {
        Work::Start { .. } => "memtrace_start",
        Work::Stop => "memtrace_stop",
    };
    let strings = match work {
        Work::Start { library, capture, .. } => vec![terminated(library), terminated(capture)],
        Work::Stop => Vec::new(),
    };
    let page = Page::allocate(tracee, strings.iter().map(Vec::len).sum())?;
    let mut addresses = Vec::new();
    let mut at = page.address;
    for string in &strings {
        program.write(at, string)?;
        addresses.push(at);
        at += string.len() as u64;
    }
    let answer = (|| {
        if let Work::Start { .. } = work {
            load(program, tracee, addresses[0])?;
        }
        let (base, image) = program.library()?.ok_or_else(|| gone(program.pid))?;
        let function = base + image.address(function).ok_or_else(|| gone(program.pid))?;
        match work {
            Work::Start { options, .. } => tracee.call(function, &[addresses[1], u64::from(options.bits())]),
            Work::Stop => tracee.call(function, &[]),
        }
    })();
    // What still runs there also still reads it.
    if !matches!(answer, Err(Error::Busy { .. })) {
        page.give_back(tracee)?;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the functions answer an int")]
    answer.map(|answer| answer as i32)
}

fn gone(pid: u32) -> Error {
    refused(pid, "the library is not there".to_owned())
}

/// `dlopen` of the library whose path is at `path` in the program.
fn load(program: &Program, tracee: &mut Tracee, path: u64) -> Result<(), Error> {
    let flags = u64::from((libc::RTLD_NOW | libc::RTLD_NODELETE).cast_unsigned());
    let handle = tracee.call(program.libc("dlopen")?, &[path, flags])?;
    if handle != 0 {
        return Ok(());
    }
    let message = tracee.call(program.libc("dlerror")?, &[])?;
    Err(refused(program.pid, program.read_string(message)?))
}

/// Memory in the program that it does not know of.
struct Page {
    address: u64,
    size: u64,
}

impl Page {
    fn allocate(tracee: &mut Tracee, size: usize) -> Result<Page, Error> {
        let size = (size as u64).max(1);
        let address = tracee.map(size, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(Page { address, size })
    }

    fn give_back(&self, tracee: &mut Tracee) -> Result<(), Error> {
        tracee.unmap(self.address, self.size)
    }
}

fn terminated(path: &Path) -> Vec<u8> {
    [path.as_os_str().as_bytes(), b"\0"].concat()
}

/// Words at the beginning of the page by which the Python that runs later says how far it is.
const WAITING: u32 = 0;
const BEGUN: u32 = 1;
const DONE: u32 = 2;
const FAILED: u32 = 3;

/// By the main thread, as soon as the interpreter runs what it has noted down.
fn perform_later(program: &Program, work: &Work) -> Result<i32, Error> {
    let pid = program.pid;
    let (add, run) = (program.python("Py_AddPendingCall")?, program.python("PyRun_SimpleString")?);
    let page = {
        let mut tracee = Tracee::seize(program, pid)?;
        let size = 8 + python_for(program, work, u64::MAX)?.len();
        let page = Page::allocate(&mut tracee, size)?;
        program.write(page.address + 8, &python_for(program, work, page.address)?)?;
        let noted = tracee.call(add, &[run, page.address + 8])?;
        if noted & 0xffff_ffff != 0 {
            page.give_back(&mut tracee)?;
            return Err(Error::Busy { pid });
        }
        page
    };
    let began = Instant::now();
    let mut words = [0; 8];
    loop {
        std::thread::sleep(APART);
        program.read(page.address, &mut words)?;
        let state = u32::from_le_bytes([words[0], words[1], words[2], words[3]]);
        let answer = i32::from_le_bytes([words[4], words[5], words[6], words[7]]);
        match state {
            DONE => return Ok(answer),
            FAILED => return Err(refused(pid, "its Python has no working ctypes".to_owned())),
            WAITING if began.elapsed() > PATIENCE => {
                // Whenever its turn comes, it is nothing to do any more.
                program.write(page.address + 8, b"0\n\0")?;
                return Err(Error::Busy { pid });
            }
            _ => {}
        }
    }
}

/// What the interpreter is to run: one statement that leaves no names behind and raises nothing. A child that is
/// forked before its turn comes has it to run too, and does nothing.
fn python_for(program: &Program, work: &Work, page: u64) -> Result<Vec<u8>, Error> {
    let quoted = |path: &Path| {
        let bytes = path.as_os_str().as_bytes().iter();
        format!("b'{}'", bytes.map(|byte| format!("\\x{byte:02x}")).collect::<String>())
    };
    let (library, call) = match work {
        Work::Start { library, capture, options } => {
            (quoted(library), format!("memtrace_start({}, {})", quoted(capture), options.bits()))
        }
        Work::Stop => {
            let path = program.library_path()?.ok_or(Error::NotRecorded { pid: program.pid })?;
            (quoted(&path), "memtrace_stop()".to_owned())
        }
    };
    let (mode, own_pid) = (libc::RTLD_NOW | libc::RTLD_NODELETE, program.own_pid);
    let code = format!(
        "try:\n\
         \x20import ctypes, os\n\
         \x20if os.getpid() == {own_pid}:\n\
         \x20 state = (ctypes.c_uint32 * 2).from_address({page})\n\
         \x20 state[0] = {BEGUN}\n\
         \x20 try:\n\
         \x20  state[1] = ctypes.PyDLL(os.fsdecode({library}), {mode}).{call}\n\
         \x20  state[0] = {DONE}\n\
         \x20 except BaseException:\n\
         \x20  state[0] = {FAILED}\n\
         except BaseException:\n\
         \x20pass\n"
    );
    let literal = code.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    Ok(format!("exec('{literal}', {{}})\n\0").into_bytes())
}

/// Waits until the time is over, the process is gone, or memtrace is told to end: that is taken for the end of the
/// time.
pub fn wait(pid: u32, time: Duration) {
    const LOOK: Duration = Duration::from_millis(100);
    let began = Instant::now();
    let process = PathBuf::from(format!("/proc/{pid}"));
    // SAFETY: plain system calls on locals, for which all zeros is a valid value.
    unsafe {
        let mut ends: libc::sigset_t = std::mem::zeroed();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&raw mut ends, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const ends, std::ptr::null_mut());
        while process.exists() {
            let left = time.saturating_sub(began.elapsed()).min(LOOK);
            let left = libc::timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
            let told = libc::sigtimedwait(&raw const ends, std::ptr::null_mut(), &raw const left) > 0;
            if told || began.elapsed() >= time {
                return;
            }
        }
    }
}
