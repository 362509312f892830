//! Workers, links and forms, and what `XPath` finds: the same in both engines.

use serde_json::{Value, json};

use super::support::{goto, in_both, steps_of, values};

/// What a browser says of each expression, in a page that has this in its body.
const XPATH_BODY: &str = "<ul id=u lang=en-GB><li class=a>one<li class='a b' title=t>two<li>three</ul><p id=p>x <b>y</b>  z</p><!--c-->";
const XPATHS: [(&str, &str); 32] = [
    ("//li", "li:one li:two li:three"),
    ("//li[2]", "li:two"),
    ("//li[last()]", "li:three"),
    ("//li[position() < 3][2]", "li:two"),
    ("//li[@class='a']", "li:one"),
    ("//li[not(@class)]/text()", "#text:three"),
    ("//li[contains(concat(' ', @class, ' '), ' b ')]", "li:two"),
    ("id('u')/li[@title]/@*", "class:a b title:t"),
    ("//@*[name()='id']", "id:u id:p"),
    ("//*[@id='p']/preceding-sibling::ul/li[1]", "li:one"),
    ("//b/ancestor::*[1]", "p:x y  z"),
    ("//b/ancestor-or-self::*[2]/@id", "id:p"),
    ("//li[3]/preceding-sibling::li[1]", "li:two"),
    ("//li[1]/following::b", "b:y"),
    ("//p/node()", "#text:x  b:y #text:  z"),
    ("//comment()", "#comment:c"),
    ("//b/..", "p:x y  z"),
    ("//b/../b/.", "b:y"),
    ("(//li | //b)[4]", "b:y"),
    ("//b | //li[1]", "li:one b:y"),
    ("count(//li)", "3"),
    ("count(//li) * 2 + -1 div 2", "5.5"),
    ("7 mod 4 = 3 and 2 > 1", "true"),
    ("//li = 'two'", "true"),
    ("//li != 'two'", "true"),
    ("string(//li[2])", "two"),
    ("normalize-space(//p)", "x y z"),
    ("translate('bar', 'abc', 'AB')", "BAr"),
    ("substring('12345', 1.5, 2.6)", "234"),
    ("concat(substring-before('a-b', '-'), substring-after('a-b', '-'), string-length('äö'))", "ab2"),
    ("//li[lang('en')][1]", ""),
    ("boolean(//nav) or sum(//li) = 0", "false"),
];

#[test]
fn a_page_with_workers_is_loaded_anew_for_each_test() {
    in_both(|carry_out| {
        let more = json!({"step": "click", "locator": [{"css": "#more"}]});
        let shown = json!({"step": "expect", "locator": [{"css": "#more"}], "matcher": "to_have_text", "expected": "1"});
        let steps: Vec<Value> = ["first", "second", "third"]
            .into_iter()
            .flat_map(|test| {
                [json!({"step": "test", "id": test}), goto("/micropython.html"), more.clone(), shown.clone()]
            })
            .collect();
        let records = carry_out("workers", &steps, &[], 0);
        let tests = kit::of_type(&records, "test.finished");
        assert!(tests.len() == 3 && tests.iter().all(|test| test["outcome"] == "passed"), "{tests:?}");
        assert_eq!(kit::of_type(&records, "pyweb.page.ready").len(), 3);
    });
}

#[test]
fn a_route_answers_workers_too() {
    in_both(|carry_out| {
        let route = |url: &str, body: &str| json!({"step": "route", "route": url, "url": url, "fulfill": {"body": body}});
        let shown = |selector: &str, text: &str| json!({"step": "expect", "locator": [{"css": selector}], "matcher": "to_have_text", "expected": text});
        let steps = [
            route("**/data.txt", "made up"),
            goto("/fetches.html"),
            shown("#later", "made up"),
            shown("#now", "made up"),
            json!({"step": "close"}),
            goto("/fetches.html"),
            shown("#later", "from the site"),
            shown("#now", "from the site"),
        ];
        carry_out("workers", &steps, &[], 0);
    });
}

/// From page to page and back, then what comes last.
fn journey(last: Option<Value>) -> Vec<Value> {
    let to_url = json!("http://localhost/next.html?from=link#there");
    let text = |expected: &str| json!({"step": "expect", "locator": [{"css": "#out"}], "matcher": "to_have_text", "expected": expected});
    let click = |role: &str, name: &str| json!({"step": "click", "locator": [{"role": role, "name": name}]});
    let steps = [
        goto("/"),
        click("link", "Next"),
        json!({"step": "expect", "matcher": "to_have_url", "expected": to_url}),
        text("from=link stored"),
        click("link", "Back"),
        json!({"step": "fill", "locator": [{"label": "Word"}], "value": "a b&c"}),
        click("button", "Send"),
        text("word=a+b%26c&go=yes stored"),
        click("link", "Back"),
        click("button", "Later"),
        text("from=timer stored"),
    ];
    steps.into_iter().chain(last).collect()
}

#[test]
fn links_and_forms_lead_to_other_pages_of_the_site() {
    in_both(|carry_out| drop(carry_out("links", &journey(None), &[], 0)));
}

#[test]
fn a_link_to_nowhere_fails_its_step() {
    let nowhere = json!({"step": "click", "locator": [{"role": "link", "name": "Nowhere"}]});
    in_both(|carry_out| {
        let records = carry_out("links", &journey(Some(nowhere.clone())), &[], 1);
        let steps = steps_of(&records);
        let (last, before) = steps.split_last().unwrap();
        assert_eq!((&last["outcome"], &last["code"]), (&json!("failed"), &json!("no_page")), "{last}");
        assert!(before.iter().all(|step| step["outcome"] == "passed"), "{before:?}");
    });
}

#[test]
fn xpath_says_what_it_says_in_browsers() {
    in_both(|carry_out| {
        let expressions: Vec<&str> = XPATHS.iter().map(|(expression, _)| *expression).collect();
        let code = format!(
        "(expressions) => {{ document.body.innerHTML = `{XPATH_BODY}`; return expressions.map((expression) => {{
            const found = document.evaluate(expression, document, null, 0);
            if (found.resultType === 1) return String(found.numberValue);
            if (found.resultType === 2) return found.stringValue;
            if (found.resultType === 3) return String(found.booleanValue);
            const nodes = [];
            const inOrder = document.evaluate(expression, document, null, 5);
            for (let node; (node = inOrder.iterateNext()); ) nodes.push(node);
            return nodes.map((node) => `${{(node.localName ?? node.nodeName).toLowerCase()}}:${{node.nodeType === 2 ? node.value : node.textContent}}`).join(' ');
        }}) }}"
    );
        let bad = "() => ['//', 'a[', 'f()', '@@a', '1 1'].map((bad) => { try { document.evaluate(bad, document, null, 0); return 'none' } catch (error) { return error.name } }).join()";
        let steps = [
            goto("/"),
            json!({"step": "evaluate", "expression": code, "argument": expressions}),
            json!({"step": "evaluate", "expression": bad}),
        ];
        let said = values(&carry_out("steps", &steps, &[], 0), "evaluate");
        for ((expression, expected), got) in XPATHS.iter().zip(said[0].as_array().unwrap()) {
            assert_eq!(got, expected, "{expression}");
        }
        assert_eq!(said[1], "SyntaxError,SyntaxError,SyntaxError,SyntaxError,SyntaxError");
    });
}
