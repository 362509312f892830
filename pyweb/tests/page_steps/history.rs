//! Where a page has been: `history`, fragments, going back and on, loading anew, forms that post: the same in both engines.

use serde_json::{Value, json};

use super::support::{goto, in_both, steps_of, values};

fn click(role: &str, name: &str) -> Value {
    json!({"step": "click", "locator": [{"role": role, "name": name}]})
}

fn go(delta: i32) -> Value {
    json!({"step": "go", "delta": delta})
}

fn at(path: &str) -> Value {
    json!({"step": "expect", "matcher": "to_have_url", "expected": format!("http://localhost/{path}")})
}

fn text(css: &str, expected: &str) -> Value {
    json!({"step": "expect", "locator": [{"css": css}], "matcher": "to_have_text", "expected": expected})
}

fn evaluate(expression: &str) -> Value {
    json!({"step": "evaluate", "expression": expression})
}

#[test]
fn states_come_back_with_their_entries() {
    in_both(|carry_out| {
        let steps = [
            goto("/"),
            evaluate("[history.length, history.state]"),
            click("button", "Push"),
            click("button", "Push"),
            at("?page=2"),
            evaluate("[history.length, history.state.count, history.state.at instanceof Date]"),
            go(-1),
            at("?page=1"),
            text("#log", r#"pop:{"count":1,"at":"1970-01-01T00:00:00.000Z"}"#),
            click("button", "Back"),
            text("#log", r#"pop:{"count":1,"at":"1970-01-01T00:00:00.000Z"} pop:null"#),
            at(""),
            go(2),
            at("?page=2"),
            click("button", "Replace"),
            at("?page=2#replaced"),
            evaluate("[history.length, history.state]"),
            // What is behind is gone once the page goes another way.
            go(-2),
            click("button", "Push"),
            evaluate("history.length"),
            go(1),
            go(-9),
            at("?page=3"),
        ];
        let records = carry_out("history", &steps, &[], 0);
        let said = values(&records, "evaluate");
        let lengths: Vec<i64> = said.iter().filter_map(|said| said[0].as_i64().or(said.as_i64())).collect();
        assert_eq!(lengths.iter().map(|length| length - lengths[0]).collect::<Vec<_>>(), [0, 2, 2, 1]);
        assert_eq!((&said[1][1], &said[1][2], &said[2][1]), (&json!(2), &json!(true), &json!([2])));
    });
}

#[test]
fn fragments_lead_about_the_page() {
    in_both(|carry_out| {
        let steps = [
            goto("/"),
            evaluate("void (globalThis.same = true)"),
            click("link", "Part"),
            at("#part"),
            text("#log", "pop:null hash:>#part"),
            click("link", "Part"),
            evaluate("location.hash = 'next'"),
            text("#log", "pop:null hash:>#part pop:null pop:null hash:#part>#next"),
            go(-1),
            at("#part"),
            go(-1),
            at(""),
            go(2),
            at("#next"),
            evaluate("same && document.querySelector('#log').textContent.trim().split(' ').length"),
        ];
        let said = values(&carry_out("history", &steps, &[], 0), "evaluate");
        assert_eq!(said.last(), Some(&json!(11)), "{said:?}");
    });
}

#[test]
fn a_test_goes_back_to_other_pages_and_on() {
    in_both(|carry_out| {
        let steps = [
            goto("/"),
            click("button", "Push"),
            click("link", "Other"),
            at("other.html"),
            go(-1),
            at("?page=1"),
            // The document is a new one that finds the state of its entry.
            text("#state", r#"{"count":1,"at":"1970-01-01T00:00:00.000Z"}"#),
            go(-1),
            at(""),
            text("#log", "pop:null"),
            go(2),
            at("other.html"),
            click("button", "Away"),
            at("index.html?replaced"),
            go(-1),
            at("?page=1"),
            goto("/other.html?again"),
            text("#out", "?again"),
            evaluate("void (globalThis.gone = 1)"),
            json!({"step": "reload"}),
            text("#out", "?again"),
            evaluate("[typeof gone, history.length]"),
            click("link", "First"),
            json!({"step": "expect", "matcher": "to_have_title", "expected": "First"}),
            go(-1),
            text("#out", "?again"),
        ];
        let records = carry_out("history", &steps, &[], 0);
        let said = values(&records, "evaluate");
        assert_eq!(said[1][0], "undefined");
        assert!(values(&records, "go").iter().all(|went| !went.is_boolean() || *went == true), "{records:?}");
    });
}

#[test]
fn there_is_nothing_before_the_first_page() {
    in_both(|carry_out| {
        let records = carry_out("history", &[goto("/"), go(-1), at(""), go(1), at("")], &[], 0);
        assert_eq!(values(&records, "go"), [json!(false), json!(false)]);
    });
}

#[test]
fn a_form_that_posts_gets_what_the_test_answers() {
    in_both(|carry_out| {
        let page = "<title>Greeted</title><h1>Hello</h1><a href='/'>First</a>";
        let answer = json!({"step": "route", "route": 1, "url": "**/greet?*", "fulfill": {"body": page, "content_type": "text/html"}});
        let fill = |name: &str| json!({"step": "fill", "locator": [{"label": "Name"}], "value": name});
        let steps = [
            answer,
            goto("/"),
            fill("Ada & Co"),
            click("button", "Greet"),
            at("greet?from=form"),
            text("h1", "Hello"),
            evaluate("document.title"),
            go(-1),
            json!({"step": "expect", "matcher": "to_have_title", "expected": "First"}),
            fill("Grace"),
            click("button", "Look"),
            at("other.html?name=Grace&letter="),
        ];
        let records = carry_out("history", &steps, &[], 0);
        assert_eq!(values(&records, "evaluate"), [json!("Greeted")]);
    });
}

#[test]
fn a_form_that_posts_to_nobody_fails_its_step() {
    in_both(|carry_out| {
        let records = carry_out("history", &[goto("/"), click("button", "Greet"), at("")], &[], 1);
        let [_, posted, stayed] = steps_of(&records)[..] else { unreachable!("{records:?}") };
        assert_eq!((&posted["outcome"], &posted["code"]), (&json!("failed"), &json!("no_page")));
        let said = "the page posted a form to http://localhost/greet?from=form, which only a server answers";
        assert!(posted["message"].as_str().unwrap().contains(said), "{posted}");
        assert_eq!(stayed["outcome"], "passed");
    });
}
