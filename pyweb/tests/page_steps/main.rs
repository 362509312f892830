//! `pyweb test --steps` from outside: what steps do and say, what tests share and what they do not, how they fail.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod between_pages;
mod deserted;
mod editor;
mod history;
mod prepared;
mod support;
mod together;
mod visibility;
mod vocabulary;

use std::process::Command;

use serde_json::{Value, json};
use support::{carry_out, goto, in_both, pages, steps_of, values};

fn log() -> Value {
    json!({"step": "read", "what": "text_content", "locator": [{"test_id": "log"}]})
}

fn py(code: &str) -> Value {
    json!({"step": "evaluate_py", "code": code})
}

#[test]
fn a_person_fills_in_a_form() {
    in_both(|carry_out| {
        let records = carry_out(
            "steps",
            &[
                goto("/"),
                json!({"step": "fill", "locator": [{"label": "Name"}], "value": "Ada"}),
                json!({"step": "press", "locator": [{"placeholder": "your name"}], "key": "Backspace"}),
                json!({"step": "type", "locator": [{"css": "#name"}], "text": "am"}),
                json!({"step": "set_checked", "locator": [{"role": "checkbox", "name": "I agree"}], "checked": true}),
                json!({"step": "select_option", "locator": [{"label": "Colour"}], "values": [{"either": "Green"}]}),
                json!({"step": "press", "locator": [{"role": "textbox", "name": "Name"}], "key": "Enter"}),
                json!({"step": "read", "what": "input_value", "locator": [{"css": "#name"}]}),
                log(),
            ],
            &[],
            0,
        );
        assert_eq!(values(&records, "select_option"), [json!(["g"])]);
        let read = values(&records, "read");
        assert_eq!(read[0], "Adam");
        assert_eq!(read[1], "Backspace | changed name | changed agree | changed colour | Enter | submitted");
    });
}

#[test]
fn only_what_is_seen_is_clicked_and_expected() {
    in_both(|carry_out| {
        let visible = |css: &str| json!({"step": "read", "what": "is_visible", "locator": [{"css": css}]});
        let records = carry_out(
            "steps",
            &[
                goto("/"),
                visible("#gone"),
                visible("#shown"),
                visible("#inside"),
                visible("#nowhere"),
                json!({"step": "click", "locator": [{"css": "#gone"}], "timeout_ms": 30}),
                json!({"step": "click", "locator": [{"role": "button", "name": "Never"}], "timeout_ms": 30}),
                json!({"step": "click", "locator": [{"css": "li"}]}),
                json!({"step": "read", "what": "count", "locator": [{"role": "listitem"}, {"has_text": "second"}, {"role": "button"}]}),
            ],
            &[],
            1,
        );
        assert_eq!(
            values(&records, "read"),
            [json!(false), json!(true), json!(false), json!(false), json!(1)]
        );
        let clicks: Vec<&Value> =
            steps_of(&records).into_iter().filter(|step| step["step"] == "click").collect();
        for (click, code, message) in [
            (clicks[0], "timeout", "locator(\"#gone\") is not visible"),
            (clicks[1], "timeout", "role button named \"Never\" is disabled"),
            (clicks[2], "strict_mode", "finds 2 elements"),
        ] {
            assert_eq!((&click["outcome"], &click["code"]), (&json!("failed"), &json!(code)));
            assert!(click["message"].as_str().unwrap().contains(message), "{click}");
        }
    });
}

#[test]
fn expectations_wait_until_they_hold() {
    in_both(|carry_out| {
        let expect = |matcher: &str, expected: Value, negated: bool| json!({"step": "expect", "locator": [{"css": "li"}], "matcher": matcher, "expected": expected, "negated": negated, "timeout_ms": 2000});
        let add = "setTimeout(() => document.querySelector('ul').insertAdjacentHTML('beforeend', '<li>third</li>'), 50)";
        let records = carry_out(
            "steps",
            &[
                goto("/"),
                json!({"step": "evaluate", "expression": add}),
                expect("to_have_count", json!(3), false),
                expect("to_have_text", json!(["first item", {"regex": "^second"}, "third"]), false),
                expect("to_contain_text", json!(["first", "third"]), false),
                expect("to_have_count", json!(2), true),
                json!({"step": "expect", "matcher": "to_have_title", "expected": "Steps"}),
                json!({"step": "expect", "locator": [{"css": "h1"}], "matcher": "to_have_text", "expected": "Another", "timeout_ms": 30}),
            ],
            &[],
            1,
        );
        let outcomes: Vec<&Value> = steps_of(&records).iter().map(|step| &step["outcome"]).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "failed").count(), 1, "{records:?}");
        let failed = steps_of(&records).pop().unwrap();
        assert_eq!(failed["code"], "expected");
        let message = failed["message"].as_str().unwrap();
        assert!(
            message.contains(r#"locator("h1") to have text "Another", got "A page of steps""#),
            "{message}"
        );
    });
}

