//! What a page process and the one that started it say to each other: commands one way, events the other, a JSON
//! text on each line. Must not know what the commands do.

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

use crate::headless::{Commands, Ended, Event, Next};

/// What a page process says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Something happened in the page.
    Event(Event),
    /// The page has come to its end.
    Ended(Ended),
}

/// Says `message` on standard output.
pub fn tell(message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes())?;
    output.flush()
}

/// The commands that come line by line on standard input.
#[derive(Debug, Default)]
pub struct Lines {
    /// What has come of lines that were not asked for yet.
    buffer: Vec<u8>,
}

impl Lines {
    fn line(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Commands for Lines {
    fn next(&mut self, wait: Option<Duration>, call: Option<BorrowedFd<'_>>) -> Next {
        if let Some(line) = self.line() {
            return Next::Command(line);
        }
        let input = io::stdin();
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut polled = vec![PollFd::new(&input, PollFlags::IN)];
        polled.extend(call.as_ref().map(|call| PollFd::new(call, PollFlags::IN)));
        match poll(&mut polled, wait.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Next::Nothing,
            Ok(_) if polled[0].revents().is_empty() => return Next::Nothing,
            Ok(_) => {}
            Err(_) => return Next::Closed,
        }
        let mut bytes = [0; 16 << 10];
        // Around the buffer of `Stdin`, which would hide from `poll` what it holds.
        match rustix::io::read(&input, &mut bytes) {
            Ok(0) => Next::Closed,
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                self.line().map_or(Next::Nothing, Next::Command)
            }
            Err(rustix::io::Errno::INTR) => Next::Nothing,
            Err(_) => Next::Closed,
        }
    }
}

/// The messages in what a page process says; a line that is none ends them.
pub fn messages(output: impl Read) -> impl Iterator<Item = Message> {
    serde_json::Deserializer::from_reader(io::BufReader::new(output)).into_iter().map_while(Result::ok)
}
