//! A running program from outside: what is mapped where, its threads, its memory. Nothing of it changes by looking.

use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::source::attach::symbols::Image;

/// A running Python program.
pub struct Program {
    /// Its process id.
    pub pid: u32,
    /// The same as it sees it itself, which may be in a namespace of its own.
    pub own_pid: u32,
    memory: File,
    libc: OnceCell<(u64, Image)>,
    sigreturn: OnceCell<u64>,
    python: (u64, Image),
}

/// A part of a file that is mapped.
struct Mapping {
    start: u64,
    end: u64,
    executable: bool,
    offset: u64,
    path: PathBuf,
}

impl Program {
    /// Refuses what is no process, is not ours to touch, or is no Python.
    pub fn find(pid: u32) -> Result<Program, Error> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = std::fs::read_to_string(folder.join("status")).map_err(|_| Error::NoProcess { pid })?;
        // A thread's id is not that of its process; the dead wait for their parent.
        let says = |line: &str| status.lines().any(|status| status.starts_with(line));
        if !says(&format!("Tgid:\t{pid}")) || says("State:\tZ") || says("State:\tX") {
            return Err(Error::NoProcess { pid });
        }
        let own_pid = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:")?.split('\t').next_back()?.parse().ok());
        let memory = File::options().read(true).write(true).open(folder.join("mem"));
        let memory = memory.map_err(|cause| of_process(pid, &cause))?;
        let room = |folder: &Path| {
            let root = folder.join("root").metadata().ok().map(|root| (root.dev(), root.ino()));
            (std::fs::read_link(folder.join("ns/mnt")).ok(), root)
        };
        if room(&folder) != room(Path::new("/proc/self")) {
            return Err(Error::Container { pid });
        }
        let python = mappings(pid)?.iter().filter(|mapping| mapping.is_beginning()).find_map(|mapping| {
            let image = Image::read(&mapping.path)?;
            image.address("Py_AddPendingCall")?;
            Some((mapping.start - image.first(), image))
        });
        let python = python.ok_or(Error::NotPython { pid })?;
        Ok(Program {
            pid,
            own_pid: own_pid.unwrap_or(pid),
            memory,
            libc: OnceCell::new(),
            sigreturn: OnceCell::new(),
            python,
        })
    }

    /// Its threads, the main thread first.
    pub fn threads(&self) -> Result<Vec<u32>, Error> {
        let entries = std::fs::read_dir(format!("/proc/{}/task", self.pid));
        let entries = entries.map_err(|cause| of_process(self.pid, &cause))?;
        let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_by_key(|id| (*id != self.pid, *id));
        Ok(ids)
    }

    /// Reads its memory.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.memory.read_exact_at(bytes, address).map_err(|cause| of_process(self.pid, &cause))
    }

    /// Writes to its memory.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        self.memory.write_all_at(bytes, address).map_err(|cause| of_process(self.pid, &cause))
    }

    /// The C string at an address, cut off where it is long.
    pub fn read_string(&self, address: u64) -> Result<String, Error> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while bytes.len() < 1000 {
            self.read(address + bytes.len() as u64, &mut byte)?;
            if byte == [0] {
                break;
            }
            bytes.extend(byte);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The address of a function of the interpreter.
    pub fn python(&self, name: &str) -> Result<u64, Error> {
        let (base, image) = &self.python;
        image.address(name).map(|address| base + address).ok_or(Error::NotPython { pid: self.pid })
    }

    /// The address of a function of libc.
    pub fn libc(&self, name: &str) -> Result<u64, Error> {
        let libc = if let Some(libc) = self.libc.get() {
            libc
        } else {
            let found = self.image(is_libc)?.ok_or(Error::NotPython { pid: self.pid })?;
            self.libc.get_or_init(|| found)
        };
        if let Some(address) = libc.1.address(name) {
            return Ok(libc.0 + address);
        }
        // Before glibc 2.34 the loader's functions are in a library of their own.
        let other = self.image(|name| name.starts_with("libdl.so") || name.starts_with("libdl-"))?;
        let found = other.and_then(|(base, image)| Some(base + image.address(name)?));
        found.ok_or_else(|| Error::Refused { pid: self.pid, message: format!("its libc has no {name}") })
    }

    /// Where libc asks the kernel to end the handling of a signal: what handlers return to.
    pub fn sigreturn(&self) -> Result<u64, Error> {
        /// `mov rax, 15`, `syscall`
        const SIGRETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];
        if let Some(address) = self.sigreturn.get() {
            return Ok(*address);
        }
        for code in mappings(self.pid)?.iter().filter(|mapping| mapping.executable && named(mapping, is_libc))
        {
            let mut bytes = vec![0; usize::try_from(code.end - code.start).unwrap_or(0)];
            self.read(code.start, &mut bytes)?;
            if let Some(at) = bytes.windows(SIGRETURN.len()).position(|bytes| bytes == SIGRETURN) {
                return Ok(*self.sigreturn.get_or_init(|| code.start + at as u64));
            }
        }
        Err(Error::Refused { pid: self.pid, message: "its libc is of an unknown kind".to_owned() })
    }

    /// The preload library, where it is loaded.
    pub fn library(&self) -> Result<Option<(u64, Image)>, Error> {
        self.image(is_library)
    }

    /// Where the preload library was loaded from.
    pub fn library_path(&self) -> Result<Option<PathBuf>, Error> {
        let mappings = mappings(self.pid)?;
        let found = mappings.into_iter().find(|mapping| named(mapping, is_library));
        Ok(found.map(|mapping| mapping.path))
    }

    fn image(&self, is_it: impl Fn(&str) -> bool) -> Result<Option<(u64, Image)>, Error> {
        let mappings = mappings(self.pid)?;
        let mut beginnings =
            mappings.iter().filter(|mapping| mapping.is_beginning() && named(mapping, &is_it));
        let image = |mapping: &Mapping| {
            let image = Image::read(&mapping.path)?;
            Some((mapping.start - image.first(), image))
        };
        Ok(beginnings.find_map(image))
    }
}

fn is_libc(name: &str) -> bool {
    name == "libc.so.6" || name.starts_with("libc-2.")
}

fn is_library(name: &str) -> bool {
    name.strip_suffix(".so").is_some_and(|name| name.starts_with("preload-"))
}

fn named(mapping: &Mapping, is_it: impl Fn(&str) -> bool) -> bool {
    mapping.path.file_name().is_some_and(|name| is_it(&name.to_string_lossy()))
}

impl Mapping {
    fn is_beginning(&self) -> bool {
        self.offset == 0 && self.path.is_absolute()
    }
}

fn mappings(pid: u32) -> Result<Vec<Mapping>, Error> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|cause| of_process(pid, &cause))?;
    let parse = |line: &str| {
        let mut words = line.splitn(6, ' ');
        let (range, rights, offset) = (words.next()?, words.next()?, words.next()?);
        let (start, end) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        Some(Mapping {
            start: number(start)?,
            end: number(end)?,
            executable: rights.contains('x'),
            offset: number(offset)?,
            path: PathBuf::from(words.nth(2)?.trim_start()),
        })
    };
    Ok(text.lines().filter_map(parse).collect())
}

/// What the system says when a process cannot be looked at, or is gone.
pub fn of_process(pid: u32, cause: &io::Error) -> Error {
    match cause.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Error::NotPermitted { pid },
        Some(libc::ESRCH | libc::ENOENT) => Error::NoProcess { pid },
        // Of one that has just ended nothing is mapped any more.
        None if matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero) => {
            Error::NoProcess { pid }
        }
        _ => Error::Refused { pid, message: cause.to_string() },
    }
}
