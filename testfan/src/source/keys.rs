//! Single keys of the terminal that is standard input, as events. Must not know what they mean.

use std::io::{self, PipeWriter};
use std::os::fd::AsFd;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::Event;

/// From its making to its drop keys come at once and are not shown; Ctrl-C and Ctrl-Z stay what they are.
#[derive(Debug)]
pub struct Keys {
    before: Termios,
    stop: Option<PipeWriter>,
    reader: Option<JoinHandle<()>>,
}

impl Keys {
    /// None where there is no keyboard, or it is another program's turn.
    pub fn listen(events: Sender<Event>) -> io::Result<Option<Keys>> {
        let stdin = io::stdin();
        let Ok(before) = tcgetattr(&stdin) else { return Ok(None) };
        if tcgetpgrp(&stdin) != Ok(getpgrp()) {
            return Ok(None);
        }
        let mut now = before.clone();
        now.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &now)?;
        let (stopped, stop) = io::pipe()?;
        let mut keys = Keys { before, stop: Some(stop), reader: None };
        let reader = thread::Builder::new().name("keys".into()).spawn(move || {
            let mut key = [0];
            loop {
                let mut files = [
                    PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
                    PollFd::new(&stopped, PollFlags::IN),
                ];
                match poll(&mut files, None) {
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return,
                    Ok(_) if !files[1].revents().is_empty() => return,
                    Ok(_) => {}
                }
                // Past the buffer of the standard library, which would take more than there is an event for.
                match rustix::io::read(&stdin, &mut key) {
                    Ok(1) if events.send(Event::Key(key[0])).is_ok() => {}
                    _ => return,
                }
            }
        });
        keys.reader = Some(reader?);
        Ok(Some(keys))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
