//! Pages that cannot get ready without what a test has prepared for them. The same in both engines.

use serde_json::json;

use crate::support::{goto, in_both, values};

#[test]
fn a_page_that_needs_its_routes_to_get_ready_has_them() {
    let start = |title: &str| {
        let body = json!({"title": title}).to_string();
        let fulfill = json!({"body": body, "content_type": "application/json"});
        json!({"step": "route", "route": 1, "url": "https://example.org/start", "fulfill": fulfill})
    };
    in_both(|carry_out| {
        let steps = ["first", "second"].into_iter().flat_map(|title| {
            [
                json!({"step": "test", "id": title}),
                start(title),
                goto("/needs.html"),
                json!({"step": "title"}),
            ]
        });
        let records = carry_out("shared", &steps.collect::<Vec<_>>(), &["--timeout", "30"], 0);
        assert_eq!(values(&records, "title"), ["first", "second"]);
    });
}

#[test]
fn so_has_one_that_a_test_comes_to_from_another_page() {
    let start = json!({"body": json!({"title": "second"}).to_string(), "content_type": "application/json"});
    in_both(|carry_out| {
        let steps = [
            goto("/"),
            json!({"step": "evaluate", "expression": "localStorage.setItem('from', 'first')"}),
            json!({"step": "route", "route": 1, "url": "https://example.org/start", "fulfill": start}),
            goto("/needs.html"),
            json!({"step": "title"}),
            json!({"step": "evaluate", "expression": "localStorage.getItem('from')"}),
            json!({"step": "go", "delta": -1}),
            json!({"step": "evaluate", "expression": "location.pathname"}),
        ];
        let records = carry_out("shared", &steps, &["--timeout", "30"], 0);
        assert_eq!(values(&records, "title"), ["second"]);
        assert_eq!(values(&records, "evaluate")[1..], ["first", "/"]);
    });
}
