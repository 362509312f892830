//! What the page is told to do, one thing after another; and an answer that it stands still for. Must not know what
//! any of it means.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::{Commands, Next};

/// The commands of one page.
#[derive(Default)]
pub(super) struct Orders {
    commands: RefCell<Option<Box<dyn Commands>>>,
    /// What came while an answer was waited for.
    later: RefCell<VecDeque<String>>,
}

impl Orders {
    /// Begins to listen.
    pub(super) fn listen(&self, commands: Option<Box<dyn Commands>>) {
        *self.commands.borrow_mut() = commands;
    }

    /// Whether there is anybody to listen to.
    pub(super) fn are_given(&self) -> bool {
        self.commands.borrow().is_some()
    }

    /// Whether one has come already.
    pub(super) fn wait(&self) -> bool {
        !self.later.borrow().is_empty()
    }

    /// The next one, as [`Commands::next`] has it.
    pub(super) fn next(&self, wait: Option<Duration>, call: Option<BorrowedFd<'_>>) -> Next {
        if let Some(command) = self.later.borrow_mut().pop_front() {
            return Next::Command(command);
        }
        self.commands.borrow_mut().as_mut().map_or(Next::Closed, |commands| commands.next(wait, call))
    }

    /// The next one that is an answer, before all others; nothing when none will come.
    pub(super) fn answer(&self, is_answer: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            let next = match &mut *self.commands.borrow_mut() {
                Some(commands) => commands.next(None, None),
                None => Next::Closed,
            };
            match next {
                Next::Command(command) if is_answer(&command) => return Some(command),
                Next::Command(command) => self.later.borrow_mut().push_back(command),
                Next::Nothing => {}
                Next::Closed => return None,
            }
        }
    }
}
