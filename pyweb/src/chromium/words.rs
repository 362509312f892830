//! What the browser says of values and errors, in the words of `page/progress.rs`. Must not know what becomes of them.

use serde_json::{Value, json};

/// A value of JavaScript's as its console shows it.
pub(super) fn shown(object: &Value) -> String {
    match (object["value"].as_str(), object["description"].as_str()) {
        (Some(text), _) | (None, Some(text)) => text.to_owned(),
        (None, None) => object["value"].to_string(),
    }
}

/// A text, or an empty one where there is none.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An error that nothing in the page caught, in the words of `page/progress.rs`.
pub(super) fn uncaught(details: &Value) -> Value {
    let exception = &details["exception"];
    let described = shown(exception);
    // The stack is at the end, below a message of any number of lines.
    let lines: Vec<&str> = described.lines().collect();
    let frames = lines.iter().rev().take_while(|line| line.starts_with("    at ")).count();
    let (message, stack) = lines.split_at(lines.len() - frames);
    let message = message.join("\n");
    // Pyodide and MicroPython both raise one whose message is the whole traceback.
    if exception["className"] == "PythonError" || message.starts_with("PythonError: ") {
        let text = message.split_once(": ").map_or(message.as_str(), |(_, text)| text);
        return json!({"kind": "python", "text": text.trim_end()});
    }
    let mut stack = stack.join("\n");
    if stack.is_empty()
        && let (Some(url), Some(line)) = (details["url"].as_str(), details["lineNumber"].as_u64())
    {
        stack = format!("    at {url}:{}:{}", line + 1, details["columnNumber"].as_u64().unwrap_or(0) + 1);
    }
    let promise = if details["text"].as_str().is_some_and(|text| text.contains("promise")) {
        " (in promise)"
    } else {
        ""
    };
    json!({"kind": "uncaught", "text": format!("Uncaught {message}{promise}\n{stack}").trim_end()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncaught_error_is_worded_as_in_our_own_browser() {
        let details = json!({
            "text": "Uncaught (in promise)",
            "exception": {"className": "TypeError", "description": "TypeError: no\n    at f (http://localhost/a.html:7:9)"},
        });
        let text = "Uncaught TypeError: no (in promise)\n    at f (http://localhost/a.html:7:9)";
        assert_eq!(uncaught(&details), json!({"kind": "uncaught", "text": text}));

        let python = json!({"exception": {
            "className": "Error",
            "description": "PythonError: Traceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'k'\n\n    at f (x.js:1:1)",
        }});
        let text = "Traceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'k'";
        assert_eq!(uncaught(&python), json!({"kind": "python", "text": text}));
        assert_eq!(uncaught(&json!({"text": "Uncaught", "exception": {"value": 1}}))["text"], "Uncaught 1");
    }
}
