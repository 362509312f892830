//! What a run asks the daemon for, and the messages between the daemon and its Python processes.
//! The other side is `testfan/python/testfan_worker/{resident,parked}.py`. Must not know how they travel.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Differ from shell to shell or command to command, and are not read by what is imported ahead of a run;
/// `resident.py` has the same list.
const PER_SHELL: [&str; 3] = ["_", "OLDPWD", "SHLVL"];

/// What a client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Ask {
    /// A zygote for this run; its channel and its standard output and error travel along.
    Run(Box<Request>),
    /// What there is.
    Status,
    /// The end.
    Stop,
}

/// What the daemon answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Answer {
    /// The run has its zygote.
    Running {
        /// Its process id, which is its process group too.
        pid: u32,
        /// How far it is.
        warm: Warm,
    },
    /// It has not, for this reason.
    Refused {
        /// Why.
        reason: String,
    },
    /// What there is.
    Status(Status),
}

/// What was done before a run was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Warm {
    /// pytest was imported.
    Imported,
    /// The tests were collected, and nothing has changed since.
    Collected,
}

/// What the daemon has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Its process id.
    pub pid: u32,
    /// How long it has run.
    pub up_ms: u64,
    /// How many runs it has served.
    pub runs: u64,
    /// What it keeps.
    pub suites: Vec<Suite>,
}

/// What the daemon keeps for one folder and one set of arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Suite {
    /// The folder.
    pub folder: String,
    /// The interpreter.
    pub python: String,
    /// pytest's arguments.
    pub args: Vec<String>,
    /// How far it is with it.
    pub state: SuiteState,
    /// Why the tests are not collected ahead, where they cannot be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What made the last collection useless, where something has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed: Option<String>,
}

/// How far the daemon is with a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuiteState {
    /// pytest is imported; each run collects.
    Imported,
    /// The tests are being collected.
    Collecting,
    /// The tests are collected.
    Collected,
}

/// A run, as far as its zygote depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The interpreter, as it is to be started.
    pub python: PathBuf,
    /// The entry of testfan's Python side.
    pub entry: PathBuf,
    /// The folder it is run in. Like all that need not be UTF-8, each byte is the character of that number.
    pub folder: String,
    /// Its environment, sorted.
    pub environment: Vec<(String, String)>,
    /// Its file mode creation mask.
    pub umask: u32,
    /// The first message to its zygote.
    pub begin: Value,
    /// Whether it may do with a collection made ahead.
    pub collected: bool,
}

/// Runs for which this is equal can share a base.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseKey {
    python: PathBuf,
    entry: PathBuf,
    /// As in [`Request`].
    pub folder: String,
    environment: Vec<(String, String)>,
    plugins: Vec<String>,
}

impl Request {
    /// What its base depends on.
    pub fn base_key(&self) -> BaseKey {
        let shared = |(name, _): &&(String, String)| !PER_SHELL.contains(&name.as_str());
        BaseKey {
            python: self.python.clone(),
            entry: self.entry.clone(),
            folder: self.folder.clone(),
            environment: self.environment.iter().filter(shared).cloned().collect(),
            plugins: plugins(&self.args()),
        }
    }

    /// What its collection depends on besides.
    pub fn collection_key(&self) -> String {
        // The mask counts, for a folder may be made before the run enters its copy.
        format!("{} {} {}", self.begin["args"], self.begin["width"], self.umask)
    }

    /// pytest's arguments.
    pub fn args(&self) -> Vec<String> {
        serde_json::from_value(self.begin["args"].clone()).unwrap_or_default()
    }
}

/// The arguments that decide which plugins are imported before the project is looked at.
fn plugins(args: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg.starts_with("-p") || arg.starts_with("--disable-plugin") || arg.starts_with("-c") {
            found.push(arg.clone());
            if arg.len() == 2 {
                found.extend(args.next().cloned());
            }
        }
    }
    found
}

/// Bytes as text, each the character of its number.
pub fn text(bytes: &OsStr) -> String {
    bytes.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

/// Back.
pub fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect()
}

/// A path out of such a text.
pub fn path(text: &str) -> PathBuf {
    Path::new(OsStr::from_bytes(&bytes(text))).to_owned()
}

/// What a Python process of the daemon is told.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToResident<'a> {
    /// Become, in a copy, the zygote of a run; three files travel along.
    Run {
        /// As in [`Request`].
        folder: &'a str,
        /// As in [`Request`].
        environment: &'a [(String, String)],
        /// As in [`Request`].
        umask: u32,
    },
    /// Collect, in a copy, and be parked; its channel travels along, and two files for nothing.
    Park {
        /// As in [`Request`].
        folder: &'a str,
        /// As in [`Request`].
        environment: &'a [(String, String)],
        /// As in [`Request`].
        umask: u32,
        /// As in [`Request`].
        begin: &'a Value,
    },
    /// Import these modules.
    Import {
        /// Their names.
        modules: &'a [String],
    },
}

/// What it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromResident {
    /// A base is ready.
    Ready(Inputs),
    /// It imported what it was told to.
    Imported {
        /// Whether it is still as good as a fresh process.
        usable: bool,
        /// Their files.
        inputs: Vec<String>,
    },
    /// A copy was made.
    Copied {
        /// Its process id.
        pid: u32,
    },
    /// A copy collected, and is parked or ends.
    Parked {
        /// Why no run can do with this collection.
        reason: Option<String>,
        /// What it was made of.
        #[serde(flatten)]
        inputs: Inputs,
        /// Modules that any run imports before it looks at the project.
        libraries: Vec<String>,
    },
}

/// What a process has read.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Inputs {
    /// Files, there or not.
    pub inputs: Vec<String>,
    /// Folders whose names were read.
    pub folders: Vec<String>,
    /// Folders of which every name below counts, for whether a file is there can be asked without a trace.
    #[serde(default)]
    pub roots: Vec<String>,
}
