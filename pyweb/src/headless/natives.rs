//! The `__native` object: everything the environment scripts (`pyweb/js`) can ask of Rust.
//!
//! | function | what it does |
//! |---|---|
//! | `print(level, text)` | a console event; level `"debug"`, `"info"`, `"warn"`, `"error"`, or 1 (info) and 2 (error) |
//! | `emit(value)` | an [`Event::Custom`](super::Event::Custom) of the value's JSON |
//! | `answer(step)` | stands still until a command whose `step` that is, and gives it; `null` where none will come |
//! | `give(name, bytes)` | an [`Event::Given`](super::Event::Given) with a copy of the bytes |
//! | `config()` | [`Options::config`](super::Options::config) as a fresh object |
//! | `exit(code)` | ends the run as `Done(code)`; nothing of the page runs after it |
//! | `now()` | milliseconds since the run began, with fractions |
//! | `random(bytes)` | fills a `Uint8Array` from the system's generator |
//! | `read(url)` | the `ArrayBuffer` the site has at an absolute URL, else `null` |
//! | `mime(url)` | its media type, else `null` |
//! | `dec(bytes, fatal)` | UTF-8 to text; with `fatal`, a `TypeError` when it is none |
//! | `enc(text)` | text to an `ArrayBuffer` of UTF-8 |
//! | `url(text, base?)` | `[href, origin, protocol, host, hostname, port, pathname, search, hash, username, password]` as the URL standard says, else `null` |
//! | `urlSet(href, part, value)` | the href after setting one of those parts (not `origin`), unchanged where the standard refuses |
//! | `evalScript(source, url)` | evaluates a classic script, gives its last value |
//! | `importMap(json, base)` | adds an import map; a `TypeError` when it is none |
//! | `move(to, from, offset)` | copies bytes as `memmove`; a `RangeError` when they do not fit |
//! | `fork()` | `null` in a copy of the page; once that has ended, its exit code here, 128 + the signal that ended it, or -1; -2 for a page that has had workers |
//! | `stats()` | `{peak_rss_bytes, functions, modules}` |
//! | `setup(Exception.prototype, RuntimeError, CompileError, LinkError)` | the classes `wasm` makes objects of |
//! | `compile(bytes)` `moduleDrop(m)` | module handle, else a `CompileError`; the handle means nothing any more |
//! | `validate(bytes)` | whether `compile` would have a module for them |
//! | `imports(m)` `exports(m)` | `[module, name, kind]` and `[name, kind]` each |
//! | `customs(m, name)` | an `ArrayBuffer` for each custom section of that name |
//! | `instantiate(m, values)` | one value for each import, in order; `[name, kind, handle or function]` for each export |
//! | `memNew(initial, maximum?)` `memBuf(h)` `memGrow(h, pages)` | the same memory always has the same handle |
//! | `tblNew(element, initial, maximum?, value?)` `tblGet(h, i)` `tblSet(h, i, v?)` `tblGrow(h, n, v?)` `tblLen(h)` | |
//! | `globNew(type, mutable, value?)` `globGet(h)` `globSet(h, v)` | |
//! | `tagNew(types)` `tagJS()` | `tagJS` is `WebAssembly.JSTag` |
//! | `exnNew(tag, values)` `exnIs(e, tag)` `exnArg(e, i)` | |
//!
//! | `threadStart(config)` | the number of a new worker, which runs the same scripts and then [`Options::worker`](super::Options::worker) |
//! | `threadStop(n)` `threadEnd()` | ends that worker and its own; ends this one |
//! | `threadsActive(ms?)` | whether another thread does something, or will within so many milliseconds, or ever |
//! | `threadsStarted()` | whether there has ever been a worker |
//! | `numbers(n)` | the first of `n` numbers that no thread has got before |
//! | `portPair()` | two ports, each the other's end |
//! | `portChannel(name)` | a port that reaches all others of this name |
//! | `portOpen(p)` `portMove(p)` `portClose(p)` | it is here from now on; on its way to another thread; nowhere |
//! | `portSend(p, value)` | a copy of plain data to where the port reaches |
//! | `portReceive(p)` | the next message to a port that is here, at once |
//! | `lockClaim(ticket, p, names, alone, note?)` | whether these names may be used now, alone or with others; else `{granted: ticket}` comes to the port, and `{wanted, by, note}` to those who stand in the way |
//! | `lockShare(ticket)` `lockRefuse(ticket)` `lockRelease(ticket, undo)` | no longer alone; `{refused: ticket}` to who waits; given up, with or without what was written under it |
//! | `tableRows(table, low?, high?, limit, backwards, keysOnly)` | `[key, row]` each, in the order of the keys: bytes from `low` on, before `high` |
//! | `tableCount(table, low?, high?)` | how many those are |
//! | `tableWrite(ticket?, table, key, row?)` `tableErase(ticket?, table, low?, high?)` | a copy of plain data, or no row; no rows |
//! | `routed(0 or 1)` | whether requests of any thread must be shown to the page's own |
//! | `atomicsWait(buffer, offset, long, value, ms)` `atomicsNotify(buffer, offset, count)` | as `Atomics` has them; no wait on the page's own thread |
//! | `sharedLength(buffer, n)` | how long any thread made a `SharedArrayBuffer`, `n` at least |
//!
//! Objects of the API's classes carry their handle as `_h`.
//!
//! Five functions that the scripts hang on `__native` are called from here. A page finds none of it: the scripts
//! keep the object and take its name away before any code of the page's runs.
//!
//! | function | when |
//! |---|---|
//! | `tick()` | when no job is left; it runs one due timer or message and returns 0, or says how many milliseconds the next one is off, or -1 when there is none |
//! | `command(object)` | for each of the [`Commands`](super::Commands) |
//! | `receive(port, value)` | for each message to a port that is here |
//! | `moduleSource(url)` | for the text of a module at a `blob:` or `data:` URL |
//! | `onRejection(promise, reason, handled)` | when a promise is rejected without a handler, and when it gets one after all |

mod platform;
mod url;

use std::rc::Rc;

use super::host::Host;
use super::quickjs::{Call, Result, Value};
use super::{threads, wasm};

/// What stands behind one name of `__native`.
pub(super) type Native = fn(&Rc<Host>, &Call<'_>) -> Result<Value>;

/// Makes `globalThis.__native`.
pub(super) fn install(host: &Rc<Host>) -> Result<()> {
    let context = host.context;
    let table = context.object();
    for &(name, native) in platform::NATIVES
        .iter()
        .chain(url::NATIVES)
        .chain(threads::NATIVES)
        .chain(threads::STORED_NATIVES)
        .chain(wasm::natives())
    {
        let host = Rc::clone(host);
        let id = context.register(move |call| native(&host, call));
        table.set(name, context.function(id, name, 0, 0))?;
    }
    context.global().set("__native", table.clone())?;
    *host.natives.borrow_mut() = Some(table);
    Ok(())
}
