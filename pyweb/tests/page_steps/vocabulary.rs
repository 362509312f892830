//! What a person does and what a test says of it, in Playwright's words: the same in both engines.

use serde_json::{Value, json};

use super::support::{goto, in_both, steps_of, values};

fn on(css: &str) -> Value {
    json!([{"css": css}])
}

fn told(text: &str) -> Value {
    json!({"step": "expect", "locator": on("#log"), "matcher": "to_have_text", "expected": text})
}

fn count(part: &Value) -> Value {
    json!({"step": "read", "what": "count", "locator": [part]})
}

fn expected(css: &str, matcher: &str, more: &Value) -> Value {
    let mut step = json!({"step": "expect", "locator": on(css), "matcher": matcher});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

#[test]
fn files_are_chosen_read_and_sent() {
    in_both(|carry_out| {
        let file =
            |name: &str, content: &str| json!({"name": name, "type": "text/plain", "content": content});
        let chosen =
            |css: &str, files: Value| json!({"step": "set_input_files", "locator": on(css), "files": files});
        let steps = [
            goto("/"),
            chosen("#one", json!([file("a.txt", "aGVsbG8=")])),
            told("a.txt text/plain 5 hello"),
            chosen("#many", json!([file("b.txt", "Yg=="), file("c.txt", "Y2M=")])),
            told("a.txt text/plain 5 hello|b.txt text/plain 1 b|c.txt text/plain 2 cc"),
            expected("#one", "to_have_value", &json!({"expected": "C:\\fakepath\\a.txt"})),
            json!({"step": "evaluate", "expression": "async () => {
                const { files } = document.querySelector('#many');
                const reader = new FileReader();
                const read = new Promise((resolve) => (reader.onload = () => resolve(reader.result)));
                reader.readAsDataURL(files[1]);
                const data = new FormData();
                data.append('file', files.item(0));
                const body = await new Response(new Blob([await new Request('/', { method: 'POST', body: data }).arrayBuffer()])).text();
                return [await read, body.includes('filename=\"b.txt\"'), files.length];
            }"}),
            chosen("#one", json!([])),
            expected("#one", "to_have_value", &json!({"expected": ""})),
        ];
        let said = values(&carry_out("person", &steps, &[], 0), "evaluate").remove(0);
        assert_eq!(said, json!(["data:text/plain;base64,Y2M=", true, 2]));
        let records = carry_out("person", &[goto("/"), chosen("#text", json!([file("a", "")]))], &[], 1);
        assert!(steps_of(&records)[1]["message"].as_str().unwrap().contains("takes no files"), "{records:?}");
    });
}

#[test]
fn selectors_have_what_playwright_adds() {
    in_both(|carry_out| {
        let selectors = [
            ("li:has-text(\"milk\")", 2),
            ("li:has-text('MILK'):visible", 1),
            ("li:visible", 2),
            ("li:has-text(\"bread\") button", 1),
            ("li:has-text(\"bread\") > button:text-is(\"Remove\")", 1),
            ("li:has-text(\"milk\").done", 0),
            ("li:has-text(\"bread\").done button, h1, #log", 2),
            ("li:has-text(\"milk\"):not(:is(.done, :nth-child(3)))", 1),
            ("button:text(\"remo\")", 3),
            (":text-is(\"Ask\")", 1),
            ("ul >> li", 3),
        ];
        let mut steps = vec![goto("/")];
        steps.extend(selectors.iter().map(|(css, _)| match css.split_once(" >> ") {
            Some((outer, inner)) => {
                json!({"step": "read", "what": "count", "locator": [{"css": outer}, {"css": inner}]})
            }
            None => count(&json!({"css": css})),
        }));
        steps.extend([
            count(&json!({"xpath": "//li[button]"})),
            json!({"step": "read", "what": "count", "locator": [{"css": "#list"}, {"xpath": ".//button"}]}),
            json!({"step": "read", "what": "text_content", "locator": [{"css": "b"}, {"xpath": ".."}, {"css": "b"}]}),
        ]);
        let read = values(&carry_out("person", &steps, &[], 0), "read");
        for ((selector, expected), read) in selectors.iter().zip(&read) {
            assert_eq!(read, expected, "{selector}");
        }
        assert_eq!(read[selectors.len()..], [json!(3), json!(3), json!("b")]);
        let bad = carry_out("person", &[goto("/"), count(&json!({"xpath": "//["}))], &[], 1);
        assert_eq!(steps_of(&bad)[1]["code"], "bad_selector");
    });
}

#[test]
fn keys_are_held_and_things_dragged() {
    in_both(|carry_out| {
        let key = |step: &str, key: &str| json!({"step": step, "key": key});
        let steps = [
            goto("/"),
            json!({"step": "click", "locator": on("li:has-text('bread')"), "modifiers": ["Shift", "Alt"]}),
            told("clicked shiftKey+altKey"),
            json!({"step": "drag", "locator": on("#from"), "to": on("#to")}),
            told("clicked shiftKey+altKey|dropped treasure"),
            json!({"step": "drag", "locator": on("#handle"), "to": on("#to")}),
            told("clicked shiftKey+altKey|dropped treasure|held 1|let go 0"),
            json!({"step": "evaluate", "expression": "void (document.querySelector('#log').textContent = '')"}),
            json!({"step": "select_text", "locator": on("#text")}),
            key("key_down", "Shift"),
            key("press", "X"),
            key("key_up", "Shift"),
            json!({"step": "insert_text", "text": " and more"}),
            expected("#text", "to_have_value", &json!({"expected": "X and more"})),
            told("down Shift shift|down X shift|up X|up Shift"),
            json!({"step": "click", "locator": on("#ask"), "trial": true}),
            told("down Shift shift|down X shift|up X|up Shift"),
        ];
        carry_out("person", &steps, &[], 0);
    });
}

#[test]
fn assertions_speak_of_roles_names_and_states() {
    in_both(|carry_out| {
        let steps = [
            goto("/"),
            expected("#text", "to_have_accessible_name", &json!({"expected": "Text"})),
            expected("#text", "to_have_accessible_description", &json!({"expected": "Anything goes"})),
            expected("#text", "to_have_role", &json!({"expected": "textbox"})),
            json!({"step": "evaluate", "expression": "void (document.querySelector('#box').indeterminate = true)"}),
            expected("#box", "to_be_checked", &json!({"options": {"indeterminate": true}})),
            expected("#box", "to_be_checked", &json!({"negated": true})),
            json!({"step": "click", "locator": on("#box")}),
            expected("#box", "to_be_checked", &json!({})),
            json!({"step": "evaluate_all", "locator": on("li"), "expression": "(items, more) => items.length + more", "argument": 1}),
        ];
        assert_eq!(values(&carry_out("person", &steps, &[], 0), "evaluate_all"), [json!(4)]);
    });
}

#[test]
fn dialogs_are_answered_by_the_test() {
    in_both(|carry_out| {
        let click = |css: &str| json!({"step": "click", "locator": on(css)});
        let answer = |dialog: u64, more: Value| {
            let mut step = json!({"step": "dialog_answer", "dialog": dialog});
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            step
        };
        let steps = [
            json!({"step": "dialogs", "asks": true}),
            goto("/"),
            click("#ask"),
            answer(1, json!({"accept": true})),
            told("yes"),
            click("#ask"),
            answer(2, json!({"accept": false})),
            click("#name"),
            answer(3, json!({"accept": true, "text": "Ada"})),
            click("#name"),
            answer(4, json!({"accept": false})),
            click("#tell"),
            answer(5, json!({"accept": true})),
            told("yes|no|name Ada|name None|told"),
        ];
        let records = carry_out("person", &steps, &[], 0);
        let opened = kit::of_type(&records, "pyweb.dialog.opened");
        let opened: Vec<Value> = opened
            .iter()
            .map(|dialog| json!([dialog["kind"], dialog["message"], dialog["default_value"]]))
            .collect();
        let prompt = json!(["prompt", "Who?", "nobody"]);
        let confirm = json!(["confirm", "Sure?", ""]);
        assert_eq!(
            opened,
            [confirm.clone(), confirm, prompt.clone(), prompt, json!(["alert", "Listen", ""])]
        );
    });
}