#[test]
fn each_test_gets_the_page_as_it_was_loaded() {
    in_both(|carry_out| {
        let spoil = "import sys; sys.modules['spoiled'] = sys; window = __import__('js'); \
                     window.localStorage.setItem('spoiled', '1'); window.document.title = 'spoiled'";
        let seen = "['spoiled' in __import__('sys').modules, __import__('js').localStorage.length, __import__('js').document.title]";
        let random = "__import__('random').random()";
        let mut steps = Vec::new();
        for name in ["one", "two", "three"] {
            let script = json!({"step": "evaluate", "expression": "[Math.random(), crypto.randomUUID()]"});
            steps.extend([
                json!({"step": "test", "id": name}),
                goto("/pyodide.html"),
                py(seen),
                py(random),
                script,
                py(spoil),
            ]);
        }
        let records = carry_out("good", &steps, &[], 0);
        let values = values(&records, "evaluate_py");
        for test in values.chunks(3) {
            assert_eq!(test[0], json!([false, 0, "Counter"]));
        }
        let drawn = [&values[1], &values[4], &values[7]];
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2], "{drawn:?}");
        let scripts: Vec<&Value> = steps_of(&records)
            .into_iter()
            .filter(|step| step["step"] == "evaluate")
            .map(|step| &step["value"])
            .collect();
        assert!(scripts[0][0] != scripts[1][0] && scripts[0][1] != scripts[1][1], "{scripts:?}");
        let finished = kit::of_type(&records, "test.finished");
        assert_eq!(finished.iter().filter(|test| test["outcome"] == "passed").count(), 3);
        // Copies have the past of their original: each test hears of it once.
        assert_eq!(kit::of_type(&records, "pyweb.page.ready").len(), 3);
    });
}

#[test]
fn what_a_page_stored_is_there_for_the_next_of_the_same_test() {
    in_both(|carry_out| {
        let store = json!({"step": "evaluate", "expression": "localStorage.setItem('key', 'kept')"});
        let read = json!({"step": "evaluate", "expression": "localStorage.getItem('key')"});
        let steps = [
            json!({"step": "test", "id": "one"}),
            goto("/"),
            store,
            goto("/"),
            read.clone(),
            json!({"step": "test", "id": "two"}),
            goto("/"),
            read,
        ];
        let records = carry_out("steps", &steps, &[], 0);
        assert_eq!(values(&records, "evaluate"), [json!(null), json!("kept"), json!(null)]);
    });
}

#[test]
fn a_failed_step_fails_its_test_and_skips_its_rest() {
    in_both(|carry_out| {
        let steps = [
            json!({"step": "test", "id": "breaks"}),
            goto("/handler-pyodide.html"),
            json!({"step": "click", "locator": [{"css": "#sync"}]}),
            py("undefined_name"),
            json!({"step": "title", "id": "never"}),
            json!({"step": "test", "id": "goes on"}),
            goto("/handler-pyodide.html"),
            json!({"step": "title", "id": "again"}),
        ];
        let records = carry_out("bad", &steps, &[], 1);
        let outcome = |id: &str| {
            steps_of(&records)
                .into_iter()
                .find(|step| step["id"] == id)
                .map(|step| step["outcome"].clone())
                .unwrap()
        };
        assert_eq!((outcome("never"), outcome("again")), (json!("skipped"), json!("passed")));
        let tests = kit::of_type(&records, "test.finished");
        let message = tests[0]["message"].as_str().unwrap();
        assert!(message.contains("NameError: name 'undefined_name' is not defined"), "{message}");
        assert!(message.contains("handler-pyodide.html:17: KeyError: 'in a handler'"), "{message}");
        assert_eq!((&tests[0]["outcome"], &tests[1]["outcome"]), (&json!("failed"), &json!("passed")));
        assert_eq!(kit::of_type(&records, "pyweb.python.raised").len(), 1);
    });
}

