//! Whatever a page does, it ends: endless loops of every kind, exits, errors nobody catches.

use std::time::{Duration, Instant};

use super::{Ended, Event, Page, Ran};
use crate::headless::{Busy, HeadlessError};

const LIMIT: Duration = Duration::from_millis(300);

/// Runs until the limit, and says what was busy and where.
fn stopped(page: Page, script: &str) -> (Busy, String, Ran) {
    let started = Instant::now();
    let ran = page.time_limit(LIMIT).run(script);
    assert!(started.elapsed() >= LIMIT);
    match &ran.ended {
        Ok(Ended::TimedOut { busy, stack }) => (*busy, stack.clone(), ran),
        other => panic!("{other:?} {:?}", ran.events),
    }
}

const SPIN: &str = r#"(module (import "e" "f" (func $f))
    (func (export "spin") (loop $l br $l))
    (func (export "guarded") (block $h (try_table (catch_all $h) (loop $l br $l))))
    (func (export "call") (block $h (try_table (catch_all $h) call $f))))"#;
const URL: &str = "http://localhost/spin.wasm";

#[test]
fn endless_javascript_is_stopped_and_no_catch_holds_it() {
    let script = "function forever() { for (;;) { try { while (true); } catch { print('caught') } finally { print('finally') } } } forever()";
    let (busy, stack, ran) = stopped(Page::new(), script);
    assert_eq!(busy, Busy::JavaScript);
    assert!(stack.contains("forever (test.js:1"), "{stack}");
    assert_eq!(ran.events, []);
}

#[test]
fn endless_webassembly_is_stopped_and_no_catch_holds_it() {
    for export in ["spin", "guarded"] {
        let script = format!(
            "function work() {{ load('{URL}', {{e: {{f() {{}}}}}}).{export}() }}
             try {{ work() }} catch {{ print('caught') }}"
        );
        let (busy, stack, ran) = stopped(Page::new().wasm(URL, SPIN), &script);
        assert_eq!(busy, Busy::WebAssembly);
        assert!(stack.contains("work (test.js:1"), "{stack}");
        assert_eq!(ran.events, []);
    }
}

#[test]
fn endless_javascript_below_webassembly_is_stopped() {
    let script = format!("load('{URL}', {{e: {{f() {{ for (;;); }}}}}}).call(); print('after')");
    let (busy, stack, ran) = stopped(Page::new().wasm(URL, SPIN), &script);
    assert_eq!(busy, Busy::JavaScript);
    assert!(stack.contains(" f (test.js:1"), "{stack}");
    assert_eq!(ran.events, []);
}

#[test]
fn endless_jobs_and_timers_are_stopped() {
    let jobs = "const next = () => Promise.resolve().then(next); next()";
    assert_eq!(stopped(Page::new(), jobs).0, Busy::JavaScript);
    let (busy, stack, _) = stopped(Page::new(), "__native.tick = () => 3600e3");
    assert_eq!((busy, stack.as_str()), (Busy::Waiting, ""));
}

#[test]
fn memory_without_end_is_refused_and_the_script_told() {
    let script = "
        const kept = [];
        try { for (;;) kept.push(new ArrayBuffer(1 << 28)) } catch (error) { print(error.message) }
        print(kept.length);
        kept.length = 0;
        print(new ArrayBuffer(1 << 28).byteLength)";
    let ran = Page::new().run(script);
    assert!(matches!(ran.ended, Ok(Ended::Idle)), "{:?}", ran.ended);
    assert_eq!(ran.text(), "out of memory\n7\n268435456");
}

#[test]
fn exit_is_the_last_thing_that_happens() {
    let script = "
        Promise.resolve().then(() => print('job'));
        try { __native.exit(3) } catch { print('caught') } finally { print('finally') }
        print('after')";
    let ran = Page::new().run(script);
    assert!(matches!(ran.ended, Ok(Ended::Done(3))), "{:?}", ran.ended);
    assert_eq!(ran.events, []);
}

#[test]
fn timers_run_in_turn_until_none_is_left() {
    let script = "
        const due = [() => print('a'), () => { Promise.resolve().then(() => print('job')); print('b') }, () => { throw new Error('c') }, () => print('d')];
        __native.tick = () => { if (!due.length) return -1; due.shift()(); return 0 }";
    let ran = Page::new().run(script);
    assert!(matches!(ran.ended, Ok(Ended::Idle)));
    let told: Vec<String> = ran
        .events
        .iter()
        .map(|event| match event {
            Event::Console { text, .. } => text.clone(),
            Event::Uncaught { message, .. } => message.clone(),
            Event::Custom(value) => value.to_string(),
            Event::Given { name, .. } => name.clone(),
        })
        .collect();
    assert_eq!(told, ["a", "b", "job", "Error: c", "d"]);
}

#[test]
fn a_script_that_throws_is_named_with_its_stack() {
    let ran = Page::new().run("function broken() { throw new TypeError('oh') }\nbroken()");
    let Err(HeadlessError::Script { url, message, stack }) = ran.ended else { panic!("{:?}", ran.ended) };
    assert_eq!((url.as_str(), message.as_str()), ("test.js", "TypeError: oh"));
    assert!(stack.contains("broken (test.js:1"), "{stack}");
}

#[test]
fn rejections_are_tracked() {
    let script = "
        __native.onRejection = (promise, reason, handled) => print(reason.message, handled);
        const p = Promise.reject(new Error('late'));
        Promise.resolve().then(() => p.catch(() => 0));";
    assert_eq!(Page::new().run(script).text(), "late false\nlate true");
}
