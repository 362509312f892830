//! Downloads through the `fetch` binary: requests as JSON lines in, records out. Must not know what the
//! files are; `fetch` verifies their digests.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Session;
use serde::{Deserialize, Serialize};

use crate::error::RuntimeError;

/// One file to get, as `fetch get -` reads it.
#[derive(Debug, Serialize)]
pub struct Request {
    /// Where it is.
    pub url: String,
    /// What to call it; unique among the requests.
    pub name: String,
    /// `sha256:` and hexadecimal, or a Subresource Integrity string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Request {
    /// A file at `url`, called `name`, with that digest if it is known.
    pub fn new(url: &str, name: &str, hash: Option<&str>) -> Request {
        Request { url: url.to_owned(), name: name.to_owned(), hash: hash.map(str::to_owned) }
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Got {
    /// The file is there.
    File(PathBuf),
    /// It could not be had.
    Failed {
        /// Why, for programs: `not_found`, `hash_mismatch`, ….
        code: String,
        /// Why, for people.
        message: String,
    },
}

/// The records of `fetch` that matter here.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Answer {
    #[serde(rename = "fetch.file.finished")]
    Finished { name: String, path: PathBuf },
    #[serde(rename = "fetch.file.failed")]
    Failed {
        name: String,
        #[serde(default)]
        code: String,
        message: String,
    },
    #[serde(rename = "fetch.run.failed")]
    Broken { message: String },
}

/// Gets all files; the answer says where each is, by its name.
pub fn get(requests: &[Request], session: &Session) -> Result<HashMap<String, PathBuf>, RuntimeError> {
    let requests: Vec<&Request> = requests.iter().collect();
    let mut got = try_get(&requests, &[], session, "getting the runtime's packages")?;
    let mut files = HashMap::new();
    for Request { name, .. } in requests {
        match got.remove(name) {
            Some(Got::File(path)) => drop(files.insert(name.clone(), path)),
            Some(Got::Failed { message, .. }) => {
                return Err(RuntimeError::Fetch { message: format!("{name}: {message}") });
            }
            None => {}
        }
    }
    Ok(files)
}

/// Tries to get files; the answer says what became of each, by its name.
pub fn try_get(
    requests: &[&Request],
    options: &[&str],
    session: &Session,
    doing: &str,
) -> Result<HashMap<String, Got>, RuntimeError> {
    let spinner = session.progress.spinner(doing);
    let answers = ask(requests, options);
    spinner.finish_and_clear();
    let mut got = HashMap::new();
    for answer in answers? {
        match answer {
            Answer::Finished { name, path } => drop(got.insert(name, Got::File(path))),
            Answer::Failed { name, code, message } => {
                got.insert(name, Got::Failed { code, message });
            }
            Answer::Broken { message } => return Err(RuntimeError::Fetch { message }),
        }
    }
    Ok(got)
}

/// The error for a file that `fetch` said nothing about.
pub fn unanswered(name: &str) -> RuntimeError {
    RuntimeError::Fetch { message: format!("{name}: no answer from fetch") }
}

fn ask(requests: &[&Request], options: &[&str]) -> Result<Vec<Answer>, RuntimeError> {
    let binary = binary();
    let broken = |error: std::io::Error| RuntimeError::NoFetch { binary: binary.clone(), cause: error };
    let mut child = Command::new(&binary)
        .args(["get", "-", "--format", "jsonl"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(broken)?;
    let mut input = Vec::new();
    for request in requests {
        serde_json::to_writer(&mut input, request).map_err(|error| broken(error.into()))?;
        input.push(b'\n');
    }
    // Dropping the handle ends fetch's input; it answers while it still reads, so that takes a thread.
    // Should it die before it has read all, its last words say more than the broken pipe.
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
    let mut answers = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in common::reader::lines(BufReader::new(stdout)) {
            let line = line.map_err(|error| RuntimeError::Fetch { message: error.to_string() })?;
            answers.extend(line.decode::<Answer>());
        }
    }
    let ended = child.wait_with_output().map_err(broken)?;
    drop(writer.join());
    if answers.is_empty() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let said = said.lines().next().map_or_else(String::new, |line| format!(": {line}"));
        let (binary, status) = (binary.display(), ended.status);
        return Err(RuntimeError::Fetch {
            message: format!("anything: {binary} answered nothing, {status}{said}"),
        });
    }
    Ok(answers)
}

/// `fetch` as installed beside this program, else as `PATH` finds it.
fn binary() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("fetch")));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| Path::new("fetch").to_owned())
}
