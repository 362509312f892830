//! The WebAssembly JavaScript API: identity, tables, globals, memories, values across the boundary.

use super::Page;

const URL: &str = "http://localhost/a.wasm";

fn printed(module: &str, script: &str) -> String {
    Page::new().wasm(URL, module).run(&format!("const url = '{URL}';\n{script}")).text()
}

#[test]
fn a_function_is_the_same_object_wherever_it_is_met() {
    let module = r#"(module
        (import "e" "f" (func $f (param i32) (result i32)))
        (table (export "t") 2 funcref) (elem (i32.const 0) $g $f)
        (func $g (export "g") (result i32) i32.const 7)
        (export "again" (func $g)) (export "f" (func $f)))"#;
    let script = "
        const first = load(url, {e: {f: (x) => x + 1}});
        print(first.g === first.again, first.t.get(0) === first.g, first.t.get(1) === first.f);
        const second = load(url, {e: {f: first.f}});
        print(second.f === first.f, second.f(1), second.g === first.g, first.g.name, first.f.length);";
    assert_eq!(printed(module, script), "true true true\ntrue 2 false 0 1");
}

#[test]
fn values_cross_as_the_standard_says() {
    let module = r#"(module
        (func (export "i32") (param i32) (result i32) local.get 0)
        (func (export "i64") (param i64) (result i64) local.get 0)
        (func (export "f32") (param f32) (result f32) local.get 0)
        (func (export "f64") (param f64) (result f64) local.get 0)
        (func (export "ext") (param externref) (result externref) local.get 0)
        (func (export "fun") (param funcref) (result funcref) local.get 0)
        (func (export "two") (result i32 i64) i32.const 1 i64.const -2)
        (func (export "v128") (result v128) v128.const i64x2 0 0))"#;
    let script = "
        const e = load(url);
        print(e.i32(2 ** 32 + 5), e.i32('7'), e.i32(), e.i32(-1.9), e.i64(-5n), e.i64(2n ** 63n), e.f32(0.1), e.f64(0.1));
        const object = {}, symbol = Symbol();
        print(e.ext(object) === object, e.ext(symbol) === symbol, [null, undefined].every((x) => e.ext(x) === x));
        print(e.fun(e.i32) === e.i32, e.fun(null) === null, e.two().join());
        print(attempt(() => e.i64(1)).split(':')[0], attempt(() => e.fun(() => 1)).split(':')[0], attempt(() => e.v128()).split(':')[0]);
        print(attempt(() => e.i32({valueOf() { throw new Error('no number') }})));";
    let expected = "5 7 0 -1 -5 -9223372036854775808 0.10000000149011612 0.1\n\
        true true true\ntrue true 1,-2\nTypeError TypeError TypeError\nError: no number";
    assert_eq!(printed(module, script), expected);
}

#[test]
fn a_grown_memory_has_a_new_buffer_and_the_old_one_is_empty() {
    let module = r#"(module (memory (export "m") 1 3)
        (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
        (func (export "get") (param i32) (result i32) local.get 0 i32.load8_u))"#;
    let script = "
        const {m, grow, get} = load(url);
        const before = m.buffer;
        new Uint8Array(before)[5] = 42;
        print(get(5), m.buffer === before, m.grow(1), before.byteLength, m.buffer.byteLength, new Uint8Array(m.buffer)[5]);
        const middle = m.buffer;
        print(grow(1), m.buffer === middle, m.buffer.byteLength, middle.byteLength);
        print(attempt(() => m.grow(1)).split(':')[0], m.buffer.byteLength);";
    assert_eq!(printed(module, script), "42 true 1 0 131072 42\n2 false 196608 0\nRangeError 196608");
}

#[test]
fn what_is_imported_comes_back_as_itself() {
    let module = r#"(module
        (import "e" "m" (memory 1)) (import "e" "t" (table 1 funcref))
        (import "e" "g" (global i32)) (import "e" "tag" (tag))
        (export "m" (memory 0)) (export "t" (table 0)) (export "g" (global 0)) (export "tag" (tag 0))
        (global (export "own") i32 (i32.const 1)) (export "same" (global 1))
        (func (export "put") i32.const 0 i32.const 9 i32.store8))"#;
    let script = "
        const given = {
            m: new WebAssembly.Memory({initial: 1}), t: new WebAssembly.Table({element: 'funcref', initial: 1}),
            g: new WebAssembly.Global({value: 'i32'}), tag: new WebAssembly.Tag({parameters: []}),
        };
        const e = load(url, {e: given});
        e.put();
        print(Object.keys(given).map((name) => e[name] === given[name]).join(), e.own === e.same, e.own === e.g);
        print(new Uint8Array(given.m.buffer)[0], e.m instanceof WebAssembly.Memory, String(e.m));";
    assert_eq!(printed(module, script), "true,true,true,true true false\n9 true [object WebAssembly.Memory]");
}

