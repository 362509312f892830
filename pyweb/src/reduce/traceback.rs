//! A Python traceback read, whichever Python wrote it. Must not know where files lie.

/// One frame of a traceback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The file as Python names it, such as `<stdin>` or `/home/pyodide/helper.py`.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A traceback: where the exception went through, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traceback {
    /// The frames, outermost first.
    pub frames: Vec<Frame>,
    /// The exception's type and message, such as `ValueError: no`.
    pub message: String,
}

/// The line every traceback begins with.
pub const HEAD: &str = "Traceback (most recent call last):";

/// Reads the last traceback in `text`: of a chain of exceptions, the one that nothing caught.
///
/// Text without a traceback is a message without frames.
pub fn parse(text: &str) -> Traceback {
    let last = text.rfind(HEAD).map_or(text, |at| &text[at + HEAD.len()..]);
    let frames = last.lines().filter_map(frame).collect();
    // Below the frames, the first line that is not indented begins the message.
    let message = last.lines().find(|line| !line.is_empty() && !line.starts_with(' '));
    Traceback {
        frames,
        message: message.unwrap_or("the Python code failed without a message").trim().to_owned(),
    }
}

/// `  File "page.html", line 7, in <module>`; a syntax error's has no `in`.
fn frame(line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(Frame { file: file.to_owned(), line: rest[..digits].parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpython_with_carets() {
        let text = "Traceback (most recent call last):\n  File \"/lib/python314.zip/_pyodide/_base.py\", line 420, \
                    in run_async\n    coroutine = eval(self.code, globals, locals)\n  File \"page.html\", line 65, in \
                    <module>\n    1/0\n    ~^~\nZeroDivisionError: division by zero\n";
        let traceback = parse(text);
        assert_eq!(traceback.message, "ZeroDivisionError: division by zero");
        assert_eq!(traceback.frames.last(), Some(&Frame { file: "page.html".into(), line: 65 }));
    }

    #[test]
    fn micropython() {
        let text = "Traceback (most recent call last):\n  File \"<stdin>\", line 4, in <module>\nNameError: name 'x' isn't defined";
        let traceback = parse(text);
        assert_eq!(traceback.frames, [Frame { file: "<stdin>".into(), line: 4 }]);
        assert_eq!(traceback.message, "NameError: name 'x' isn't defined");
    }

    #[test]
    fn a_chain_is_its_last_exception() {
        let text = format!(
            "{HEAD}\n  File \"a.py\", line 1, in f\nKeyError: 'k'\n\nDuring handling of the above exception, another \
             exception occurred:\n\n{HEAD}\n  File \"b.py\", line 2, in g\nValueError: no\nmore"
        );
        let traceback = parse(&text);
        assert_eq!(traceback.frames, [Frame { file: "b.py".into(), line: 2 }]);
        assert_eq!(traceback.message, "ValueError: no");
    }

    #[test]
    fn text_without_a_traceback_is_a_message() {
        let traceback = parse("TypeError: something else\n");
        assert_eq!(traceback, Traceback { frames: vec![], message: "TypeError: something else".into() });
    }
}
