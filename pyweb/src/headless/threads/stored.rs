//! What the threads of a page store together, for the scripts: tables, and locks by which they take turns. The
//! table of natives is in [`super::super::natives`]. Must not know what is stored.

use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::host::Host;
use super::super::natives::Native;
use super::super::quickjs::{Call, Cloned, Result, Value};
use super::locks::{Claim, Locks, Notice};
use super::switchboard::{Seat, Switchboard};
use super::tables::{Keys, Tables};

pub(in super::super) const NATIVES: &[(&str, Native)] = &[
    ("lockClaim", claim),
    ("lockShare", share),
    ("lockRefuse", refuse),
    ("lockRelease", release),
    ("tableRows", rows),
    ("tableCount", count),
    ("tableWrite", write),
    ("tableErase", erase),
];

/// Both, under one lock, which is never held while JavaScript runs.
#[derive(Debug, Default)]
pub(super) struct Stored {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    locks: Locks,
    tables: Tables<Cloned>,
}

impl Stored {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread has come to its end: it holds nothing, and what it was about to change stays as it was.
    pub(super) fn leave(&self, seat: &Seat, switchboard: &Switchboard) {
        let mut state = self.state();
        for ticket in state.locks.of(seat.number()) {
            state.tables.undo(ticket);
            tell(switchboard, state.locks.release(ticket));
        }
    }
}

fn tell(switchboard: &Switchboard, notices: impl IntoIterator<Item = Notice>) {
    for notice in notices {
        switchboard.tell(notice.port, notice.content.to_string());
    }
}

/// `lockClaim(ticket, port, names, alone, note?)`
fn claim(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (ticket, port) = (call.argument(0).to_u32()?, call.argument(1).to_u32()?);
    let list = call.argument(2);
    let names = (0..list.length()?).map(|at| list.at(at)?.to_text()).collect::<Result<Vec<_>>>()?;
    let exclusive = call.argument(3).to_i32()? != 0;
    let note = call.argument(4);
    let note = if note.is_undefined() { None } else { Some(serde_json::Value::from(note.to_text()?)) };
    let claim = Claim { ticket, seat: host.seat.number(), port, names, exclusive, note };
    let (granted, notices) = host.group.stored.state().locks.claim(claim);
    tell(&host.group.switchboard, notices);
    Ok(call.context.boolean(granted))
}

/// `lockShare(ticket)`
fn share(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let ticket = call.argument(0).to_u32()?;
    let notices = {
        let mut state = host.group.stored.state();
        state.tables.keep(ticket);
        state.locks.share(ticket)
    };
    tell(&host.group.switchboard, notices);
    Ok(call.context.undefined())
}

/// `lockRefuse(ticket)`
fn refuse(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let notice = host.group.stored.state().locks.refuse(call.argument(0).to_u32()?);
    tell(&host.group.switchboard, notice);
    Ok(call.context.undefined())
}

/// `lockRelease(ticket, undo)`
fn release(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (ticket, undo) = (call.argument(0).to_u32()?, call.argument(1).to_i32()? != 0);
    let notices = {
        let mut state = host.group.stored.state();
        if undo {
            state.tables.undo(ticket);
        } else {
            state.tables.keep(ticket);
        }
        state.locks.release(ticket)
    };
    tell(&host.group.switchboard, notices);
    Ok(call.context.undefined())
}

fn bytes(call: &Call<'_>, index: usize) -> Result<Vec<u8>> {
    call.argument(index).with_bytes(|bytes| bytes.to_vec())
}

/// The keys between `argument(index)` and the next.
fn keys(call: &Call<'_>, index: usize) -> Result<Keys> {
    let bound = |at| if call.argument(at).is_undefined() { Ok(None) } else { bytes(call, at).map(Some) };
    Ok(Keys { low: bound(index)?, high: bound(index + 1)? })
}

/// `tableRows(table, low, high, limit, backwards, keysOnly)`
fn rows(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let context = call.context;
    let (table, keys) = (call.argument(0).to_text()?, keys(call, 1)?);
    let limit = call.argument(3).to_f64()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates: all of them")]
    let limit = limit as usize;
    let (backwards, keys_only) = (call.argument(4).to_i32()? != 0, call.argument(5).to_i32()? != 0);
    let found = host.group.stored.state().tables.rows(&table, &keys, limit, backwards);
    let shown = found.into_iter().map(|(key, row)| {
        let row = if keys_only { context.undefined() } else { context.read_clone(&row)? };
        Ok(context.array([context.array_buffer(&key), row]))
    });
    Ok(context.array(shown.collect::<Result<Vec<_>>>()?))
}

/// `tableCount(table, low, high)`
fn count(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (table, keys) = (call.argument(0).to_text()?, keys(call, 1)?);
    Ok(call.context.count(host.group.stored.state().tables.count(&table, &keys)))
}

/// The ticket under which a change can be taken back.
fn writer(call: &Call<'_>) -> Result<Option<u32>> {
    let ticket = call.argument(0);
    if ticket.is_undefined() { Ok(None) } else { ticket.to_u32().map(Some) }
}

/// `tableWrite(ticket, table, key, row)`
fn write(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (writer, table, key) = (writer(call)?, call.argument(1).to_text()?, bytes(call, 2)?);
    let row = call.argument(3);
    let row = if row.is_undefined() { None } else { Some(Arc::new(call.context.write_clone(&row)?)) };
    host.group.stored.state().tables.write(writer, &table, key, row);
    Ok(call.context.undefined())
}

/// `tableErase(ticket, table, low, high)`
fn erase(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (writer, table, keys) = (writer(call)?, call.argument(1).to_text()?, keys(call, 2)?);
    host.group.stored.state().tables.erase(writer, &table, &keys);
    Ok(call.context.undefined())
}
