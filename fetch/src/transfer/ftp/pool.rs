//! The connections of one login: made as they are needed, used for one file after the other, and never more than the
//! server allows. Must not know what is asked over them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use suppaftp::rustls::ClientConfig;

use super::Target;
use super::session::Session;
use crate::error::Problem;

/// The connections of one login.
pub struct Pool {
    /// Where they go.
    pub target: Target,
    tls: Option<Arc<ClientConfig>>,
    state: Mutex<State>,
    /// A connection was given back or lost.
    changed: Condvar,
}

struct State {
    idle: Vec<Session>,
    /// All there are: idle, at work, or being made.
    open: usize,
    /// So many the server allows, as far as is known.
    limit: usize,
}

/// A connection at work. Dropped without being given back, it is closed.
pub struct Lease {
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Whether it was idle before.
    pub reused: bool,
}

impl Pool {
    /// No connection yet.
    pub fn new(target: Target, tls: Option<Arc<ClientConfig>>) -> Pool {
        let state = State { idle: Vec::new(), open: 0, limit: usize::MAX };
        Pool { target, tls, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A connection: an idle one, else a new one. When the server takes no further one, waits for one that is at work.
    pub fn lease(self: &Arc<Pool>) -> Result<Lease, Problem> {
        loop {
            let lease = |session, reused| Lease { session: Some(session), pool: Arc::clone(self), reused };
            if let Some(session) = self.idle_or_room() {
                return Ok(lease(session, true));
            }
            match Session::connect(&self.target, self.tls.as_deref()) {
                Ok(session) => return Ok(lease(session, false)),
                Err(trouble) => {
                    let others = self.closed();
                    // The same login is at work over there, so it is the number that the server minds.
                    if others > 0 && trouble.may_be_a_limit() {
                        self.lock().limit = others;
                    } else {
                        return Err(trouble.about_login(&self.target.login));
                    }
                }
            }
        }
    }

    /// An idle connection; nothing when there is room for another.
    fn idle_or_room(&self) -> Option<Session> {
        let full = |state: &mut State| state.idle.is_empty() && state.open >= state.limit;
        let mut state = self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        let idle = state.idle.pop();
        state.open += usize::from(idle.is_none());
        idle
    }

    /// Counts one connection less, and says how many there are still.
    fn closed(&self) -> usize {
        let mut state = self.lock();
        state.open -= 1;
        self.changed.notify_one();
        state.open
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The connection.
    pub fn session(&mut self) -> &mut Session {
        #[expect(
            clippy::expect_used,
            reason = "only giving back and dropping take it, and both end the lease"
        )]
        self.session.as_mut().expect("a lease has a session")
    }

    /// Gives the connection back, fit for another file.
    pub fn give_back(mut self) {
        if let Some(session) = self.session.take() {
            self.pool.lock().idle.push(session);
            self.pool.changed.notify_one();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.hang_up();
            drop(session);
            self.pool.closed();
        }
    }
}
