//! Runs a command to its end and keeps what it printed and how it ended.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A finished command.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, or 128 + the signal that ended it, as a shell says it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Itself, when the exit code is `code`.
    ///
    /// # Panics
    /// When it is another, with all that was printed.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "asserting is use enough")]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs `command` to its end with nothing on standard input unless it was given one; at most two minutes.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    run_within(command, Duration::from_mins(2))
}

/// Runs `command` to its end, or kills its process group at `limit` and panics.
///
/// # Panics
/// When it cannot be started or does not end in time.
#[track_caller]
#[expect(clippy::panic, reason = "a test cannot go on without it")]
pub fn run_within(command: &mut Command, limit: Duration) -> Ran {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    // The handle Command keeps on a given standard input would hold a pipe open.
    command.stdin(Stdio::null());
    let drain = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = drain(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let stderr = drain(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-9", "--", &group]).status();
                let _ = child.wait();
                let said = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
                panic!("{command:?} did not end within {limit:?}\n{}\n{}", said(stdout), said(stderr));
            }
        }
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ran { code, stdout: stdout.join().unwrap_or_default(), stderr: stderr.join().unwrap_or_default() }
}
