//! What a person sees of a page, and what selectors and media queries say of it: the same in both engines.

use serde_json::{Value, json};

use super::support::{goto, in_both, values};

/// The cases of `visible/index.html` that Chromium does not show.
const UNSEEN: [&str; 84] = [
    "empty paragraph",
    "white space",
    "zero font",
    "empty pre",
    "empty span",
    "span with vertical padding",
    "span in size",
    "custom empty",
    "empty div",
    "div with border of nothing",
    "div with border, no style",
    "div with side padding",
    "div without height",
    "div without width",
    "in no width",
    "empty in no width",
    "percent of auto",
    "margin only",
    "around an empty div",
    "around a hidden text",
    "around an empty span",
    "br",
    "around a float",
    "around what is away",
    "empty float",
    "none",
    "in none",
    "hidden attribute",
    "until found",
    "invisible",
    "in invisible",
    "collapsed",
    "accordion",
    "empty absolute",
    "scaled away",
    "scale property",
    "skipped content",
    "by a file",
    "wide",
    "range",
    "nested",
    "nested &",
    "variable",
    "blank icon",
    "empty flex item",
    "stretched, no width",
    "centred item",
    "empty grid",
    "empty list",
    "plain list",
    "plain empty item",
    "in the second item",
    "empty table",
    "empty tbody",
    "reset button",
    "hidden input",
    "option",
    "image without a source",
    "image of no width",
    "in a canvas",
    "canvas of no width",
    "no circle",
    "empty group",
    "in defs",
    "audio",
    "folded",
    "folded without summary",
    "dialog",
    "in a dialog",
    "popover",
    "contents of nothing",
    "noscript",
    "template",
    "script",
    "sibling of a checked box",
    "in what shrinks",
    "in what shrinks, high",
    "image of a share of nothing",
    "skipped",
    "empty column item",
    "in no max-width",
    "empty label",
    "empty link",
    "child by attribute",
];
/// Those that change when the boxes are checked that style sheets look at.
const TURNED: [&str; 2] = ["sibling of a checked box", "sibling of an unchecked box"];

/// Media queries and whether they hold in the window that pages have.
const QUERIES: [(&str, bool); 22] = [
    ("", true),
    ("screen", true),
    ("print", false),
    ("all and (min-width: 600px)", true),
    ("(max-width: 40em)", false),
    ("(width >= 600px)", true),
    ("(400px <= width <= 700px)", false),
    ("(1280px = width)", true),
    ("not print", true),
    ("not all and (min-width: 600px)", false),
    ("only screen and (orientation: landscape)", true),
    ("(orientation: portrait), (min-height: 100px)", true),
    ("(prefers-color-scheme: dark)", false),
    ("(prefers-color-scheme: light)", true),
    ("(prefers-reduced-motion: reduce)", false),
    ("(prefers-reduced-motion)", false),
    ("(forced-colors: none)", true),
    ("(min-width: 100px) and (not (max-width: 200px))", true),
    ("(max-width: 100px) or (min-height: 10px)", true),
    ("(min-aspect-ratio: 16/10)", true),
    ("(color)", true),
    ("(no-such-feature: 1)", false),
];

/// Markup and the text of it that Chromium shows.
const TEXTS: [(&str, &str); 30] = [
    ("a <img width=9> b <input> c", "a  b  c"),
    ("<button>a <b>b</b></button> c", "a b c"),
    ("a   b\n c", "a b c"),
    ("<p>one</p><p>two</p>", "one\n\ntwo"),
    ("<div>one</div><div>two</div>", "one\ntwo"),
    ("a<br>b<br><br>c", "a\nb\n\nc"),
    (" x <b> y </b> z ", "x y z"),
    ("<ul><li>a</li><li>b <i>c</i></li></ul>", "a\nb c"),
    ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a\tb\nc\td"),
    ("<pre>a\n  b</pre>", "a\n  b"),
    ("<span hidden>no</span>yes", "yes"),
    ("<p style='display:none'>no</p><p>yes</p>", "yes"),
    ("<b style='visibility:hidden'>no <i style='visibility:visible'>yes</i></b>", "yes"),
    ("<b style='text-transform:uppercase'>loud</b> quiet", "LOUD quiet"),
    ("<details><summary>s</summary>folded</details>", "s"),
    ("<details open><summary>s</summary>open</details>", "s\nopen"),
    ("<script>1</script><style>b{}</style>text", "text"),
    ("<div>a<div>b</div>c</div>", "a\nb\nc"),
    ("<span>a</span> <span>b</span>", "a b"),
    ("<div> </div>x<div></div>y", "x\ny"),
    ("<h1>t</h1>\n<p>p</p>\n<div>d</div>", "t\n\np\n\nd"),
    ("<button> go </button><button>on</button>", "goon"),
    ("a&nbsp; b", "a\u{a0} b"),
    ("<p>a<br></p><p>b</p>", "a\n\n\nb"),
    ("<div style='white-space:pre-line'>a  b\n  c</div>", "a b\nc"),
    ("<textarea>t</textarea>x", "x"),
    ("<div>one<p>two</p>three</div>", "one\n\ntwo\n\nthree"),
    ("<ul><li>milk <button>Remove</button></li></ul>", "milk Remove"),
    ("<label>Name <input></label>", "Name "),
    ("<p>  lead</p>tail  ", "lead\n\ntail"),
];

