//! Threads, ports and shared memory for the scripts; the table is in [`super::super::natives`].

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::super::Ended;
use super::super::host::Host;
use super::super::natives::Native;
use super::super::quickjs::{Call, Result, Shared, Value};
use super::switchboard::Message;
use super::waiters::Waited;

pub(in super::super) const NATIVES: &[(&str, Native)] = &[
    ("threadStart", start),
    ("threadStop", stop),
    ("threadEnd", end),
    ("threadsActive", active),
    ("threadsStarted", started),
    ("numbers", numbers),
    ("portPair", pair),
    ("portChannel", channel),
    ("portOpen", open),
    ("portMove", move_on),
    ("portSend", send),
    ("portReceive", receive),
    ("portClose", close),
    ("routed", routed),
    ("atomicsWait", wait),
    ("atomicsNotify", notify),
    ("sharedLength", shared_length),
];

fn start(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let text = call.context.global().get("JSON")?.get("stringify")?.call(&[call.argument(0)])?.to_text()?;
    let Ok(config) = serde_json::from_str(&text) else {
        return Err(call.context.type_error("threadStart: the value has no JSON"));
    };
    match host.group.start(&host.seat, config) {
        Ok(number) => Ok(call.context.count(number)),
        Err(error) => Err(call.context.range_error(&error.to_string())),
    }
}

fn stop(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.group.stop(call.argument(0).to_u32()? as usize);
    Ok(call.context.undefined())
}

fn end(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.end(Ended::Done(0));
    Err(call.context.uncatchable_error("the worker was closed"))
}

fn active(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let span = call.argument(0);
    let span = if span.is_undefined() { None } else { milliseconds(span.to_f64()?) };
    Ok(call.context.boolean(host.group.switchboard.others_active(&host.seat, span)))
}

#[expect(clippy::unnecessary_wraps, reason = "every native has this shape")]
fn started(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    Ok(call.context.boolean(host.group.switchboard.has_workers()))
}

/// Nothing for what is longer than any wait.
fn milliseconds(span: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(span.max(0.0) / 1e3).ok()
}

fn numbers(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    Ok(call.context.count(host.group.numbers(call.argument(0).to_u32()?) as usize))
}

#[expect(clippy::unnecessary_wraps, reason = "every native has this shape")]
fn pair(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (left, right) = host.group.switchboard.pair();
    Ok(call.context.array([left, right].map(|port| call.context.count(port as usize))))
}

fn open(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.group.switchboard.open(call.argument(0).to_u32()?, &host.seat);
    Ok(call.context.undefined())
}

fn move_on(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.group.switchboard.move_on(call.argument(0).to_u32()?, &host.seat);
    Ok(call.context.undefined())
}

fn channel(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    Ok(call.context.count(host.group.switchboard.channel(call.argument(0).to_text()?) as usize))
}

fn send(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let message = Message::Data(Arc::new(call.context.write_clone(&call.argument(1))?));
    host.group.switchboard.send(call.argument(0).to_u32()?, message);
    Ok(call.context.undefined())
}

fn receive(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    match host.group.switchboard.take_from(&host.seat, call.argument(0).to_u32()?) {
        Some(letter) => letter.message.read(call.context),
        None => Ok(call.context.undefined()),
    }
}

fn routed(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let routed = call.argument(0);
    if !routed.is_undefined() {
        host.group.set_routed(routed.to_i32()? != 0);
    }
    Ok(call.context.boolean(host.group.is_routed()))
}

fn close(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.group.switchboard.close(call.argument(0).to_u32()?);
    Ok(call.context.undefined())
}

/// The shared memory of `argument(0)` and the offset that `argument(1)` is into it.
fn place(call: &Call<'_>) -> Result<(Shared, usize)> {
    let Some(shared) = Shared::of(&call.argument(0)) else {
        return Err(call.context.type_error("[object Array] is not a shared typed array."));
    };
    Ok((shared, call.argument(1).to_u32()? as usize))
}

fn wait(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let context = call.context;
    let (shared, offset) = place(call)?;
    let is_long = call.argument(2).to_i32()? != 0;
    let expected = call.argument(3);
    let expected = if is_long { expected.to_big_i64()? } else { i64::from(expected.to_i32()?) };
    let limit = milliseconds(call.argument(4).to_f64()?);
    if host.seat.is_page() {
        return Err(context.type_error("Atomics.wait cannot be called in this context"));
    }
    let load = || if is_long { shared.load_i64(offset) } else { shared.load_i32(offset).map(i64::from) };
    if load().is_none() {
        return Err(context.range_error("Invalid atomic access index"));
    }
    let (group, seat) = (&host.group, &host.seat);
    let waited = group.switchboard.blocked(seat, limit, || {
        let as_expected = || load() == Some(expected);
        group.waiters.wait(seat.number(), shared.address() + offset, as_expected, limit, || seat.is_stopped())
    });
    Ok(context.string(match waited {
        Waited::Notified => "ok",
        Waited::NotEqual => "not-equal",
        Waited::TimedOut => "timed-out",
        Waited::Stopped => {
            host.end(Ended::Done(0));
            return Err(context.uncatchable_error("the worker was stopped"));
        }
    }))
}

fn notify(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (shared, offset) = place(call)?;
    let count = call.argument(2).to_f64()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates: all of them")]
    let count = count as usize;
    let woken = host.group.waiters.notify(shared.address() + offset, count);
    host.group.switchboard.woken(&woken);
    Ok(call.context.count(woken.len()))
}

fn shared_length(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let Some(shared) = Shared::of(&call.argument(0)) else {
        return Err(call.context.type_error("receiver is not a SharedArrayBuffer"));
    };
    Ok(call.context.count(shared.grown(call.argument(1).to_u32()? as usize)))
}