#[test]
fn the_clock_is_in_the_tests_hands() {
    in_both(|carry_out| {
        let clock = |action: &str, more: Value| {
            let mut step = json!({"step": "clock", "action": action});
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            step
        };
        let later = |text: &str| json!({"step": "expect", "locator": [{"css": "#later"}], "matcher": "to_have_text", "expected": text, "timeout_ms": 500});
        let steps = [
            goto("/"),
            clock("install", json!({"time": 86_400_000})),
            json!({"step": "click", "locator": [{"role": "button", "name": "Later"}]}),
            clock("run_for", json!({"milliseconds": 59_000})),
            later(""),
            clock("run_for", json!({"milliseconds": 2_000})),
            later("a minute later"),
            json!({"step": "evaluate", "expression": "new Date().toISOString().slice(0, 10)"}),
            clock("set_fixed_time", json!({"time": 0})),
            json!({"step": "evaluate", "expression": "Date.now()"}),
        ];
        let records = carry_out("steps", &steps, &[], 0);
        assert_eq!(values(&records, "evaluate"), [json!("1970-01-02"), json!(0)]);
    });
}

#[test]
fn the_network_is_in_the_tests_hands() {
    in_both(|carry_out| {
        let ask = json!({"step": "click", "locator": [{"role": "button", "name": "Ask"}]});
        let told = |text: &str| json!({"step": "expect", "locator": [{"css": "#log"}], "matcher": "to_have_text", "expected": text, "timeout_ms": 2000});
        let steps = [
            json!({"step": "route", "route": 1, "url": "**/api/*", "fulfill": {"body": "{\"answer\": 42}", "content_type": "application/json"}}),
            goto("/"),
            ask.clone(),
            told("answer 42"),
            json!({"step": "unroute", "route": 1}),
            json!({"step": "offline", "offline": true}),
            ask,
            told("answer 42 | no answer"),
            json!({"step": "evaluate", "expression": "navigator.onLine"}),
        ];
        let records = carry_out("steps", &steps, &[], 0);
        assert_eq!(values(&records, "evaluate"), [json!(false)]);
    });
}

#[test]
fn what_never_ends_is_stopped_and_the_next_test_goes_on() {
    in_both(|carry_out| {
        let steps = [
            json!({"step": "test", "id": "python"}),
            goto("/micropython.html"),
            py("exec('while True: pass')"),
            json!({"step": "test", "id": "javascript"}),
            goto("/micropython.html"),
            json!({"step": "evaluate", "expression": "(() => { for (;;); })()"}),
            json!({"step": "test", "id": "well"}),
            goto("/micropython.html"),
            json!({"step": "title"}),
        ];
        let records = carry_out("good", &steps, &["--timeout", "10"], 1);
        let tests = kit::of_type(&records, "test.finished");
        let message = |index: usize| tests[index]["message"].as_str().unwrap();
        assert!(message(0).contains("was stopped after") && message(0).contains("busy"), "{}", message(0));
        assert!(message(1).contains("was stopped after") && message(1).contains("busy"), "{}", message(1));
        assert_eq!(tests[2]["outcome"], "passed");
    });
}

#[test]
fn a_page_that_cannot_be_opened_says_why() {
    in_both(|carry_out| {
        for (site, page, code, message) in [
            ("stuck", "/no-core.html", "never_ready", "loads no PyScript"),
            ("stuck", "/nowhere.html", "no_page", "/nowhere.html is not in"),
            ("stuck", "https://example.org/", "no_page", "on another host"),
        ] {
            let records = carry_out(site, &[goto(page)], &[], 1);
            let step = steps_of(&records)[0];
            assert_eq!((&step["outcome"], &step["code"]), (&json!("failed"), &json!(code)), "{step}");
            assert!(step["message"].as_str().unwrap().contains(message), "{step}");
        }
    });
}

