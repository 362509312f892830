//! memtrace beside a run: its library for the workers, and what their recordings say. Must not know what is made of it.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use crate::error::Error;
use crate::protocol::Memory;

/// A process of memtrace's that reads recordings, and a folder for them.
#[derive(Debug)]
pub struct Memtrace {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    library: PathBuf,
    folder: TempDir,
}

/// The numbers of one recording.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Numbers {
    /// The most in use at once, in bytes.
    pub peak_bytes: u64,
    /// What was not given back, in bytes.
    pub leaked_bytes: u64,
    /// All that was given out, in bytes.
    pub total_bytes: u64,
    /// How often.
    pub allocations: u64,
}

/// What of memtrace's records is looked at.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Answer {
    #[serde(rename = "memtrace.stats.computed")]
    Stats {
        complete: bool,
        incomplete_because: Option<String>,
        #[serde(flatten)]
        numbers: Numbers,
    },
    #[serde(other)]
    Other,
}

impl Memtrace {
    /// Starts it: `$MEMTRACE_BIN`, else the one beside this program, else the one on `PATH`.
    pub fn start() -> Result<Memtrace, Error> {
        let beside = std::env::current_exe().ok().map(|own| own.with_file_name("memtrace"));
        let named = std::env::var_os("MEMTRACE_BIN").map(PathBuf::from);
        let program = named.or(beside.filter(|path| path.is_file())).unwrap_or_else(|| "memtrace".into());
        let failed = |cause| Error::Memtrace { program: program.clone(), cause };
        let said = Command::new(&program)
            .args(["library", "--format", "human"])
            .stderr(Stdio::inherit())
            .output()
            .map_err(failed)?;
        if !said.status.success() {
            return Err(failed(io::Error::other(format!("it ended with {}", said.status))));
        }
        let library = std::ffi::OsString::from_vec(said.stdout.trim_ascii_end().to_vec()).into();
        let folder = tempfile::Builder::new().prefix("testfan-memory-").tempdir().map_err(failed)?;
        let mut command = Command::new(&program);
        command
            .args(["measure", "-n", "0", "--format", "jsonl"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().map_err(failed)?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let answers = BufReader::new(answers);
        Ok(Memtrace { process, requests: Some(requests), answers, library, folder })
    }

    /// What workers are told.
    pub fn begin(&self) -> Memory {
        Memory { library: self.library.clone(), folder: self.folder.path().to_owned() }
    }

    /// Reads a recording and removes it; an error says why there are no numbers.
    pub fn measure(&mut self, capture: &Path) -> Result<Numbers, String> {
        let answer = self.ask(capture).map_err(|error| error.to_string());
        let _ = std::fs::remove_file(capture);
        match answer? {
            Answer::Stats { complete: true, numbers, .. } => Ok(numbers),
            Answer::Stats { incomplete_because, .. } => Err(incomplete_because.unwrap_or_default()),
            Answer::Other => Err("memtrace has ended".into()),
        }
    }

    fn ask(&mut self, capture: &Path) -> io::Result<Answer> {
        let Some(requests) = &mut self.requests else { return Ok(Answer::Other) };
        requests.write_all(&[capture.as_os_str().as_bytes(), b"\n"].concat())?;
        let mut line = String::new();
        while self.answers.read_line(&mut line)? > 0 {
            let answer: Answer = serde_json::from_str(&line)?;
            if matches!(answer, Answer::Stats { .. }) {
                return Ok(answer);
            }
            line.clear();
        }
        Ok(Answer::Other)
    }
}

impl Drop for Memtrace {
    fn drop(&mut self) {
        // At the end of its input it ends.
        self.requests = None;
        let _ = self.process.wait();
    }
}
