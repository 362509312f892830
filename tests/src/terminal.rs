//! Gives a command a real pseudo-terminal, so that what people see can be tested.

use std::io::Read;
use std::path::Path;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// What a command wrote to its terminal, escape sequences included.
#[derive(Debug)]
pub struct Screen {
    /// The exit code.
    pub code: u32,
    /// Everything written, standard output and standard error together.
    pub text: String,
}

/// Runs `program` on a terminal of 100 by 30 in folder `cwd`, with `envs` added, to its end.
///
/// # Panics
/// When there is no pseudo-terminal to be had or the program cannot be started.
#[track_caller]
#[expect(clippy::expect_used, reason = "a test cannot go on without it")]
pub fn in_terminal(program: &Path, args: &[&str], cwd: &Path, envs: &[(&str, &str)]) -> Screen {
    let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(program);
    command.args(args);
    command.cwd(cwd);
    command.env("TERM", "xterm-256color");
    for (name, value) in envs {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).expect("the program starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut bytes = Vec::new();
    // Linux answers EIO once the other side is closed.
    let _ = reader.read_to_end(&mut bytes);
    let status = child.wait().expect("the program ends");
    Screen { code: status.exit_code(), text: String::from_utf8_lossy(&bytes).into_owned() }
}
