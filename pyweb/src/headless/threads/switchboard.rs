//! Who is there, what each is doing, and the messages between them. A message goes to a port, and a port is on
//! some thread or on its way to one. Must not know what messages say.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::super::quickjs::{Cloned, Context, Result, Value};

/// The page's own thread.
const PAGE: usize = 0;

/// A thread's place in its group.
#[derive(Debug)]
pub(in super::super) struct Seat {
    number: usize,
    stopped: AtomicBool,
    /// Rung, with the switchboard's lock, when there is something to look at.
    bell: Condvar,
    /// The same for a thread that waits for a file descriptor; the second end rings.
    line: OnceLock<Option<(UnixStream, UnixStream)>>,
}

impl Seat {
    /// Whether this is the page's own thread.
    pub(in super::super) fn is_page(&self) -> bool {
        self.number == PAGE
    }

    /// The number by which others mean it.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether everything on this thread must come to an end.
    pub(in super::super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn ring(&self) {
        self.bell.notify_all();
        if let Some(Some((_, line))) = self.line.get() {
            // Full, it rings already.
            let _ = (&*line).write(&[0]);
        }
    }
}

/// What a thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Running,
    /// Nothing until then, unless a message comes.
    Waiting(Option<Instant>),
    /// Nothing until then, whatever comes: it waits for shared memory.
    Blocked(Option<Instant>),
    Gone,
}

#[derive(Debug)]
struct Desk {
    seat: Arc<Seat>,
    parent: Option<usize>,
    letters: VecDeque<Letter>,
    doing: Doing,
}

