//! Where an error of JavaScript came from, by its stack. Must not know who threw it.

/// The origin of the page's own files.
const OWN: &str = "http://localhost/";

/// `file:line: message` by the innermost frame in the page's own files; the message alone without one.
pub fn sentence(text: &str) -> String {
    let message = text.lines().next().unwrap_or_default();
    match text.lines().skip(1).find_map(place) {
        Some(place) => format!("{place}: {message}"),
        None => message.to_owned(),
    }
}

/// `file:line` of a frame such as `at name (http://localhost/file:line:column)`.
fn place(frame: &str) -> Option<String> {
    let (_, rest) = frame.split_once(OWN)?;
    let rest = rest.trim_end_matches(')');
    let (place, _column) = rest.rsplit_once(':')?;
    let (file, line) = place.rsplit_once(':')?;
    // An inline module has a query of its own.
    let file = file.split_once('?').map_or(file, |(path, _)| path);
    line.parse::<u32>().is_ok().then(|| format!("{file}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_frame_of_the_page_is_named() {
        let text = "Uncaught TypeError: no\n    at get (native)\n    at f (http://localhost/a/b.js:3:9)\n    \
            at <anonymous> (http://localhost/index.html:7:1)";
        assert_eq!(sentence(text), "a/b.js:3: Uncaught TypeError: no");
        assert_eq!(sentence("Uncaught 1"), "Uncaught 1");
    }
}
