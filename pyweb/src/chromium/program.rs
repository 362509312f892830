//! The browser's process: found, started without a window, ended. It listens on a pipe, so that nobody else can
//! reach it, and ends by itself when that is closed. Must not know what is said on it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use super::ChromiumError;

/// What browsers of this family are called.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
/// Chromium reads descriptor 3 and writes 4. The shell waits for it, so that its profile goes with it even where
/// nobody else is left to remove it.
const START: &str = r#"profile=$1; shift; "$@" 3<&0 4>&1 </dev/null >/dev/null; status=$?; rm -rf -- "$profile"; exit $status"#;
/// No window, no network of its own, nothing that a person would be asked, nothing slowed down for being unseen.
const OPTIONS: [&str; 24] = [
    "--headless",
    "--remote-debugging-pipe",
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--disable-gpu",
    "--disable-quic",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--lang=en-US",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
    "--window-size=1280,720",
];
/// How long it may take to end.
const ENDING: Duration = Duration::from_secs(5);
/// How much of its last words is shown, in bytes.
const WORDS: usize = 2000;

/// A running browser. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    words: File,
    _profile: TempDir,
}

/// The program to run: the given one, else the first on `PATH`.
pub(super) fn find(given: Option<&Path>) -> Result<PathBuf, ChromiumError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut candidates = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|file| file.is_file()).ok_or(ChromiumError::Missing)
}

impl Program {
    /// Starts `path` with a profile of its own; also what it says.
    pub(super) fn start(path: PathBuf) -> Result<(Program, ChildStdout), ChromiumError> {
        let failed = |cause| ChromiumError::Start { program: path.clone(), cause };
        if path.components().count() > 1 && !path.is_file() {
            return Err(failed(io::ErrorKind::NotFound.into()));
        }
        let profile = tempfile::Builder::new().prefix("pyweb-chromium-").tempdir().map_err(failed)?;
        let words = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", START, "sh"]).arg(profile.path()).arg(&path).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        if geteuid().is_root() {
            // It refuses to run as root with a sandbox.
            command.arg("--no-sandbox");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(words.try_clone().map_err(failed)?);
        let mut child = command.process_group(0).spawn().map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        Ok((Program { path, child, input: Some(input), words, _profile: profile }, output))
    }

    /// Says one message.
    pub(super) fn say(&mut self, message: &Value) -> io::Result<()> {
        let Some(input) = &mut self.input else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut bytes = serde_json::to_vec(message)?;
        bytes.push(0);
        input.write_all(&bytes)
    }

    /// Why it does not get ready, as far as it says.
    pub(super) fn silent(&mut self) -> ChromiumError {
        let mut text = Vec::new();
        let read = self.words.rewind().and_then(|()| self.words.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(WORDS)..]).trim().to_owned();
        let said = if read.is_ok() && !text.is_empty() { format!(": {text}") } else { String::new() };
        ChromiumError::Silent { program: self.path.clone(), said }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The end of what it reads is its end.
        drop(self.input.take());
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > ENDING {
                if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The messages in what the browser says; one that cannot be read ends them.
pub(super) fn messages(output: ChildStdout) -> impl Iterator<Item = Value> {
    BufReader::new(output)
        .split(0)
        .map_while(Result::ok)
        .map_while(|bytes| serde_json::from_slice(&bytes).ok())
}