#[test]
fn tables_hold_functions_and_values_and_grow() {
    let module = r#"(module (import "e" "t" (table 2 funcref)) (type $v (func (result i32)))
        (func (export "one") (result i32) i32.const 1)
        (func (export "call") (param i32) (result i32) local.get 0 call_indirect (type $v)))"#;
    let script = "
        const t = new WebAssembly.Table({element: 'anyfunc', initial: 2, maximum: 4});
        const e = load(url, {e: {t}});
        t.set(1, e.one);
        print(t.length, t.get(0), e.call(1), attempt(() => e.call(0)).split(':')[0]);
        print(t.grow(2, e.one), t.length, e.call(3), attempt(() => t.grow(1)).split(':')[0]);
        print(attempt(() => t.get(4)).split(':')[0], attempt(() => t.set(0, () => 1)).split(':')[0]);
        const values = new WebAssembly.Table({element: 'externref', initial: 1}, 'x');
        print(values.get(0), values.grow(1), values.get(1));";
    assert_eq!(printed(module, script), "2  1 RuntimeError\n2 4 1 RangeError\nRangeError TypeError\nx 1 ");
}

#[test]
fn globals_are_shared_and_constant_ones_stay() {
    let module = r#"(module (import "e" "g" (global $g (mut i64))) (import "e" "k" (global $k f64))
        (global (export "c") i32 (i32.const 5))
        (func (export "add") global.get $g i64.const 1 i64.add global.set $g)
        (func (export "k") (result f64) global.get $k))"#;
    let script = "
        const g = new WebAssembly.Global({value: 'i64', mutable: true}, 41n);
        const e = load(url, {e: {g, k: 2.5}});
        e.add();
        print(g.value, e.k(), e.c.value, attempt(() => { e.c.value = 1 }).split(':')[0]);
        g.value = -1n;
        e.add();
        print(g.value, new WebAssembly.Global({value: 'i32'}).value, new WebAssembly.Global({value: 'externref'}).value);";
    assert_eq!(printed(module, script), "42 2.5 5 TypeError\n0 0 ");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let module = r#"(module (import "e" "f" (func)) (import "e" "m" (memory 1)))"#;
    let script = "
        print(attempt(() => load(url)).split(':')[0], attempt(() => load(url, {e: {}})));
        print(attempt(() => load(url, {e: {f() {}, m: {}}})).split(':')[0]);
        const small = new WebAssembly.Memory({initial: 0});
        print(attempt(() => load(url, {e: {f() {}, m: small}})).split(':')[0]);
        print(attempt(() => new WebAssembly.Module(new Uint8Array(9))).split(':')[0], WebAssembly.validate(new Uint8Array(9)));";
    assert_eq!(
        printed(module, script),
        "TypeError LinkError: WebAssembly.Instance(): Import \"e\" \"f\": function import requires a callable\n\
         LinkError\nLinkError\nCompileError false"
    );
}

#[test]
fn a_module_tells_of_itself() {
    let module = r#"(module (@custom "note" "hi") (import "e" "f" (func)) (memory (export "m") 1) (tag (export "t")))"#;
    let script = "
        const m = new WebAssembly.Module(__native.read(url));
        print(JSON.stringify(WebAssembly.Module.imports(m)), JSON.stringify(WebAssembly.Module.exports(m)));
        const [note] = WebAssembly.Module.customSections(m, 'note');
        print(__native.dec(note, 1), WebAssembly.Module.customSections(m, 'none').length);";
    assert_eq!(
        printed(module, script),
        "[{\"module\":\"e\",\"name\":\"f\",\"kind\":\"function\"}] \
         [{\"name\":\"m\",\"kind\":\"memory\"},{\"name\":\"t\",\"kind\":\"tag\"}]\nhi 0"
    );
}

#[test]
fn calls_nest_through_both_languages() {
    let module = r#"(module (import "e" "f" (func $f (param i32) (result i32)))
        (func (export "down") (param i32) (result i32)
            local.get 0 i32.eqz if (result i32) i32.const 0
            else local.get 0 i32.const 1 i32.sub call $f i32.const 1 i32.add end))"#;
    let script = "
        let e;
        e = load(url, {e: {f: (n) => e.down(n)}});
        print(e.down(200));";
    assert_eq!(printed(module, script), "200");
}

#[test]
fn forgotten_references_are_given_back() {
    let module = r#"(module (table $t (export "t") 1 externref)
        (func (export "keep") (param externref) i32.const 0 local.get 0 table.set $t))"#;
    let script = "
        const {keep, t} = load(url);
        for (let i = 0; i < 200000; i++) keep({i, padding: new Uint8Array(1000)});
        print(t.get(0).i, __native.stats().peak_rss_bytes < 400e6);";
    assert_eq!(printed(module, script), "199999 true");
}
