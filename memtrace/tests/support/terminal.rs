//! Somebody at a terminal, who looks at the whole screen before each key.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// How long a loaded machine may take for the next screen.
const PATIENCE: Duration = Duration::from_mins(1);

/// As [`sit_before`], on a terminal of 140 by 30.
pub fn sit_at(folder: &Path, arguments: &[&str], steps: &[(&str, &str)]) -> (Vec<String>, u32) {
    sit_before((140, 30), folder, arguments, steps)
}

/// Runs memtrace in `folder` on a terminal of so many columns and rows. Each `(text, keys)` waits until the screen shows
/// the text and then presses the keys. Returns the screens that were seen then, and the exit code.
pub fn sit_before(
    (cols, rows): (u16, u16),
    folder: &Path,
    arguments: &[&str],
    steps: &[(&str, &str)],
) -> (Vec<String>, u32) {
    let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(kit::binary("memtrace"));
    command.args(arguments);
    command.cwd(folder);
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        // Linux answers EIO once the other side is closed.
        while let Ok(count @ 1..) = reader.read(&mut chunk) {
            if sender.send(chunk[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut screen = vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap(), 0);
    let mut seen = Vec::new();
    for (text, keys) in steps {
        let began = Instant::now();
        while !screen.screen().contents().contains(text) {
            match receiver.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => screen.process(&bytes),
                Err(RecvTimeoutError::Timeout) if began.elapsed() < PATIENCE => {}
                Err(error) => {
                    let _ = child.kill();
                    panic!("{text:?} did not come ({error}):\n{}", screen.screen().contents());
                }
            }
        }
        seen.push(screen.screen().contents());
        keyboard.write_all(keys.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }
    // What comes last is read too, else the program could not end.
    while let Ok(bytes) = receiver.recv_timeout(PATIENCE) {
        screen.process(&bytes);
    }
    (seen, child.wait().unwrap().exit_code())
}
