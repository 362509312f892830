//! Exceptions both ways, traps, and stacks that are used up.

use super::Page;

const URL: &str = "http://localhost/a.wasm";

fn printed(module: &str, script: &str) -> String {
    Page::new().wasm(URL, module).run(&format!("const url = '{URL}';\n{script}")).text()
}

#[test]
fn an_exception_keeps_its_identity_through_the_other_language() {
    let module = r#"(module
        (import "e" "f" (func $f)) (tag $t (export "t") (param i32 externref))
        (func (export "through") call $f)
        (func (export "throws") (param externref) i32.const 7 local.get 0 throw $t)
        (func (export "catches") (result i32)
            (block $h (result i32 externref) (try_table (catch $t $h) call $f) (return (i32.const -1))) drop)
        (func (export "swallows") (result i32)
            (block $h (try_table (catch_all $h) call $f) (return (i32.const 0))) i32.const 1))"#;
    let script = "
        let thrown = new RangeError('mine');
        const e = load(url, {e: {f() { throw thrown }}});
        const caught = (f) => { try { f() } catch (x) { return x } };
        print(caught(e.through) === thrown, e.swallows());
        for (thrown of [null, undefined, 5, 'text']) print(caught(e.through) === thrown);
        const payload = {};
        const own = caught(() => e.throws(payload));
        print(own instanceof WebAssembly.Exception, own.is(e.t), own.getArg(e.t, 0), own.getArg(e.t, 1) === payload);
        thrown = own;
        print(caught(e.through) instanceof WebAssembly.Exception, caught(e.through).getArg(e.t, 0), e.catches());
        thrown = new WebAssembly.Exception(e.t, [9, null]);
        print(e.catches(), attempt(() => own.getArg(e.t, 2)).split(':')[0]);
        thrown = new Proxy({}, {get() { throw new Error('touched') }});
        print(caught(e.through) === thrown);";
    let expected = "true 1\ntrue\ntrue\ntrue\ntrue\ntrue true 7 true\ntrue 7 7\n9 RangeError\ntrue";
    assert_eq!(printed(module, script), expected);
}

#[test]
fn a_javascript_exception_has_the_tag_of_its_own() {
    let module = r#"(module (import "e" "f" (func $f)) (import "e" "tag" (tag $js (param externref)))
        (func (export "catches") (result externref)
            (block $h (result externref) (try_table (catch $js $h) call $f) (return (ref.null extern)))))"#;
    let script = "
        const error = new Error('js');
        print(load(url, {e: {f() { throw error }, tag: WebAssembly.JSTag}}).catches() === error);";
    assert_eq!(printed(module, script), "true");
}

#[test]
fn traps_are_runtime_errors_and_no_handler_of_the_module_sees_them() {
    let module = r#"(module (memory 1)
        (func $u (export "unreachable") unreachable)
        (func (export "divide") (result i32) i32.const 1 i32.const 0 i32.div_s)
        (func (export "load") (result i32) i32.const -1 i32.load)
        (func (export "guarded") (block $h (try_table (catch_all $h) call $u))))"#;
    let script = "
        const e = load(url);
        for (const name of ['unreachable', 'divide', 'load', 'guarded']) {
            const error = attempt(e[name]);
            print(error.startsWith('RuntimeError: '), error.includes('unreachable'));
        }
        try { e.divide() } catch (x) { print(x instanceof WebAssembly.RuntimeError, x instanceof Error) }";
    assert_eq!(printed(module, script), "true true\ntrue false\ntrue false\ntrue true\ntrue true");
}

#[test]
fn a_used_up_stack_is_a_range_error_and_life_goes_on() {
    let module = r#"(module (import "e" "f" (func $f))
        (func $r (export "recurse") call $r)
        (func (export "mutual") call $f)
        (func (export "one") (result i32) i32.const 1))"#;
    let script = "
        let e;
        e = load(url, {e: {f() { e.mutual() }}});
        print(attempt(e.recurse).split(':')[0], e.one());
        print(attempt(e.mutual).split(':')[0], e.one());
        const deep = () => deep() + 1;
        print(attempt(deep).split(':')[0], e.one());";
    assert_eq!(printed(module, script), "RangeError 1\nRangeError 1\nRangeError 1");
}

#[test]
fn a_start_function_that_throws_ends_the_instantiation() {
    let module = r#"(module (import "e" "f" (func $f)) (start $f))"#;
    let script = "print(attempt(() => load(url, {e: {f() { throw new SyntaxError('at start') }}})));";
    assert_eq!(printed(module, script), "SyntaxError: at start");
}
