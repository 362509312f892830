//! Scripts that mean harm, or know no better: whatever they do with WebAssembly ends in an error that they can catch.

use super::Page;

const URL: &str = "http://localhost/a.wasm";

fn printed(module: &str, script: &str) -> String {
    Page::new().wasm(URL, module).run(&format!("const url = '{URL}';\n{script}")).text()
}

#[test]
fn a_memory_that_grows_by_itself_empties_the_old_buffer_at_once() {
    let module = r#"(module (import "e" "look" (func $look)) (memory (export "m") 1 9)
        (func (export "grow") (drop (memory.grow (i32.const 1))))
        (func (export "growAndLook") (drop (memory.grow (i32.const 1))) (call $look)))"#;
    let script = "
        let buffer, view;
        const sizes = () => print(buffer.byteLength, view.length, e.m.buffer.byteLength, e.m.buffer === e.m.buffer);
        const e = load(url, {e: {look() { sizes() }}});
        const take = () => { buffer = e.m.buffer; view = new Uint8Array(buffer, 8) };
        take(); e.grow(); sizes();
        take(); e.growAndLook();
        take(); e.m.grow(1); sizes();";
    assert_eq!(printed(module, script), "0 0 131072 true\n0 0 196608 true\n0 0 262144 true");
}

#[test]
fn what_is_too_big_is_an_error_and_takes_no_memory() {
    let module = r#"(module (table (export "t") 1 funcref) (table (export "big") 0 4000000000 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow $big (ref.null func) (local.get 0)) (drop) (i32.const 0)))"#;
    let module = module.replace("$big (ref", "1 (ref");
    let script = "
        const name = (f) => attempt(f).split(':')[0];
        const e = load(url, {});
        const tables = [{element: 'anyfunc', initial: 4294967295}, {element: 'externref', initial: 10000001}];
        print(tables.map((given) => name(() => new WebAssembly.Table(given))).join());
        print(name(() => e.t.grow(4294967294)), name(() => e.big.grow(10000001)), e.t.length, e.big.grow(3), e.big.length);
        print(name(() => new WebAssembly.Memory({initial: 65537})), name(() => new WebAssembly.Memory({initial: 1, maximum: 1}).grow(1)));
        const descriptors = [{initial: 1, maximum: 65537}, {initial: -1}, {initial: 2, maximum: 1}];
        print(descriptors.map((given) => name(() => new WebAssembly.Memory(given))).join());
        print(name(() => new WebAssembly.Table({element: 'anyfunc', initial: 2, maximum: 1})));";
    assert_eq!(
        printed(&module, script),
        "RangeError,RangeError\nRangeError RangeError 1 0 3\nRangeError RangeError\nRangeError,RangeError,RangeError\nRangeError"
    );
}

#[test]
fn conversions_may_run_anything_in_the_middle_of_a_call() {
    let module = r#"(module (import "e" "f" (func $f (param i32 i32) (result i32)))
        (memory (export "m") 1 100) (global (export "g") (mut i32) (i32.const 1)) (table (export "t") 1 funcref)
        (func $sum (export "sum") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func (export "through") (param i32 i32) (result i32) (call $f (local.get 0) (local.get 1))))"#;
    let script = "
        const module = new WebAssembly.Module(__native.read(url));
        let depth = 0;
        const busy = (number) => ({valueOf() {
            e.m.grow(1);
            e.g.value = depth;
            e.t.set(0, e.sum);
            if (depth++ < 20) {
                new WebAssembly.Instance(module, {e: {f: e.sum}}).exports.through(busy(1), 2);
                e.through(1, busy(2));
            }
            depth--;
            new Uint8Array(e.m.buffer).fill(number);
            return number;
        }});
        const e = new WebAssembly.Instance(module, {e: {f: (a, b) => busy(a + b)}}).exports;
        depth = 18;
        print(e.sum(busy(3), busy(4)), e.through(busy(5), 6), e.t.get(0) === e.sum);
        e.g.value = busy(9);
        print(e.g.value, new Uint8Array(e.m.buffer)[0]);
        const thrower = {valueOf() { throw new RangeError('mine') }};
        print(attempt(() => e.sum(1, thrower)), attempt(() => { e.g.value = thrower }), attempt(() => e.sum(1n, 2)).split(':')[0]);
        print(e.sum(1, 2));";
    let expected = "7 11 true\n9 9\nRangeError: mine RangeError: mine TypeError\n3";
    assert_eq!(printed(module, script), expected);
}

