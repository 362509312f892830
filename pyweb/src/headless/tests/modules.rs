//! ES modules from the site, URLs, text and bytes.

use super::{Event, Page};

#[test]
fn modules_import_each_other_by_url() {
    let page = Page::new()
        .module("http://localhost/a/main.js", "import {b} from '../b.js?x=1'; import data from './d.json'; print(b, data.n, import.meta.url); const {c} = await import('/c.js'); print(c)")
        .module("http://localhost/b.js?x=1", "export const b = import.meta.url")
        .module("http://localhost/c.js", "export const c = 'late'")
        .file("http://localhost/a/d.json", "application/json", b"{\"n\": 5}".to_vec())
        .entry("http://localhost/a/main.js");
    assert_eq!(
        page.run("globalThis.print = print").text(),
        "http://localhost/b.js?x=1 5 http://localhost/a/main.js\nlate"
    );
}

#[test]
fn a_classic_script_imports_relative_to_the_page() {
    let page = Page::new().module("http://localhost/m.js", "export default 1");
    assert_eq!(page.run("import('./m.js').then((m) => print(m.default))").text(), "1");
}

#[test]
fn an_import_map_says_what_bare_names_mean() {
    let page = Page::new().module("http://localhost/lib/d3.js", "export default 'd3'").module(
        "http://localhost/m.js",
        "import d3 from 'd3'; print(d3); await import('left-pad').catch((error) => print(`${error.name}: ${error.message}`))",
    );
    let script = "globalThis.print = print; __native.importMap('{\"imports\": {\"d3\": \"./lib/d3.js\"}}', 'http://localhost/')";
    let text = page.entry("http://localhost/m.js").run(script).text();
    assert!(text.starts_with("d3\nTypeError: left-pad is a bare name that no import map"), "{text}");
}

#[test]
fn a_dynamic_import_waits_for_top_level_await() {
    let tick = "globalThis.print = print; let due = []; __native.tick = () => { if (!due.length) return -1; due.shift()(); return 0 }; globalThis.pause = () => new Promise((r) => due.push(r));";
    let page = Page::new()
        .module("http://localhost/slow.js", "await pause(); import './slower.js'; await pause(); print('slow'); export const slow = 1")
        .module("http://localhost/slower.js", "await pause(); print('slower')")
        .module("http://localhost/fails.js", "await pause(); throw new RangeError('late')")
        .module("http://localhost/m.js", "const {slow} = await import('./slow.js'); print(slow, (await import('./slow.js')).slow); await import('./fails.js').catch((e) => print(e.message)); await import('./fails.js').catch((e) => print(e.message))");
    assert_eq!(page.entry("http://localhost/m.js").run(tick).text(), "slower\nslow\n1 1\nlate\nlate");
}

#[test]
fn a_missing_or_broken_module_is_an_event_with_its_url() {
    for (page, word) in [
        (Page::new().module("http://localhost/m.js", "import './none.js'"), "none.js"),
        (Page::new().module("http://localhost/m.js", "let x = ;"), "SyntaxError"),
        (Page::new().module("http://localhost/m.js", "throw new Error('at top')"), "at top"),
    ] {
        let ran = page.entry("http://localhost/m.js").run("");
        let [Event::Uncaught { message, .. }] = &ran.events[..] else { panic!("{:?}", ran.events) };
        assert!(message.contains("m.js") && message.contains(word), "{message}");
    }
}

#[test]
fn urls_follow_the_standard() {
    let script = "
        print(__native.url('../x y?q#h', 'http://u:p@Example.COM:80/a/b/c').join(' '));
        print(__native.url('no url'), __native.url('data:text/plain,hi')[6]);
        print(__native.urlSet('http://a/', 'port', '8080'), __native.urlSet('http://a/', 'port', 'x'), __native.urlSet('http://a/b', 'search', 'k=v'));
        print(__native.url('http://münchen.example/')[4]);";
    assert_eq!(
        Page::new().run(script).text(),
        "http://u:p@example.com/a/x%20y?q#h http://example.com http: example.com example.com  /a/x%20y ?q #h u p\n \
         text/plain,hi\nhttp://a:8080/ http://a/ http://a/b?k=v\nxn--mnchen-3ya.example"
    );
}

#[test]
fn text_and_bytes_are_converted() {
    let script = r"
        const bytes = new Uint8Array(__native.enc('aä€😀'));
        print(bytes.length, __native.dec(bytes, 1), __native.dec(new Uint8Array([0x61, 0xff]), 0) === 'a\ufffd');
        print(attempt(() => __native.dec(new Uint8Array([0xff]), 1)).split(':')[0]);
        const to = new Uint8Array(4);
        __native.move(to, bytes.subarray(0, 2), 1);
        print(to.join(), attempt(() => __native.move(to, bytes, 0)).split(':')[0]);
        const random = new Uint8Array(32); __native.random(random); print(random.some((x) => x));
        print(__native.read('http://localhost/none'), __native.evalScript('1 + 1', 'x.js'));";
    assert_eq!(Page::new().run(script).text(), "10 aä€😀 true\nTypeError\n0,97,195,0 RangeError\ntrue\n 2");
}

#[test]
fn emitted_values_arrive_as_json() {
    let ran = Page::new().run("__native.emit({type: 'x', list: [1, null]}); print(__native.config())");
    assert_eq!(ran.events[0], Event::Custom(serde_json::json!({"type": "x", "list": [1, null]})));
}

#[test]
fn bytes_leave_as_an_event() {
    let ran = Page::new().run("__native.give('image', new Uint8Array([9, 1, 2]).subarray(1))");
    assert_eq!(ran.events, [Event::Given { name: "image".to_owned(), bytes: vec![1, 2] }]);
}
