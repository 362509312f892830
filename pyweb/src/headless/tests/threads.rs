//! Workers from the inside: messages, shared memory, waiting, ends of every kind.

use std::time::Duration;

use super::{Ended, Page};
use crate::headless::Busy;

const WORKER: &str = "http://localhost/worker.js";

/// A page whose workers run `worker`, which finds its port as `port` and sends by `answer(value)`.
fn page(worker: &str) -> Page {
    let head =
        "const {port} = __native.config(); const answer = (value) => __native.portSend(port, value);\n";
    Page::new().module(WORKER, &format!("{head}{worker}")).worker(WORKER)
}

/// What the page itself runs; the workers, which run the same scripts, leave it out.
fn main(script: &str) -> String {
    let help = "const start = (hear) => {
        const [here, there] = __native.portPair();
        __native.receive = (port, value) => hear(value);
        __native.portOpen(here);
        return {thread: __native.threadStart({port: there}), send: (value) => __native.portSend(here, value)};
    };";
    format!("if (!__native.config()) {{ {help} {script} }}")
}

#[test]
fn messages_go_both_ways_in_order() {
    let worker = "__native.receive = (to, value) => answer(value.map((x) => x * 2)); __native.portOpen(port)";
    let script = "const heard = [];
        const {send} = start((value) => { heard.push(value.join()); if (heard.length === 3) { print(heard.join(' ')); __native.exit(0) } });
        for (const list of [[1], [2, 3], [4]]) send(list);";
    assert_eq!(page(worker).run(&main(script)).text(), "2 4,6 8");
}

#[test]
fn plain_data_arrives_as_it_was_and_nothing_else_leaves() {
    let script = "
        const {send} = start((value) => {
            const [map, set, date, regexp, big, bytes, self, hole] = value.list;
            print(map.get('k'), set.has(2), date.getTime(), regexp, big, bytes[1], self === value, hole);
            __native.exit(0);
        });
        const value = {list: [new Map([['k', 'v']]), new Set([2]), new Date(5), /a+/gi, -22n, new Uint16Array([7, 513])]};
        value.list.push(value, undefined);
        print(attempt(() => send({f() {}})).split(':')[0]);
        send(value);";
    let worker = "__native.receive = (to, value) => answer(value); __native.portOpen(port)";
    assert_eq!(page(worker).run(&main(script)).text(), "TypeError\nv true 5 /a+/gi -22 513 true ");
}

#[test]
fn what_is_sent_before_anybody_listens_is_kept() {
    let worker = "answer('early'); __native.receive = (to, value) => answer(value); __native.portOpen(port)";
    let script = "const heard = [];
        const {send} = start((value) => { heard.push(value); if (heard.length === 2) { print(heard.sort().join()); __native.exit(0) } });
        send('also early');";
    assert_eq!(page(worker).run(&main(script)).text(), "also early,early");
}

#[test]
fn shared_memory_is_the_same_on_both_sides_and_wakes_who_waits() {
    let worker = "
        __native.receive = (to, cells) => {
            const outcome = __native.atomicsWait(cells.buffer, 4, 0, 0, Infinity);
            answer([outcome, cells[1], __native.atomicsWait(cells.buffer, 4, 0, 0, 1e9), __native.atomicsWait(cells.buffer, 0, 0, 0, 5)]);
        };
        __native.portOpen(port)";
    let script = "
        const cells = new Int32Array(new SharedArrayBuffer(16));
        const {send} = start((value) => { print(value.join()); __native.exit(0) });
        print(attempt(() => __native.atomicsWait(cells.buffer, 0, 0, 0, 0)).split(':')[0]);
        print(attempt(() => __native.dec(new Uint8Array(cells.buffer), 0)).split(':')[0]);
        send(cells);
        __native.tick = () => {
            if (!__native.threadsActive()) { cells[1] = 42; __native.atomicsNotify(cells.buffer, 4, Infinity) }
            return 1;
        };";
    assert_eq!(page(worker).run(&main(script)).text(), "TypeError\nTypeError\nok,42,not-equal,timed-out");
}

#[test]
fn a_page_is_done_when_no_thread_has_anything_to_do() {
    let waits = "__native.receive = () => {}; __native.portOpen(port)";
    let blocks = "__native.atomicsWait(new SharedArrayBuffer(4), 0, 0, 0, Infinity)";
    let ends = "__native.threadEnd()";
    for worker in [waits, blocks, ends] {
        let ran = page(worker).run(&main("start(() => {}); start(() => {})"));
        assert!(matches!(ran.ended, Ok(Ended::Idle)), "{worker}: {:?} {:?}", ran.ended, ran.events);
        assert_eq!(ran.events, []);
    }
}

const SPIN: &str = r#"(module (func (export "spin") (loop $l br $l)))"#;
const SPIN_URL: &str = "http://localhost/spin.wasm";

#[test]
fn a_worker_that_never_ends_is_stopped_with_its_page_or_before() {
    for endless in ["for (;;);", "load('http://localhost/spin.wasm', {}).spin()"] {
        let worker = format!(
            "globalThis.load = (url, imports) => new WebAssembly.Instance(new WebAssembly.Module(__native.read(url)), imports).exports; answer('begun'); {endless}"
        );
        let page = page(&worker).wasm(SPIN_URL, SPIN);
        assert_eq!(page.run(&main("start((value) => { print(value); __native.exit(0) })")).text(), "begun");
        let stop = "const {thread} = start((value) => { print(value); __native.threadStop(thread) })";
        assert_eq!(page.run(&main(stop)).text(), "begun");
    }
}

#[test]
fn the_time_limit_names_the_worker_that_is_busy() {
    for (endless, busy) in [
        ("for (;;);", Busy::JavaScript),
        (
            "new WebAssembly.Instance(new WebAssembly.Module(__native.read('http://localhost/spin.wasm')), {}).exports.spin()",
            Busy::WebAssembly,
        ),
    ] {
        let worker = format!("__native.receive = function work() {{ {endless} }};\n__native.portOpen(port)");
        let page = page(&worker).wasm(SPIN_URL, SPIN).time_limit(Duration::from_millis(300));
        let ran = page.run(&main("start(() => {}).send(1)"));
        let Ok(Ended::TimedOut { busy: was, stack }) = &ran.ended else {
            panic!("{:?} {:?}", ran.ended, ran.events)
        };
        assert_eq!(*was, busy);
        assert!(stack.contains("work (http://localhost/worker.js:2"), "{stack}");
    }
}

#[test]
fn a_worker_whose_script_fails_says_so() {
    let ran = page("throw new RangeError('at the start')").run(&main("start(() => {})"));
    assert!(format!("{:?}", ran.events).contains("RangeError: at the start"), "{:?}", ran.events);
}

#[test]
fn workers_have_workers_and_end_with_them() {
    let worker = "
        const config = __native.config();
        if (config.inner) { answer('inner'); for (;;); }
        const [here, there] = __native.portPair();
        __native.receive = (to, value) => answer(`outer heard ${value}`);
        __native.portOpen(here);
        __native.threadStart({port: there, inner: true});";
    let script = "const {thread} = start((value) => { print(value); __native.threadStop(thread) })";
    assert_eq!(page(worker).run(&main(script)).text(), "outer heard inner");
}