fn seen(case: &Value) -> Value {
    let css = format!("[data-case={case}]");
    json!({"step": "read", "what": "is_visible", "locator": [{"css": css}]})
}

#[test]
fn what_is_seen_is_what_chromium_shows() {
    in_both(|carry_out| {
        let cases = json!({"step": "evaluate", "expression": "[...document.querySelectorAll('[data-case]')].map((element) => element.dataset.case)"});
        let cases = values(&carry_out("visible", &[goto("/"), cases], &[], 0), "evaluate").remove(0);
        let cases = cases.as_array().unwrap();
        assert!(cases.len() > 170, "{}", cases.len());
        let mut steps = vec![goto("/")];
        steps.extend(cases.iter().map(seen));
        steps.push(json!({"step": "click", "locator": [{"label": "Panels"}]}));
        steps.extend(TURNED.iter().map(|case| seen(&json!(case))));
        let mut shown = values(&carry_out("visible", &steps, &[], 0), "read");
        let turned = shown.split_off(cases.len());
        let unseen: Vec<&str> = std::iter::zip(cases, shown)
            .filter(|(_, shown)| *shown == false)
            .map(|(case, _)| case.as_str().unwrap())
            .collect();
        assert_eq!(unseen, UNSEEN);
        assert_eq!(turned, [true, false], "the one is shown now, the other no longer");
    });
}

#[test]
fn media_queries_hold_as_in_the_usual_window() {
    in_both(|carry_out| {
        let queries: Vec<&str> = QUERIES.iter().map(|(query, _)| *query).collect();
        let ask = json!({"step": "evaluate", "expression": "(queries) => queries.map((query) => matchMedia(query).matches)", "argument": queries});
        let held = values(&carry_out("visible", &[goto("/"), ask], &[], 0), "evaluate").remove(0);
        for ((query, expected), held) in QUERIES.iter().zip(held.as_array().unwrap()) {
            assert_eq!(held, expected, "{query}");
        }
    });
}

#[test]
fn selectors_go_by_states_not_by_the_markup() {
    in_both(|carry_out| {
        let ask = "() => {
            document.body.innerHTML = `<form id=f><input id=a type=checkbox checked><input id=b type=radio name=r>
                <input id=c placeholder=p value=x required><select id=s><option id=o1><option id=o2></select>
                <details id=d open></details><p popover id=p>x</p></form>`;
            const [a, b, c, o2, p] = ['a', 'b', 'c', 'o2', 'p'].map((id) => document.getElementById(id));
            const ids = (selector) => [...document.querySelectorAll(selector)].map((element) => element.id).join();
            const before = [ids('#f :checked'), ids('input:not(:checked)'), ids(':placeholder-shown'), ids('#f :focus'), ids(':popover-open')];
            a.checked = false;
            b.checked = true;
            o2.selected = true;
            c.value = '';
            c.focus();
            p.showPopover();
            return [before, [ids('#f :checked'), ids('input:not(:checked)'), ids(':placeholder-shown'), ids('#f :focus'), ids(':popover-open'),
                ids('#f:focus-within'), ids('input:invalid'), c.matches(':focus'), p.checkVisibility(), ids('[id=\":checked\"]')]];
        }";
        let ask = json!({"step": "evaluate", "expression": ask});
        let said = values(&carry_out("visible", &[goto("/"), ask], &[], 0), "evaluate").remove(0);
        assert_eq!(said[0], json!(["a,o1", "b,c", "", "", ""]));
        let after = json!(["b,o2", "a,c", "c", "c", "p", "f", "c", true, true, ""]);
        assert_eq!(said[1], after);
    });
}

#[test]
fn the_inner_text_is_what_is_shown() {
    in_both(|carry_out| {
        let read = "(cases) => cases.map((html) => {
            const div = document.body.appendChild(document.createElement('div'));
            div.innerHTML = html;
            const text = div.innerText;
            div.remove();
            return text;
        })";
        let cases: Vec<&str> = TEXTS.iter().map(|(html, _)| *html).collect();
        let write = "() => { document.body.innerText = 'a\\nb <c>'; return document.body.innerHTML }";
        let steps = [
            goto("/"),
            json!({"step": "evaluate", "expression": read, "argument": cases}),
            json!({"step": "evaluate", "expression": write}),
        ];
        let said = values(&carry_out("visible", &steps, &[], 0), "evaluate");
        for ((html, expected), text) in TEXTS.iter().zip(said[0].as_array().unwrap()) {
            assert_eq!(text, expected, "{html}");
        }
        assert_eq!(said[1], "a<br>b &lt;c&gt;");
    });
}
