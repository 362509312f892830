//! netrc files, in the dialect that Python's `netrc` reads: words between white space, `"…"` and `\` quoting,
//! `#` comments, `macdef` macros up to an empty line. Must not know where a file lies or what a login is for.
//!
//! <https://docs.python.org/3/library/netrc.html>, <https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html>

use std::iter::Peekable;
use std::str::Chars;

/// The logins of a netrc file. Has no `Debug`, as it is all secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
}

/// What a netrc file knows of one host.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The host; nothing for `default`.
    pub machine: Option<String>,
    /// The user, perhaps empty.
    pub login: String,
    /// The account, which only some FTP servers ask for.
    pub account: String,
    /// The password, perhaps empty.
    pub password: String,
}

/// What is wrong with a netrc file; never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNetrc {
    /// A word that begins no entry, or stands within one.
    #[error("expected machine, default, macdef, login, account or password, got something else")]
    Word,
    /// `login` and the like outside an entry.
    #[error("{0} without machine or default before it")]
    Homeless(&'static str),
    /// Nothing follows a word that needs something behind it.
    #[error("nothing behind {0}")]
    Nothing(&'static str),
}

/// Reads a whole file; the error names the line, counted from 1.
pub fn parse(text: &str) -> Result<Netrc, (usize, BadNetrc)> {
    let mut words = Words { characters: text.chars().peekable(), line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        words.skip_comments();
        let line = words.line;
        let Some(word) = words.next() else { return Ok(Netrc { entries }) };
        let mut value = |of| words.next().ok_or((line, BadNetrc::Nothing(of)));
        let field = match word.as_str() {
            "machine" => {
                entries.push(Entry { machine: Some(value("machine")?), ..Entry::default() });
                continue;
            }
            "default" => {
                entries.push(Entry::default());
                continue;
            }
            "macdef" => {
                value("macdef")?;
                words.skip_macro();
                continue;
            }
            "login" | "user" => "login",
            "account" => "account",
            "password" => "password",
            _ => return Err((line, BadNetrc::Word)),
        };
        let value = value(field)?;
        let entry = entries.last_mut().ok_or((line, BadNetrc::Homeless(field)))?;
        match field {
            "login" => entry.login = value,
            "account" => entry.account = value,
            _ => entry.password = value,
        }
    }
}

impl Netrc {
    /// Whether it has an entry for a user at any host.
    pub fn knows(&self, user: &str) -> bool {
        self.entries.iter().any(|entry| entry.login == user)
    }

    /// What it knows of a host, and of this user when one is asked for; of several the last, as in Python, and
    /// `default` when there is none.
    pub fn find(&self, host: &str, user: Option<&str>) -> Option<&Entry> {
        let fits = |entry: &&Entry| user.is_none_or(|user| entry.login == user);
        let machine = |entry: &&Entry| {
            entry.machine.as_deref().is_some_and(|machine| machine.eq_ignore_ascii_case(host))
        };
        let default = |entry: &&Entry| entry.machine.is_none();
        let mut own = self.entries.iter().rev().filter(machine).peekable();
        if own.peek().is_some() {
            return own.find(fits);
        }
        self.entries.iter().rev().filter(default).find(fits)
    }
}

struct Words<'a> {
    characters: Peekable<Chars<'a>>,
    line: usize,
}

impl Words<'_> {
    fn take(&mut self) -> Option<char> {
        let character = self.characters.next()?;
        self.line += usize::from(character == '\n');
        Some(character)
    }

    fn skip_white(&mut self) {
        while self.characters.peek().is_some_and(char::is_ascii_whitespace) {
            self.take();
        }
    }

    /// Goes to the next word that begins no comment.
    fn skip_comments(&mut self) {
        self.skip_white();
        while self.characters.peek() == Some(&'#') {
            while self.take().is_some_and(|character| character != '\n') {}
            self.skip_white();
        }
    }

    /// Goes behind the empty line that ends a macro, or to the end.
    fn skip_macro(&mut self) {
        while self.take().is_some_and(|character| character != '\n') {}
        loop {
            let mut empty = true;
            loop {
                match self.take() {
                    None => return,
                    Some('\n') => break,
                    Some('\r') => {}
                    Some(_) => empty = false,
                }
            }
            if empty {
                return;
            }
        }
    }

    /// The next word, in which a `#` is itself.
    fn next(&mut self) -> Option<String> {
        self.skip_white();
        self.characters.peek()?;
        let mut word = String::new();
        if self.characters.next_if_eq(&'"').is_some() {
            while let Some(character) = self.take() {
                match character {
                    '"' => return Some(word),
                    '\\' => word.extend(self.take()),
                    other => word.push(other),
                }
            }
            return Some(word);
        }
        while self.characters.peek().is_some_and(|next| !next.is_ascii_whitespace()) {
            match self.take() {
                Some('\\') => word.extend(self.take()),
                other => word.extend(other),
            }
        }
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
        let netrc = parse(text).ok()?;
        netrc.find(host, user).map(|entry| (entry.login.clone(), entry.password.clone()))
    }

    #[test]
    fn files_are_read_as_python_reads_them() {
        // Each right side is what Python 3.12's netrc gives.
        let text = "# machine c login no\nmachine host login a password b\n\
            machine quoted login \"a b\" password \"x\\\"#y\"\n\
            machine hash login #a password b#c # a comment\n\
            macdef init\ncd /machine x\nbye\n\n\
            machine\n  spread\n\tlogin l account k password p\n\
            machine twice login 1 password 1\nmachine twice login 2 password 2\n\
            machine bare\ndefault login anonymous password me@host\n";
        for (host, login, password) in [
            ("host", "a", "b"),
            ("quoted", "a b", "x\"#y"),
            ("hash", "#a", "b#c"),
            ("spread", "l", "p"),
            ("twice", "2", "2"),
            ("bare", "", ""),
            ("c", "anonymous", "me@host"),
        ] {
            assert_eq!(found(text, host, None), Some((login.into(), password.into())), "{host}");
        }
        assert_eq!(found(text, "twice", Some("1")), Some(("1".into(), "1".into())));
        assert_eq!(found(text, "host", Some("z")), None, "default is for hosts that are not named");
        assert_eq!(found(text, "HOST", None), Some(("a".into(), "b".into())), "Python minds the case here");
        assert_eq!(found("", "host", None), None);
    }

    #[test]
    fn the_line_of_an_error_is_named() {
        let error = |text: &str| parse(text).err();
        assert_eq!(error("\nmachine a login b\n  pass c"), Some((3, BadNetrc::Word)));
        assert_eq!(error("# x\nlogin b"), Some((2, BadNetrc::Homeless("login"))));
        assert_eq!(error("machine a\npassword"), Some((2, BadNetrc::Nothing("password"))));
        assert_eq!(error("macdef"), Some((1, BadNetrc::Nothing("macdef"))));
    }

    /// A word that is read back as it was.
    fn quote(word: &str) -> String {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            entries in proptest::collection::hash_map("[a-z0-9.-]{1,12}", ("\\PC{0,12}", "\\PC{0,12}"), 0..6),
        ) {
            let line = |(host, (login, password)): (&String, &(String, String))| {
                format!("machine {host} login {} password {} # x\n", quote(login), quote(password))
            };
            let text: String = entries.iter().map(line).collect();
            for (host, expected) in &entries {
                prop_assert_eq!(&found(&text, host, None), &Some(expected.clone()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(machine|default|login|macdef|[\"#\\\\\n ]|\\PC{0,4}){0,20}") {
            let _ = parse(&text);
        }
    }
}