#[test]
fn a_line_that_is_no_step_is_named() {
    for (line, said) in [("nonsense", "line 2 of the steps is not one"), ("{\"id\": 1}", "it has no `step`")]
    {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("steps.jsonl");
        std::fs::write(&file, format!("{{\"step\": \"close\"}}\n{line}\n")).unwrap();
        let mut command = Command::new(kit::binary("pyweb"));
        let ran = kit::run(command.arg("test").arg(pages()).arg("--steps").arg(&file)).exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
    let records = carry_out(
        "wasmtime",
        "steps",
        &[goto("/"), json!({"step": "fly"}), json!({"step": "click", "locator": [{"scent": "x"}]})],
        &[],
        1,
    );
    let said: Vec<&str> = steps_of(&records).iter().map(|step| step["message"].as_str().unwrap()).collect();
    assert!(
        said[1].contains("no step on a page: fly") && said[2].contains("a locator's part is none"),
        "{said:?}"
    );
}

#[test]
fn a_page_finds_no_way_to_what_runs_it() {
    in_both(|carry_out| {
        let names = "['__native', '__clock', '__routes', '__command', '__tick', '__idle', '__reseed', '__onRejection']";
        let seen = format!("{names}.filter((name) => name in globalThis)");
        let steps = [goto("/"), json!({"step": "evaluate", "expression": seen})];
        assert_eq!(values(&carry_out("steps", &steps, &[], 0), "evaluate"), [json!([])]);
    });
}

#[test]
fn what_is_prepared_before_a_page_holds_for_it() {
    in_both(|carry_out| {
        let read = |expression: &str| json!({"step": "evaluate", "expression": expression});
        let steps = [
            json!({"step": "test", "id": "warm"}),
            goto("/"),
            json!({"step": "test", "id": "one"}),
            json!({"step": "init_script", "script": "globalThis.early = document.readyState"}),
            json!({"step": "set_storage", "local": {"key": "given"}}),
            json!({"step": "clock", "action": "set_fixed_time", "time": 0}),
            goto("/"),
            read("[early, localStorage.getItem('key'), Date.now()]"),
            json!({"step": "test", "id": "two"}),
            goto("/"),
            read("[typeof early, localStorage.getItem('key'), Date.now() > 0]"),
        ];
        let records = carry_out("steps", &steps, &[], 0);
        let seen = values(&records, "evaluate");
        assert_eq!(seen, [json!(["loading", "given", 0]), json!(["undefined", null, true])]);
    });
}

#[test]
fn what_an_earlier_page_of_a_test_raised_fails_it() {
    in_both(|carry_out| {
        let steps = [
            json!({"step": "test", "id": "goes on"}),
            goto("/handler-micropython.html"),
            json!({"step": "click", "locator": [{"css": "#sync"}]}),
            goto("/handler-micropython.html"),
            json!({"step": "title"}),
            json!({"step": "test", "id": "closes it"}),
            goto("/handler-micropython.html"),
            json!({"step": "click", "locator": [{"css": "#sync"}]}),
            json!({"step": "close"}),
        ];
        let records = carry_out("bad", &steps, &[], 1);
        let tests = kit::of_type(&records, "test.finished");
        assert_eq!(tests.len(), 2);
        for test in tests {
            let message = test["message"].as_str().unwrap();
            assert_eq!(test["outcome"], "failed");
            assert!(message.contains("handler-micropython.html:17: KeyError: in a handler"), "{message}");
        }
    });
}

#[test]
fn dialogs_are_dismissed_and_told() {
    in_both(|carry_out| {
        let ask = "[alert('one'), confirm('two'), prompt('three')].map(String)";
        let records =
            carry_out("steps", &[goto("/"), json!({"step": "evaluate", "expression": ask})], &[], 0);
        assert_eq!(values(&records, "evaluate"), [json!(["undefined", "false", "null"])]);
        let console = kit::of_type(&records, "pyweb.console.logged");
        let told: Vec<&Value> =
            console.iter().filter(|line| line["level"] == "info").map(|line| &line["message"]).collect();
        assert_eq!(told, ["alert: one", "confirm: two", "prompt: three"]);
    });
}
