//! What a failure's text says at a glance: its one line, its place. Must not know which tool worded it.

use std::path::Path;

/// The text without what only a terminal understands.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain += before;
        // A control sequence ends with the first letter.
        rest = escape.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &escape[end + 1..]);
    }
    plain + rest
}

/// The one line that says it: what pytest marks with `E`, else the first line.
pub fn headline(message: &str) -> &str {
    let marked = message.lines().find_map(|line| line.strip_prefix("E ")).map(str::trim);
    marked.or_else(|| message.lines().map(str::trim).find(|line| !line.is_empty())).unwrap_or_default()
}

/// Where it happened, as file and line: the innermost place in the test's own file, else the innermost that is named.
pub fn place<'a>(id: &str, message: &'a str) -> Option<(&'a str, u32)> {
    let own = id.split("::").next().unwrap_or(id);
    let places: Vec<_> = message.lines().filter_map(located).collect();
    let of_test = places
        .iter()
        .rev()
        .find(|(file, _)| Path::new(own).ends_with(file) || Path::new(file).ends_with(own));
    of_test.or(places.last()).copied()
}

/// `path/to/file.py:12: …`
fn located(line: &str) -> Option<(&str, u32)> {
    let (file, rest) = line.split_once(':')?;
    let (number, _) = rest.split_once(':')?;
    let named = !file.is_empty() && !file.contains(char::is_whitespace) && file.contains('.');
    Some((file, number.parse().ok()?)).filter(|_| named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "def test_b():\n>   helper(1)\n\ntests/test_a.py:3: \n_ _ _\n\n    def helper(x):\n\
        E   AssertionError: no\nE   assert 1 == 2\n\nlib/helper.py:9: AssertionError";

    #[test]
    fn a_failure_has_a_line_and_a_place() {
        assert_eq!(headline(MESSAGE), "AssertionError: no");
        assert_eq!(place("tests/test_a.py::test_b", MESSAGE), Some(("tests/test_a.py", 3)));
        assert_eq!(place("tests/test_z.py::test_b", MESSAGE), Some(("lib/helper.py", 9)));
        assert_eq!(place("p/index.html::t", "main.py:3: ValueError: x"), Some(("main.py", 3)));
        assert_eq!(place("a.py::b", "at 12:30: nothing"), None);
        assert_eq!((headline("\n  worker gw0 ended\nmore"), headline("")), ("worker gw0 ended", ""));
    }

    #[test]
    fn colours_are_left_out() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[31mE   a\u{1b}[0m b"), "E   a b");
        assert_eq!(plain("broken \u{1b}[31"), "broken ");
    }
}
