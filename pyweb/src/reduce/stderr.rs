//! Tracebacks that Python only printed: an exception in a task that nobody awaits reaches the page as lines on
//! `sys.stderr`. A traceback that the page's own code prints is no uncaught exception, so only those that an
//! event loop announces count. Must not know where files lie.

use super::traceback::HEAD;

/// How the event loops of `CPython`, Pyodide and `MicroPython` announce an exception that nobody took.
const ANNOUNCEMENTS: [&str; 4] = [
    "Unhandled exception in event loop",
    "Task exception was never retrieved",
    "Task exception wasn't retrieved",
    "Exception in callback",
];

/// Puts console lines together to tracebacks.
#[derive(Debug, Default)]
pub struct Stderr {
    announced: bool,
    lines: Vec<String>,
}

impl Stderr {
    /// Takes one console message; gives the traceback that it completes.
    pub fn line(&mut self, text: &str) -> Option<String> {
        let mut complete = None;
        for line in text.lines() {
            complete = self.take(line).or(complete);
        }
        complete
    }

    fn take(&mut self, line: &str) -> Option<String> {
        if ANNOUNCEMENTS.iter().any(|announcement| line.contains(announcement)) {
            self.announced = true;
            self.lines.clear();
            return None;
        }
        if line == HEAD && self.announced {
            self.lines = vec![line.to_owned()];
            return None;
        }
        if self.lines.is_empty() {
            return None;
        }
        self.lines.push(line.to_owned());
        // The frames are indented; the exception's own line ends the traceback.
        if line.is_empty() || line.starts_with(' ') {
            return None;
        }
        self.announced = false;
        Some(std::mem::take(&mut self.lines).join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_traceback_counts_line_by_line() {
        let mut stderr = Stderr::default();
        for line in ["Unhandled exception in event loop", HEAD, "  File \"page.html\", line 3, in f"] {
            assert_eq!(stderr.line(line), None);
        }
        let whole = stderr.line("ValueError: no");
        assert_eq!(
            whole.as_deref(),
            Some(format!("{HEAD}\n  File \"page.html\", line 3, in f\nValueError: no").as_str())
        );
        assert_eq!(stderr.line("ValueError: no"), None);
    }

    #[test]
    fn a_printed_traceback_does_not() {
        let mut stderr = Stderr::default();
        assert_eq!(stderr.line(&format!("{HEAD}\n  File \"a.py\", line 1\nValueError: caught")), None);
    }
}
