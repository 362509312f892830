//! The live view of a run at the bottom of a terminal, kept up to date by a thread of its own.
//! Must not know what is printed above it.

mod view;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::app::Session;
use common::progress::{self, View};
use common::term::Styles;

use super::region::Region;
use crate::events::Record;
use crate::reduce::Progress;

/// How often the times on the screen go on.
const TICK: Duration = Duration::from_millis(100);
/// Lines that come in a flood do not have the view drawn below each of them.
const APART: Duration = Duration::from_millis(15);

/// The view, from its making to its drop.
pub struct Live {
    screen: Arc<Screen>,
    progress: progress::Progress,
    ticker: Option<JoinHandle<()>>,
}

impl Live {
    /// Begins, with the records that were shown before.
    pub fn begin(session: &LiveSession, seen: &[Record]) -> io::Result<Live> {
        let mut progress = Progress::default();
        for record in seen {
            progress.see(record, Duration::ZERO);
        }
        let state = State {
            progress,
            region: session.region.clone(),
            styles: session.styles,
            began: Instant::now(),
            drawn: None,
            taken_off: 0,
            ended: false,
        };
        let screen = Arc::new(Screen { state: Mutex::new(state), wake: Condvar::new() });
        let shared = Arc::clone(&screen);
        let ticker = thread::Builder::new().name("live".into()).spawn(move || shared.tick())?;
        session.progress.set_view(Some(screen.clone()));
        Ok(Live { screen, progress: session.progress.clone(), ticker: Some(ticker) })
    }

    /// Takes one record; the screen follows with the next tick.
    pub fn see(&self, record: &Record) {
        let mut state = self.screen.lock();
        let at = state.began.elapsed();
        state.progress.see(record, at);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.progress.set_view(None);
        let mut state = self.screen.lock();
        state.ended = true;
        // The terminal may be gone, and this be why.
        let _ = state.region.erase();
        drop(state);
        self.screen.wake.notify_all();
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
    }
}

/// What a view needs of the session it is for.
pub struct LiveSession {
    region: Region,
    styles: Styles,
    progress: progress::Progress,
}

impl LiveSession {
    /// None where nobody watches: no terminal, one that cannot move its cursor, or a machine that builds (`CI`).
    pub fn of(session: &Session, width: Option<u16>) -> Option<LiveSession> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let watched = width.is_some() && !session.quiet && !dumb && !set("CI");
        watched.then(|| LiveSession {
            region: Region::new(session.output()),
            styles: session.styles,
            progress: session.progress.clone(),
        })
    }
}

#[derive(Debug)]
struct Screen {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    progress: Progress,
    region: Region,
    styles: Styles,
    began: Instant,
    drawn: Option<Instant>,
    /// How many are printing.
    taken_off: usize,
    ended: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.progress.fmt(formatter)
    }
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let mut state = self.lock();
        while !state.ended {
            state.draw();
            let waited = self.wake.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl View for Screen {
    fn take_off(&self) {
        let mut state = self.lock();
        state.taken_off += 1;
        // A terminal that fails does so too for the line that is printed next, which says so.
        let _ = state.region.erase();
    }

    fn put_back(&self) {
        let mut state = self.lock();
        state.taken_off -= 1;
        if state.drawn.is_none_or(|last| last.elapsed() >= APART) {
            state.draw();
        }
    }
}

impl State {
    fn draw(&mut self) {
        if self.taken_off > 0 || self.ended {
            return;
        }
        let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) else { return };
        let buffer =
            view::view(&self.progress, self.began.elapsed(), (size.ws_col, size.ws_row), self.styles);
        let _ = self.region.draw(&buffer);
        self.drawn = Some(Instant::now());
    }
}
