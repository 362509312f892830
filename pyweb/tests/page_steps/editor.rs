//! Editors of Python in a page (`py-editor`), and the text of elements as a person reads it. The same in both engines.

use serde_json::json;

use crate::support::{goto, in_both, values};

#[test]
fn editors_run_their_code_and_what_is_put_in_its_place() {
    let button = |nth: i32| json!([{"css": ".mpy-editor-run-button"}, {"nth": nth}]);
    let output = |nth: i32, text: &str| {
        let locator = json!([{"css": ".mpy-editor-output"}, {"nth": nth}]);
        json!({"step": "expect", "matcher": "to_contain_text", "locator": locator, "expected": text, "timeout_ms": 60_000})
    };
    let run = |nth: i32| json!({"step": "click", "locator": button(nth), "timeout_ms": 60_000});
    in_both(|carry_out| {
        let code = "document.querySelector('#second').code";
        let records = carry_out(
            "editor",
            &[
                goto("/"),
                run(0),
                output(0, "hello micropython"),
                output(0, "a < b"),
                run(1),
                output(1, "ZeroDivisionError"),
                json!({"step": "evaluate", "expression": format!("{code} = 'print(greeting * 2)'")}),
                run(1),
                output(1, "hellohello"),
                json!({"step": "evaluate", "expression": code}),
            ],
            &[],
            0,
        );
        assert_eq!(values(&records, "evaluate")[1], "print(greeting * 2)");
    });
}

#[test]
fn inner_text_is_what_a_person_reads_and_can_be_written() {
    let script = r#"(() => {
        const made = (html) => Object.assign(document.body.appendChild(document.createElement("div")), {innerHTML: html});
        const read = [
            "  a \n b  ", "a<b> b </b> c", "a<br>b", "<div>a</div><div>b</div>", "a<div>b</div>c", "<p>a</p><p>b</p>", "<p>a</p>b<div>c</div>",
            "<ul><li>a</li><li> b </li></ul>", "<pre>a\n  b</pre>c", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a<script>1</script><style>b{}</style><span hidden>x</span><span style='display: none'>y</span>z",
            "<div><div>a</div></div><div></div>b", "x <br> y", "<span>a</span> <span>b</span>",
        ].map((html) => made(html).innerText);
        const written = ["one\ntwo\r\n\nthree", "", "<b>"].map((text) => { const element = made("old"); element.innerText = text; return element.innerHTML });
        const element = made("");
        for (const line of ["a", "b"]) element.innerText += `${line}\n`;
        return [read, written, element.innerHTML, document.createElement("p").innerText];
    })()"#;
    in_both(|carry_out| {
        let records =
            carry_out("editor", &[goto("/"), json!({"step": "evaluate", "expression": script})], &[], 0);
        let expected = json!([
            [
                "a b",
                "a b c",
                "a\nb",
                "a\nb",
                "a\nb\nc",
                "a\n\nb",
                "a\n\nb\nc",
                "a\nb",
                "a\n  b\nc",
                "a\tb\nc",
                "az",
                "a\nb",
                "x\ny",
                "a b"
            ],
            ["one<br>two<br><br>three", "", "&lt;b&gt;"],
            "a<br>b<br>",
            ""
        ]);
        assert_eq!(values(&records, "evaluate"), [expected]);
    });
}
