//! One connection of several: brings part after part of a file. Must not know how the parts are chosen, nor what
//! becomes of the bytes.
//!
//! Its thread may hang on a silent server long after the file has come by other ways. So nobody waits for it, and it
//! writes only under the lock, and only what is still its own.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::fs::FileError;

use super::plan::{Claim, Plan, Ticket};
use crate::error::Problem;
use crate::get::hosts::Seat;
use crate::get::{Policy, Stop};
use crate::hash::CHUNK;
use crate::source::{Access, Address};
use crate::transfer::{Answer, Ask, Body, Refusal, Transfer, Validators};

/// What the connections of one file share.
pub struct Shared {
    pub address: Address,
    /// What the request lets be told there.
    pub access: Access,
    /// Where the file will lie.
    pub path: PathBuf,
    pub transfer: Arc<Transfer>,
    pub policy: Policy,
    pub stop: Stop,
    /// Which version of the file it is.
    pub version: Validators,
    pub size: u64,
    /// How many requests were sent for it.
    pub requests: Arc<AtomicU32>,
    pub began: Instant,
    pub state: Mutex<State>,
    /// Bytes came, or something went wrong.
    pub grown: Condvar,
}

/// What they change.
pub struct State {
    pub plan: Plan,
    /// Where bytes go; nothing once the file is whole or given up.
    pub file: Option<File>,
    /// How many bytes came.
    pub came: u64,
    /// Why the file cannot be had this way.
    pub failed: Option<Problem>,
    /// Why a connection ended before its part.
    pub ended: Option<Problem>,
    /// The server serves fewer connections than it was asked for.
    pub refused: bool,
}

/// What is to be done with the bytes behind those that were just written.
enum Next {
    /// They belong to the same part.
    On,
    /// They belong to this one, which nobody else brings.
    Part(Claim),
    /// They are somebody else's, or there are none.
    Nothing,
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.grown.notify_one();
    }

    /// Brings the part of the answer that has begun to come, and then others.
    pub fn bring_first(&self, body: Body, mut claim: Claim) {
        match self.copy(body, &mut claim, u64::MAX) {
            Ok(()) => self.bring(None, None),
            // Others go on with its part if there are any, else the file is asked for anew.
            Err(problem) => self.change(|state| {
                state.plan.release(claim.ticket);
                match problem {
                    Problem::File(_) => state.failed = Some(problem),
                    _ => state.ended = Some(problem),
                }
            }),
        }
    }

    /// Brings parts as long as there are any.
    pub fn bring(&self, first: Option<Claim>, seat: Option<Seat>) {
        let mut next = first;
        let wanted = || seat.as_ref().is_some_and(Seat::is_wanted);
        let claim = || (!wanted()).then(|| self.lock().plan.claim(self.began.elapsed())).flatten();
        while let Some(mut claim) = next.take().or_else(claim) {
            if let Err(problem) = self.insist(&mut claim) {
                self.change(|state| {
                    state.plan.release(claim.ticket);
                    match problem {
                        Problem::File(_) | Problem::Changed => state.failed = Some(problem),
                        _ => (state.ended, state.refused) = (Some(problem), true),
                    }
                });
                break;
            }
        }
        drop(seat);
        self.grown.notify_one();
    }

    /// Tries a part again and again, as long as something of it comes, and as often as the policy wants without.
    fn insist(&self, claim: &mut Claim) -> Result<(), Problem> {
        let mut round = 0;
        loop {
            let Err(Refusal { problem, retry_after }) = self.part(claim) else { return Ok(()) };
            let Some(rest) = self.lock().plan.rest(claim.ticket) else { return Ok(()) };
            if rest.start > claim.bytes.start {
                round = 0;
            }
            claim.bytes = rest;
            let again = problem.is_transient() && !matches!(problem, Problem::WrongRange | Problem::Changed);
            match self.policy.wait(round, retry_after).filter(|_| again) {
                Some(wait) => self.pause(wait)?,
                None => return Err(problem),
            }
            round += 1;
        }
    }

    fn part(&self, claim: &mut Claim) -> Result<(), Refusal> {
        let Range { start: from, end: to } = claim.bytes;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let validator = self.version.strong().unwrap_or_default();
        match self.transfer.open(&self.address, Ask::Part { from, to, validator }, &self.access)? {
            Answer::Body(body) if !same(self.version.etag.as_deref(), body.validators.etag.as_deref()) => {
                Err(Problem::Changed.into())
            }
            Answer::Body(body) if body.from != from || body.size.is_some_and(|size| size != self.size) => {
                Err(Problem::WrongRange.into())
            }
            Answer::Body(body) => Ok(self.copy(body, claim, to)?),
            Answer::NotModified | Answer::NoRest => Err(Problem::WrongRange.into()),
        }
    }

    /// Writes what comes; `to` is where the answer ends.
    fn copy(&self, mut body: Body, claim: &mut Claim, to: u64) -> Result<(), Problem> {
        let mut chunk = vec![0; CHUNK];
        let mut at = claim.bytes.start;
        loop {
            if self.stop.is_set() {
                return Err(Problem::Stopped);
            }
            let read = match body.bytes.read(&mut chunk) {
                Ok(0) => return Err(Problem::Truncated { expected: self.size, got: at }),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Problem::Broken { got: at, cause: error.to_string() }),
            };
            let mut bytes = &chunk[..read];
            while !bytes.is_empty() {
                let (written, next) = self.put(claim.ticket, at, bytes)?;
                at += written as u64;
                bytes = &bytes[written..];
                match next {
                    Next::On => {}
                    Next::Part(part) => *claim = part,
                    Next::Nothing => {
                        // A body that was read to its end leaves the connection to the next request.
                        let _ = if at == to { body.bytes.read(&mut chunk) } else { Ok(0) };
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Writes as many of the bytes at `at` as belong to the part.
    fn put(&self, ticket: Ticket, at: u64, bytes: &[u8]) -> Result<(usize, Next), Problem> {
        let mut state = self.lock();
        let State { plan, file, came, .. } = &mut *state;
        let Some(file) = file else { return Err(Problem::Stopped) };
        let Some(rest) = plan.rest(ticket).filter(|rest| rest.start == at) else {
            return Ok((0, Next::Nothing));
        };
        let room = usize::try_from(rest.end - at).unwrap_or(usize::MAX).min(bytes.len());
        file.write_all_at(&bytes[..room], at).map_err(FileError::at("write", &self.path))?;
        let now = self.began.elapsed();
        plan.advance(ticket, room as u64, now);
        *came += room as u64;
        let end = at + room as u64;
        let next =
            if end < rest.end { Next::On } else { plan.claim_at(end, now).map_or(Next::Nothing, Next::Part) };
        drop(state);
        self.grown.notify_one();
        Ok((room, next))
    }

    fn pause(&self, wait: Duration) -> Result<(), Problem> {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if self.stop.is_set() || self.lock().file.is_none() {
                return Err(Problem::Stopped);
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }
}

/// A part need not say which version it is of: it comes only of the one that was asked for.
fn same(whole: Option<&str>, part: Option<&str>) -> bool {
    part.is_none() || part == whole
}
