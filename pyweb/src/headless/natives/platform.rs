//! Natives that are neither WebAssembly nor URLs: console, time, the site's files, text, bytes.

use std::rc::Rc;

use ::url::Url;

use super::super::fork::fork;
use super::super::host::Host;
use super::super::quickjs::{Call, Result, Value};
use super::super::{Ended, Event, Level};
use super::Native;

pub(super) const NATIVES: &[(&str, Native)] = &[
    ("print", print),
    ("emit", emit),
    ("answer", answer),
    ("give", give),
    ("config", config),
    ("exit", exit),
    ("now", now),
    ("random", random),
    ("read", read),
    ("mime", mime),
    ("dec", decode),
    ("enc", encode),
    ("evalScript", evaluate),
    ("importMap", import_map),
    ("move", copy),
    ("fork", fork),
    ("stats", stats),
];

fn print(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let level = match call.argument(0).to_text()?.as_str() {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" | "2" => Level::Error,
        _ => Level::Info,
    };
    host.emit(Event::Console { level, text: call.argument(1).to_text()? });
    Ok(call.context.undefined())
}

fn emit(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let text = call.context.global().get("JSON")?.get("stringify")?.call(&[call.argument(0)])?.to_text()?;
    match serde_json::from_str(&text) {
        Ok(value) => host.emit(Event::Custom(value)),
        Err(_) => return Err(call.context.type_error("emit: the value has no JSON")),
    }
    Ok(call.context.undefined())
}

/// Stands still until it is told a step of that name; what else it is told waits.
fn answer(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let step = call.argument(0).to_text()?;
    let is_answer = |command: &str| {
        serde_json::from_str::<serde_json::Value>(command)
            .is_ok_and(|command| command["step"] == step.as_str())
    };
    host.group.watchdog.rest();
    let answer = host.orders.answer(is_answer);
    host.group.watchdog.arm();
    answer.map_or_else(|| Ok(call.context.null()), |answer| call.context.parse_json(&answer))
}

fn give(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let name = call.argument(0).to_text()?;
    let bytes = call.argument(1).with_bytes(|bytes| bytes.to_vec())?;
    host.emit(Event::Given { name, bytes });
    Ok(call.context.undefined())
}

fn config(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    call.context.parse_json(&host.options.config.to_string())
}

fn exit(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    host.end(Ended::Done(call.argument(0).to_i32()?));
    Err(call.context.uncatchable_error("the page was closed"))
}

#[expect(clippy::unnecessary_wraps, reason = "every native has this shape")]
fn now(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    Ok(call.context.number(host.group.started.elapsed().as_secs_f64() * 1e3))
}

fn random(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    use std::io::Read;
    let filled = call.argument(0).with_bytes(|bytes| {
        std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes))
    })?;
    match filled {
        Ok(()) => Ok(call.context.undefined()),
        Err(error) => Err(call.context.type_error(&format!("no random numbers: {error}"))),
    }
}

fn read(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let resource = host.group.site.get(&call.argument(0).to_text()?);
    Ok(resource.map_or_else(|| call.context.null(), |found| call.context.array_buffer(&found.bytes)))
}

fn mime(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let resource = host.group.site.get(&call.argument(0).to_text()?);
    Ok(resource.map_or_else(|| call.context.null(), |found| call.context.string(&found.mime)))
}

fn decode(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let fatal = call.argument(1).to_i32()? != 0;
    let text = call.argument(0).with_bytes(|bytes| match std::str::from_utf8(bytes) {
        Ok(text) => Some(call.context.string(text)),
        Err(_) if fatal => None,
        Err(_) => Some(call.context.string(&String::from_utf8_lossy(bytes))),
    })?;
    text.ok_or_else(|| call.context.type_error("the bytes are not valid UTF-8"))
}

fn encode(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    Ok(call.context.array_buffer(call.argument(0).to_text()?.as_bytes()))
}

fn evaluate(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    call.context.evaluate(&call.argument(0).to_text()?, &call.argument(1).to_text()?)
}

fn import_map(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let (text, base) = (call.argument(0).to_text()?, call.argument(1).to_text()?);
    let added = match Url::parse(&base) {
        Ok(base) => host.import_map.borrow_mut().add(&text, &base),
        Err(error) => Err(error.to_string()),
    };
    added.map(|()| call.context.undefined()).map_err(|why| call.context.type_error(&why))
}

fn copy(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let offset = call.argument(2).to_f64()?;
    if offset < 0.0 {
        return Err(call.context.range_error("offset is out of bounds"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, out of bounds"
    )]
    let offset = offset as usize;
    if call.argument(0).copy_bytes(&call.argument(1), offset)? {
        return Ok(call.context.undefined());
    }
    Err(call.context.range_error("offset is out of bounds"))
}

fn stats(host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let process = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = process.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    let stats = call.context.object();
    stats.set("peak_rss_bytes", call.context.number(kibibytes.unwrap_or_default() * 1024.0))?;
    let (modules, functions) = host.objects.counts();
    stats.set("modules", call.context.count(modules))?;
    stats.set("functions", call.context.count(functions))?;
    Ok(stats)
}
