//! Gives a command a real pseudo-terminal, so that what people see can be tested.

use std::io::{Read, Write};
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
pub fn in_terminal(program: &Path, args: &[&str], cwd: &Path, envs: &[(&str, &str)]) -> Screen {
    typing_in_terminal(program, args, cwd, envs, &[])
}

/// The same, with somebody at the keyboard: each text is waited for, behind the one before, and then
/// answered with these bytes (`\x03` is Ctrl-C).
///
/// # Panics
/// When there is no pseudo-terminal to be had or the program cannot be started.
#[track_caller]
#[expect(clippy::expect_used, reason = "a test cannot go on without it")]
pub fn typing_in_terminal(
    program: &Path,
    args: &[&str],
    cwd: &Path,
    envs: &[(&str, &str)],
    answers: &[(&str, &[u8])],
) -> Screen {
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
    let mut keyboard = pair.master.take_writer().expect("a keyboard");
    let mut answers = answers.iter();
    let mut awaited = answers.next();
    let (mut bytes, mut answered, mut chunk) = (Vec::new(), 0, [0; 4096]);
    // Linux answers EIO once the other side is closed.
    while let Ok(count @ 1..) = reader.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        while let Some((text, answer)) = awaited
            && let Some(at) = position(&bytes[answered..], text.as_bytes())
        {
            keyboard.write_all(answer).and_then(|()| keyboard.flush()).expect("a keyboard");
            answered += at + text.len();
            awaited = answers.next();
        }
    }
    let status = child.wait().expect("the program ends");
    Screen { code: status.exit_code(), text: String::from_utf8_lossy(&bytes).into_owned() }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