#[test]
fn handles_that_a_script_made_up_lead_nowhere_else() {
    let module = r#"(module (memory (export "m") 1) (tag (export "t")) (func (export "f")) (table (export "a") 1 funcref))"#;
    let script = r"
        const e = load(url, {});
        const forged = [-1, 99, 2 ** 32 - 1, 1.5, 'x', {}, null, NaN].map((_h) => {
            const kinds = [['Memory', (o) => o.buffer], ['Table', (o) => o.get(0)], ['Global', (o) => o.value], ['Tag', (o) => new WebAssembly.Exception(o, [])]];
            return kinds.map(([kind, use]) => {
                const object = Object.create(WebAssembly[kind].prototype);
                Object.defineProperty(object, '_h', {value: _h});
                // A number that happens to mean something means a thing of the same kind.
                return /^TypeError|^RangeError|^\[object|^null$|^function/.test(attempt(() => use(object)));
            }).every(Boolean);
        });
        print(forged.every(Boolean));
        const bare = (Class) => Object.create(WebAssembly[Class].prototype);
        print(attempt(() => bare('Exception').is(e.t)).split(':')[0], attempt(() => new WebAssembly.Instance(bare('Module'))).split(':')[0]);
        print(attempt(() => e.a.set(0, () => 1)).split(':')[0], attempt(() => e.a.set(0, Object.create(e.f))).split(':')[0], String(e.a.get(0)));
        print(attempt(() => e.a.get(-1)).split(':')[0], attempt(() => e.a.get(1)).split(':')[0], attempt(() => e.m.grow(-1)).split(':')[0]);
        const { buffer } = e.m;
        print(attempt(() => buffer.transfer()).split(':')[0], attempt(() => buffer.resize(1)).split(':')[0], buffer.byteLength);
        const { prototype } = ArrayBuffer;
        const length = Object.getOwnPropertyDescriptor(prototype, 'byteLength').get;
        print(length.call(buffer), attempt(() => new Uint8Array(buffer, 65537)).split(':')[0]);";
    let expected = "true\nTypeError TypeError\nTypeError TypeError null\nRangeError RangeError RangeError\nTypeError TypeError 65536\n65536 RangeError";
    assert_eq!(printed(module, script), expected);
}

#[test]
fn imports_that_change_while_they_are_read_are_taken_once() {
    let module = r#"(module (import "e" "f" (func $f (result i32))) (import "e" "m" (memory 1))
        (func (export "f") (result i32) (call $f)) (start $s) (func $s (drop (call $f))))"#;
    let script = "
        const module = new WebAssembly.Module(__native.read(url));
        let reads = 0, calls = 0;
        const e = {
            get f() { reads++; if (reads < 5) new WebAssembly.Instance(module, {e}); return () => { calls++; return reads } },
            get m() { return reads < 3 ? new WebAssembly.Memory({initial: 1}) : {} },
        };
        print(attempt(() => new WebAssembly.Instance(module, {e})).split(':')[0], reads, calls);
        const memory = new WebAssembly.Memory({initial: 1});
        const own = {e: {m: memory, f() { throw new RangeError('at the start') }}};
        print(attempt(() => new WebAssembly.Instance(module, own)));
        let instances = 0;
        const again = {e: {m: memory, f() { if (++instances < 50) new WebAssembly.Instance(module, again); return 1 }}};
        print(new WebAssembly.Instance(module, again).exports.f(), instances);";
    assert_eq!(printed(module, script), "LinkError 5 0\nRangeError: at the start\n1 51");
}

#[test]
fn modules_that_nobody_has_any_more_are_given_up() {
    let module = r#"(module (func (export "f") (result i32) (i32.const 7)))"#;
    let script = "
        const bytes = __native.read(url);
        const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
        for (let i = 0; i < 500; i++) new WebAssembly.Module(bytes);
        print(WebAssembly.validate(bytes), WebAssembly.validate(new Uint8Array([0, 97, 115, 109, 9])));
        const kept = new WebAssembly.Module(bytes);
        Promise.resolve().then(() => print(__native.stats().modules, f(), new WebAssembly.Instance(kept).exports.f()));";
    assert_eq!(printed(module, script), "true false\n1 7 7");
}

#[test]
fn a_registry_tells_late_and_never_of_what_was_taken_from_it() {
    let script = "
        const told = [];
        const registry = new FinalizationRegistry((held) => { told.push(held); if (held === 7) throw new Error('in a callback') });
        const token = {};
        (() => registry.register({}, 'taken back', token))();
        (() => registry.register({}, 'soon'))();
        print(registry.unregister(token), registry.unregister(token), attempt(() => registry.register(token, token)).split(':')[0]);
        Promise.resolve().then(() => {
            print(told.length);
            for (let i = 0; i < 300; i++) registry.register({}, i);
        }).then(() => new Promise((done) => done())).then(() => print(told.length >= 256, told[0], told.includes('taken back')));";
    assert_eq!(Page::new().run(script).text(), "true false TypeError\n0\ntrue soon false");
}
