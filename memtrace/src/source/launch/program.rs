//! What `memtrace run` was asked to run: a Python script, module or code, or any program; and which
//! executable that means. Must not know how it is run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is executed.
    pub executable: PathBuf,
    /// `argv[0]`, where it is not the executable.
    pub name: Option<OsString>,
    /// The arguments.
    pub arguments: Vec<OsString>,
    /// A short name of the whole, for file names.
    pub label: OsString,
}

impl Program {
    /// Finds what `words` mean: a script ending in `.py`, `-m MODULE`, `-c CODE`, or a program.
    pub fn find(words: &[OsString], python: Option<&Path>) -> Result<Program, Error> {
        let Some(first) = words.first() else {
            return Err(Error::NoProgram { program: String::new() });
        };
        let option = [b"-m", b"-c"].into_iter().find(|option| first.as_bytes().starts_with(*option));
        let is_script = [".py", ".pyw", ".pyz"].iter().any(|end| first.as_bytes().ends_with(end.as_bytes()));
        if option.is_none() && !is_script {
            return program(first, &words[1..]);
        }
        let label = match option {
            Some(b"-m") if first.len() > 2 => OsString::from_vec(first.as_bytes()[2..].to_vec()),
            Some(b"-m") => words.get(1).cloned().unwrap_or_default(),
            Some(_) => OsString::from("code"),
            None => file_name(Path::new(first)),
        };
        let executable = interpreter(python)?;
        Ok(Program { executable, name: None, arguments: words.to_vec(), label })
    }

    /// The program and its arguments, for people.
    pub fn words(&self) -> Vec<String> {
        let name = self.name.as_deref().unwrap_or(self.executable.as_os_str());
        let words = std::iter::once(name).chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }
}

fn program(name: &OsStr, arguments: &[OsString]) -> Result<Program, Error> {
    let Some(executable) = on_path(name) else {
        return Err(Error::NoProgram { program: name.to_string_lossy().into_owned() });
    };
    let label = file_name(&executable);
    let arguments = arguments.to_vec();
    if is_python(&executable) && shebang(&executable).is_some() {
        let executable = ask_for_executable(&executable)?;
        return Ok(Program { executable, name: None, arguments, label });
    }
    // `#!/usr/bin/env NAME` would load the library into env, and not into what env becomes.
    if let Some((env, rest)) = shebang(&executable)
        && env.file_name() == Some(OsStr::new("env"))
        && let Some((name, options)) = rest.split_first()
        && !name.as_bytes().starts_with(b"-")
    {
        let mut all = options.to_vec();
        all.push(executable.into_os_string());
        all.extend(arguments);
        return Ok(Program { label, ..program(name, &all)? });
    }
    let given = (name != executable).then(|| name.to_owned());
    Ok(Program { executable, name: given, arguments, label })
}

/// The interpreter for scripts: `--python`, else the virtual environment's, else `python3` on `PATH`.
fn interpreter(asked: Option<&Path>) -> Result<PathBuf, Error> {
    let environment = std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty());
    let wanted = match (asked, environment) {
        (Some(asked), _) => asked.to_owned(),
        (None, Some(environment)) => PathBuf::from(environment).join("bin/python"),
        (None, None) => PathBuf::from("python3"),
    };
    let found = on_path(wanted.as_os_str());
    let found = found.ok_or_else(|| Error::NoPython { wanted: wanted.display().to_string() })?;
    if shebang(&found).is_some() { ask_for_executable(&found) } else { Ok(found) }
}

/// Version managers put scripts named `python` on `PATH`; only the interpreter itself is to be traced.
fn ask_for_executable(script: &Path) -> Result<PathBuf, Error> {
    let code = "import os, sys; os.write(1, os.fsencode(sys.executable))";
    let answer = Command::new(script).args(["-S", "-c", code]).output();
    let answer = answer.map_err(|cause| Error::Start { path: script.to_owned(), cause })?;
    let executable = PathBuf::from(OsString::from_vec(answer.stdout));
    if answer.status.success() && executable.is_file() {
        return Ok(executable);
    }
    Err(Error::NoPython { wanted: format!("behind {}", script.display()) })
}

fn is_python(path: &Path) -> bool {
    let name = file_name(path);
    name.as_bytes()
        .strip_prefix(b"python")
        .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

fn on_path(name: &OsStr) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name)).filter(runs);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(runs)
}

/// The interpreter of a script and the one argument or more it is given, if the file is a script.
fn shebang(path: &Path) -> Option<(PathBuf, Vec<OsString>)> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map(|word| OsStr::from_bytes(word).to_owned());
    Some((PathBuf::from(words.next()?), words.collect()))
}

fn file_name(path: &Path) -> OsString {
    path.file_name().unwrap_or(path.as_os_str()).to_owned()
}
