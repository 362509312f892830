//! What `~/.ssh/config` says of a host, in the form of `ssh_config(5)`: only what fetch makes use of.
//! Must not know how a connection is made.

use std::path::{Path, PathBuf};

/// What is set for one host. For each word the first value counts, as with ssh.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HostConfig {
    /// The host's real name.
    pub hostname: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The name it is known by in `known_hosts`.
    pub host_key_alias: Option<String>,
    /// The keys to log in by, all of them.
    pub identity_files: Vec<PathBuf>,
    /// A word without which the host is not reached, and which means nothing here.
    pub unsupported: Option<&'static str>,
}

/// The user's home folder: `$HOME` before what the system says.
pub fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

impl HostConfig {
    /// What the user's file says, then the system's.
    pub fn read(host: &str) -> HostConfig {
        let home = home().unwrap_or_default();
        let mut config = HostConfig::default();
        for path in [home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")] {
            // Most have none.
            config.apply(&std::fs::read_to_string(path).unwrap_or_default(), host, &home);
        }
        config
    }

    fn apply(&mut self, text: &str, host: &str, home: &Path) {
        let mut applies = true;
        for line in text.lines() {
            let Some((word, value)) = word_and_value(line) else { continue };
            match word.as_str() {
                "host" => applies = matches_list(value.split_whitespace(), host),
                // Its conditions may be commands; what it guards is left out.
                "match" => applies = false,
                _ if applies => self.set(&word, value, host, home),
                _ => {}
            }
        }
    }

    fn set(&mut self, word: &str, value: &str, host: &str, home: &Path) {
        let first = |slot: &mut Option<String>, value: String| {
            slot.get_or_insert(value);
        };
        match word {
            "hostname" => first(&mut self.hostname, value.replace("%h", host)),
            "user" => first(&mut self.user, value.to_owned()),
            "hostkeyalias" => first(&mut self.host_key_alias, value.to_owned()),
            "port" => self.port = self.port.or_else(|| value.parse().ok()),
            "identityfile" if value != "none" => {
                let value = value.replace("%d", &home.to_string_lossy());
                let path =
                    value.strip_prefix("~/").map_or_else(|| value.clone().into(), |below| home.join(below));
                self.identity_files.push(path);
            }
            "proxyjump" if value != "none" => self.unsupported = Some("ProxyJump"),
            "proxycommand" if value != "none" => self.unsupported = Some("ProxyCommand"),
            _ => {}
        }
    }
}

/// A line's word in lower case and its value, which `=` or blanks divide and quotation marks may enclose.
fn word_and_value(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (word, value) = line.split_once(|c: char| c == '=' || c.is_whitespace())?;
    let value = value.trim_start_matches(|c: char| c == '=' || c.is_whitespace());
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some((word.to_ascii_lowercase(), inner.unwrap_or(value)))
}

/// Whether a name fits one of the patterns and none of those behind a `!`.
pub fn matches_list<'a>(patterns: impl Iterator<Item = &'a str>, name: &str) -> bool {
    let mut fits = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => fits |= matches(pattern.as_bytes(), name.as_bytes()),
        }
    }
    fits
}

/// Whether a name fits a pattern with `*` and `?`, whatever the case.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when the last star must stand for one byte more.
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&name[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => match &mut star {
                Some((behind, from)) => {
                    *from += 1;
                    (at, seen) = (*behind, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_counts_and_other_hosts_are_passed_over() {
        let text = "\
            # a comment\n\
            User everybody\n\
            Host data *.lab.org !bad.lab.org\n  HostName=real.lab.org\n  Port 2222\n  User late\n\
            \tIdentityFile \"~/.ssh/a key\"\n  identityfile %d/b\n  IdentityFile /c\n\
            Host far\n  ProxyJump data\n\
            Match exec true\n  Port 1\n\
            Host *\n  Port 3333\n  HostName %h.example.org\n";
        let config = |host| {
            let mut config = HostConfig::default();
            config.apply(text, host, Path::new("/home/me"));
            config
        };
        for host in ["data", "x.LAB.org"] {
            let data = config(host);
            assert_eq!((data.hostname.as_deref(), data.port), (Some("real.lab.org"), Some(2222)));
            assert_eq!(data.user.as_deref(), Some("everybody"));
            let files = ["/home/me/.ssh/a key", "/home/me/b", "/c"].map(PathBuf::from);
            assert_eq!(data.identity_files, files);
        }
        let bad = config("bad.lab.org");
        assert_eq!((bad.hostname.as_deref(), bad.port), (Some("bad.lab.org.example.org"), Some(3333)));
        assert_eq!((config("far").unsupported, bad.unsupported), (Some("ProxyJump"), None));
    }

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("*.b.*.d", "a.b.b.c.d", true),
            ("h?st", "HOST", true),
            ("h?st", "hst", false),
            ("[*.lab.org]:22*", "[x.lab.org]:2222", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