impl Desk {
    /// Whether it will do something by `limit` of its own accord.
    fn is_active(&self, limit: Option<Instant>) -> bool {
        let soon =
            |until: Option<Instant>| until.is_some_and(|until| limit.is_none_or(|limit| until <= limit));
        match self.doing {
            Doing::Gone => false,
            Doing::Running => true,
            Doing::Waiting(until) => !self.letters.is_empty() || soon(until),
            Doing::Blocked(until) => soon(until),
        }
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub(in super::super) enum Message {
    /// A script's data.
    Data(Arc<Cloned>),
    /// A JSON text of this room's own.
    Notice(String),
}

impl Message {
    /// What it says, to `context`.
    pub(in super::super) fn read(&self, context: Context) -> Result<Value> {
        match self {
            Message::Data(data) => context.read_clone(data),
            Message::Notice(text) => context.parse_json(text),
        }
    }
}

/// A message for a thread.
#[derive(Debug)]
pub(in super::super) struct Letter {
    /// The port it came to.
    pub(in super::super) port: u32,
    /// What it says.
    pub(in super::super) message: Message,
}

/// Where what is sent from a port comes out.
#[derive(Debug)]
enum Reach {
    /// The other one of two ends.
    End(u32),
    /// All others of this name.
    Namesakes(String),
}

#[derive(Debug)]
struct Port {
    reach: Reach,
    /// Where it is; nowhere while it is on its way.
    owner: Option<usize>,
    /// What came to it on its way.
    kept: Vec<Message>,
}

#[derive(Debug, Default)]
struct State {
    desks: Vec<Desk>,
    /// By number, so in the order they were made.
    ports: BTreeMap<u32, Port>,
    last_port: u32,
}

impl State {
    fn add(&mut self, reach: Reach) -> u32 {
        self.last_port += 1;
        self.ports.insert(self.last_port, Port { reach, owner: None, kept: Vec::new() });
        self.last_port
    }

    fn deliver(&mut self, port: u32, message: Message) {
        let Some(found) = self.ports.get_mut(&port) else { return };
        match found.owner {
            None => found.kept.push(message),
            Some(owner) => {
                let desk = &mut self.desks[owner];
                if desk.doing != Doing::Gone {
                    desk.letters.push_back(Letter { port, message });
                    desk.seat.ring();
                }
            }
        }
    }
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Woken {
    /// A message is there, or it must be looked whether to stop.
    Called,
    /// The time has passed.
    Late,
    /// No thread will ever do anything more.
    Quiet,
}

/// All of it, under one lock.
#[derive(Debug, Default)]
pub(in super::super) struct Switchboard {
    state: Mutex<State>,
}

impl Switchboard {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new thread; the first is the page's own.
    pub(super) fn enter(&self, parent: Option<&Seat>) -> Arc<Seat> {
        let mut state = self.state();
        let seat = Arc::new(Seat {
            number: state.desks.len(),
            stopped: AtomicBool::new(false),
            bell: Condvar::new(),
            line: OnceLock::new(),
        });
        let parent = parent.map(Seat::number);
        state.desks.push(Desk {
            seat: Arc::clone(&seat),
            parent,
            letters: VecDeque::new(),
            doing: Doing::Running,
        });
        seat
    }

    /// A thread has come to its end, and its ports with it.
    pub(super) fn leave(&self, seat: &Seat) {
        let mut state = self.state();
        state.ports.retain(|_, port| port.owner != Some(seat.number));
        state.desks[seat.number].doing = Doing::Gone;
        state.desks[seat.number].letters.clear();
        state.desks[PAGE].seat.ring();
    }

    /// Tells the thread of this number, and those it started, to stop.
    pub(super) fn stop(&self, number: usize) {
        let state = self.state();
        let mut stopping = vec![number];
        while let Some(number) = stopping.pop() {
            if let Some(desk) = state.desks.get(number) {
                desk.seat.stopped.store(true, Ordering::SeqCst);
                desk.seat.ring();
            }
            // A thread is started after the one that starts it.
            stopping
                .extend((number + 1..state.desks.len()).filter(|&at| state.desks[at].parent == Some(number)));
        }
    }

    /// Whether there has ever been another thread than the page's own.
    pub(in super::super) fn has_workers(&self) -> bool {
        self.state().desks.len() > 1
    }

    /// Whether there is a message for `seat`'s thread, or another is doing something, or will within `span`, or ever
    /// where there is no span.
    pub(super) fn others_active(&self, seat: &Seat, span: Option<Duration>) -> bool {
        let limit = span.and_then(|span| Instant::now().checked_add(span));
        let state = self.state();
        !state.desks[seat.number].letters.is_empty()
            || state.desks.iter().any(|desk| desk.seat.number != seat.number && desk.is_active(limit))
    }

    /// Notes that `seat`'s thread runs again.
    fn runs(&self, seat: &Seat) {
        self.state().desks[seat.number].doing = Doing::Running;
    }

    /// Notes that these run again, before they know it themselves: nobody may take them for idle meanwhile.
    pub(super) fn woken(&self, numbers: &[usize]) {
        let mut state = self.state();
        for &number in numbers {
            state.desks[number].doing = Doing::Running;
        }
    }

    /// Notes that it does nothing before `wait` has passed; whoever waits for the page to be quiet looks again.
    fn rests(state: &mut State, seat: &Seat, doing: Doing) {
        state.desks[seat.number].doing = doing;
        if !seat.is_page() {
            state.desks[PAGE].seat.ring();
        }
    }

    /// Runs `block`, in which `seat`'s thread does nothing for at most `wait`.
    pub(super) fn blocked<R>(&self, seat: &Seat, wait: Option<Duration>, block: impl FnOnce() -> R) -> R {
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        Self::rests(&mut self.state(), seat, Doing::Blocked(until));
        let done = block();
        self.runs(seat);
        done
    }

    /// The next message for `seat`.
    pub(in super::super) fn take(&self, seat: &Seat) -> Option<Letter> {
        self.state().desks[seat.number].letters.pop_front()
    }

    /// The next message for `seat` at `port`, before others.
    pub(super) fn take_from(&self, seat: &Seat, port: u32) -> Option<Letter> {
        let letters = &mut self.state().desks[seat.number].letters;
        let at = letters.iter().position(|letter| letter.port == port)?;
        letters.remove(at)
    }

    /// Waits for a message, for as long as `wait` and at most `limit`. The page's own thread, with nothing left to do
    /// itself, also hears when no other has.
    pub(in super::super) fn wait(
        &self,
        seat: &Seat,
        wait: Option<Duration>,
        limit: Option<Duration>,
    ) -> Woken {
        let after = |span: Option<Duration>| span.and_then(|span| Instant::now().checked_add(span));
        let (due, limit) = (after(wait), after(limit));
        let until = [due, limit].into_iter().flatten().min();
        let mut state = self.state();
        let woken = loop {
            if seat.is_stopped() || !state.desks[seat.number].letters.is_empty() {
                break Woken::Called;
            }
            Self::rests(&mut state, seat, Doing::Waiting(due));
            let others = || state.desks.iter().filter(|desk| desk.seat.number != seat.number);
            if seat.is_page() && due.is_none() && !others().any(|desk| desk.is_active(None)) {
                break Woken::Quiet;
            }
            let Some(until) = until else {
                state = seat.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break Woken::Late;
            }
            state = seat.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.desks[seat.number].doing = Doing::Running;
        woken
    }

    /// Waits by `wait_for` instead, which returns when the descriptor it gets is readable; not at all when there is
    /// a message already. Without other threads there is no descriptor.
    pub(in super::super) fn wait_with<R>(
        &self,
        seat: &Seat,
        wait: Option<Duration>,
        wait_for: impl FnOnce(Option<Duration>, Option<BorrowedFd<'_>>) -> R,
    ) -> R {
        if !self.has_workers() {
            return wait_for(wait, None);
        }
        let line = seat.line.get_or_init(|| {
            let (heard, rung) = UnixStream::pair().ok()?;
            heard.set_nonblocking(true).and_then(|()| rung.set_nonblocking(true)).ok()?;
            Some((heard, rung))
        });
        let wait = {
            let mut state = self.state();
            let due = wait.and_then(|wait| Instant::now().checked_add(wait));
            Self::rests(&mut state, seat, Doing::Waiting(due));
            if state.desks[seat.number].letters.is_empty() { wait } else { Some(Duration::ZERO) }
        };
        let done = wait_for(wait, line.as_ref().map(|(heard, _)| heard.as_fd()));
        self.runs(seat);
        if let Some((heard, _)) = line {
            let mut rings = [0; 64];
            while (&*heard).read(&mut rings).is_ok_and(|count| count == rings.len()) {}
        }
        done
    }

    /// Two ports, each the other's end, neither on any thread yet.
    pub(super) fn pair(&self) -> (u32, u32) {
        let mut state = self.state();
        let next = state.last_port + 1;
        (state.add(Reach::End(next + 1)), state.add(Reach::End(next)))
    }

    /// A port, not on any thread yet, that reaches all others of its name.
    pub(super) fn channel(&self, name: String) -> u32 {
        self.state().add(Reach::Namesakes(name))
    }

    /// From now on `port` is on `seat`'s thread, which gets what came to it on its way.
    pub(super) fn open(&self, port: u32, seat: &Seat) {
        let mut state = self.state();
        let Some(found) = state.ports.get_mut(&port) else { return };
        found.owner = Some(seat.number);
        let kept = std::mem::take(&mut found.kept);
        let letters = kept.into_iter().map(|message| Letter { port, message });
        state.desks[seat.number].letters.extend(letters);
    }

    /// `port` leaves the thread that has it; what has come to it goes with it.
    pub(super) fn move_on(&self, port: u32, seat: &Seat) {
        let mut state = self.state();
        let letters = std::mem::take(&mut state.desks[seat.number].letters);
        let (going, staying): (VecDeque<_>, VecDeque<_>) =
            letters.into_iter().partition(|letter| letter.port == port);
        state.desks[seat.number].letters = staying;
        if let Some(found) = state.ports.get_mut(&port) {
            found.owner = None;
            found.kept = going.into_iter().map(|letter| letter.message).collect();
        }
    }

    /// Sends `message` from `port` to where it reaches. A closed one reaches nobody.
    pub(super) fn send(&self, port: u32, message: Message) {
        let mut state = self.state();
        match state.ports.get(&port).map(|from| &from.reach) {
            None => {}
            Some(&Reach::End(other)) => state.deliver(other, message),
            Some(Reach::Namesakes(name)) => {
                let is_other = |(number, other): &(&u32, &Port)| {
                    **number != port && matches!(&other.reach, Reach::Namesakes(own) if own == name)
                };
                let others: Vec<u32> =
                    state.ports.iter().filter(is_other).map(|(number, _)| *number).collect();
                for other in others {
                    state.deliver(other, message.clone());
                }
            }
        }
    }

    /// Tells whoever has `port`.
    pub(super) fn tell(&self, port: u32, notice: String) {
        self.state().deliver(port, Message::Notice(notice));
    }

    /// Closes `port`, and its other end.
    pub(super) fn close(&self, port: u32) {
        let mut state = self.state();
        if let Some(Port { reach: Reach::End(other), .. }) = state.ports.remove(&port) {
            state.ports.remove(&other);
        }
    }
}
