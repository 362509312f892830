//! A page process as the one that started it has it: commands in, messages out. Must not know what they mean.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

use serde_json::Value;

use super::host::Hosted;
use super::message::{self, Message};
use crate::chromium::{Tab, Tell, Told};

/// What comes in: lines from whoever writes the steps, messages from pages.
#[derive(Debug)]
pub enum Input {
    /// A line of the steps.
    Line(String),
    /// There are no more lines; with the error that cut them short, if any.
    End(Option<io::Error>),
    /// The process of this number said something, or is gone.
    Page(u64, Option<Message>),
}

/// Who runs a page.
#[derive(Debug)]
pub enum Runner {
    /// Our own browser, in a process of its own.
    Process(PageProcess),
    /// A real one.
    Tab(Tab),
}

impl Runner {
    /// Its number, by which its messages are known.
    pub fn number(&self) -> u64 {
        match self {
            Runner::Process(process) => process.number,
            Runner::Tab(tab) => tab.number,
        }
    }

    /// Has the page do something. Where nobody listens any more, the end of its messages says so.
    pub fn send(&mut self, command: &Value) {
        match self {
            Runner::Process(process) => drop(process.send(command)),
            Runner::Tab(tab) => tab.send(command.clone()),
        }
    }
}

/// Passes what the page of this number tells to `input`.
pub fn teller(number: u64, input: Sender<Input>) -> Tell {
    Box::new(move |told| {
        let message = match told {
            Told::Event(event) => Some(Message::Event(event)),
            Told::Ended(ended) => Some(Message::Ended(ended)),
            Told::Gone => None,
        };
        drop(input.send(Input::Page(number, message)));
    })
}

/// A page process under way. Dropped, it is killed.
#[derive(Debug)]
pub struct PageProcess {
    /// Its number, by which its messages are known.
    pub number: u64,
    child: Child,
    commands: ChildStdin,
}

impl PageProcess {
    /// Starts the page; `input` gets what it says, from a thread of its own.
    pub fn start(number: u64, hosted: &Hosted, input: Sender<Input>) -> io::Result<PageProcess> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("page-process").arg("--root").arg(&hosted.page.root);
        command.arg("--page").arg(&hosted.page.path).arg("--url").arg(&hosted.url);
        command.arg("--timeout").arg(OsString::from(hosted.time_limit.as_secs_f64().to_string()));
        if let Some(folder) = &hosted.runtime {
            command.arg("--runtime").arg(folder);
        }
        if let Some(folder) = &hosted.packages {
            command.arg("--packages").arg(folder);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(commands), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        std::thread::Builder::new().name("page output".into()).spawn(move || {
            for message in message::messages(output) {
                if input.send(Input::Page(number, Some(message))).is_err() {
                    return;
                }
            }
            // Nobody is left to hear it when this fails.
            let _ = input.send(Input::Page(number, None));
        })?;
        Ok(PageProcess { number, child, commands })
    }

    /// Has the page do something.
    pub fn send(&mut self, command: &Value) -> io::Result<()> {
        let mut line = command.to_string();
        line.push('\n');
        self.commands.write_all(line.as_bytes())
    }
}

impl Drop for PageProcess {
    fn drop(&mut self) {
        // It may be gone already. A copy that it made ends with its commands.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
