//! What `~/.ssh/config` says of a host, in the form of `ssh_config(5)`: only what fetch makes use of.
//! Must not know how a connection is made.

use std::path::{Path, PathBuf};

use super::login::local_user;

/// So deep files may include one another, as with ssh.
const DEPTH: usize = 16;

/// What is set for one host. For each word the first value counts, as with ssh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// A word without which the host is not reached as its owner wants, and which means nothing here.
    pub unsupported: Option<&'static str>,
    /// Whether it was said how the host is reached: directly, or by something that is not supported.
    way_known: bool,
}

/// Of whom the file is asked.
struct Asked<'a> {
    host: &'a str,
    /// The user that the URL names.
    user: Option<&'a str>,
    home: &'a Path,
    /// Where the file's relative includes begin.
    folder: PathBuf,
}

/// Whether what follows in a file is for the host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
    /// That hangs on a condition which fetch does not look at.
    Perhaps(&'static str),
}

/// The user's home folder: `$HOME` before what the system says.
pub fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

impl HostConfig {
    /// What the user's file says of a host, for the user whom the URL names; then the system's.
    pub fn read(host: &str, user: Option<&str>) -> HostConfig {
        let home = home().unwrap_or_default();
        let mut config = HostConfig::default();
        for folder in [home.join(".ssh"), PathBuf::from("/etc/ssh")] {
            let name = if folder.starts_with("/etc/ssh") { "ssh_config" } else { "config" };
            let path = folder.join(name);
            let asked = Asked { host, user, home: &home, folder };
            config.apply_file(&path, &asked, Applies::Yes, 0);
        }
        config
    }

    /// Most files are not there; as with ssh, that is no error.
    fn apply_file(&mut self, path: &Path, asked: &Asked<'_>, applies: Applies, depth: usize) {
        if depth <= DEPTH {
            self.apply(&std::fs::read_to_string(path).unwrap_or_default(), asked, applies, depth);
        }
    }

    /// Reads a file that is included where it `applies`; what it begins ends with it.
    fn apply(&mut self, text: &str, asked: &Asked<'_>, included: Applies, depth: usize) {
        let mut applies = included;
        for line in text.lines() {
            let Some((word, value)) = word_and_value(line) else { continue };
            match word.as_str() {
                _ if included == Applies::No => return,
                "host" if matches_list(value.split_whitespace(), asked.host) => applies = included,
                "host" => applies = Applies::No,
                "match" => applies = self.fits(value, asked).and(included),
                "include" if applies != Applies::No => {
                    for path in words(value).iter().flat_map(|pattern| asked.included(pattern)) {
                        self.apply_file(&path, asked, applies, depth + 1);
                    }
                }
                _ => self.apply_word(&word, value, asked, applies),
            }
        }
    }

    fn apply_word(&mut self, word: &str, value: &str, asked: &Asked<'_>, applies: Applies) {
        match applies {
            Applies::Yes => self.set(word, value, asked),
            Applies::No => {}
            // If it would change anything, nobody here can tell what the host's owner wants.
            Applies::Perhaps(condition) => {
                let mut changed = self.clone();
                changed.set(word, value, asked);
                if changed != *self {
                    self.unsupported.get_or_insert(condition);
                }
            }
        }
    }

    /// Whether the conditions of a `Match` hold.
    fn fits(&self, conditions: &str, asked: &Asked<'_>) -> Applies {
        let words = words(conditions);
        let mut words = words.iter();
        let mut applies = Applies::Yes;
        while let Some(word) = words.next() {
            let lower = word.to_ascii_lowercase();
            let (negated, word) = match lower.strip_prefix('!') {
                Some(word) => (true, word.to_owned()),
                None => (false, lower),
            };
            let mut value = || words.next().map(String::as_str).unwrap_or_default();
            let local = local_user();
            let user = asked.user.or(self.user.as_deref()).or(local.as_deref()).unwrap_or_default();
            let listed = |patterns: &str, name: &str| matches_list(patterns.split(','), name);
            let holds = match word.as_str() {
                "all" => true,
                "host" => listed(value(), self.hostname.as_deref().unwrap_or(asked.host)),
                "originalhost" => listed(value(), asked.host),
                "user" => listed(value(), user),
                "localuser" => listed(value(), local.as_deref().unwrap_or_default()),
                // They hold when ssh reads its files a second time, which this does not.
                "canonical" | "final" => false,
                other => {
                    if other == "exec" {
                        value();
                    }
                    applies =
                        applies.and(Applies::Perhaps(if other == "exec" { "Match exec" } else { "a Match" }));
                    continue;
                }
            };
            if holds == negated {
                return Applies::No;
            }
        }
        applies
    }

    fn set(&mut self, word: &str, value: &str, asked: &Asked<'_>) {
        let first = |slot: &mut Option<String>, value: String| {
            slot.get_or_insert(value);
        };
        match word {
            "hostname" => first(&mut self.hostname, value.replace("%h", asked.host)),
            "user" => first(&mut self.user, value.to_owned()),
            "hostkeyalias" => first(&mut self.host_key_alias, value.to_owned()),
            "port" => self.port = self.port.or_else(|| value.parse().ok()),
            "identityfile" if value != "none" => {
                let value = value.replace("%d", &asked.home.to_string_lossy());
                self.identity_files.push(asked.below_home(&value));
            }
            "proxyjump" | "proxycommand" if !self.way_known => {
                self.way_known = true;
                let what = if word == "proxyjump" { "ProxyJump" } else { "ProxyCommand" };
                if !value.eq_ignore_ascii_case("none") {
                    self.unsupported.get_or_insert(what);
                }
            }
            _ => {}
        }
    }
}

impl Applies {
    fn and(self, other: Applies) -> Applies {
        match (self, other) {
            (Applies::No, _) | (_, Applies::No) => Applies::No,
            (Applies::Yes, other) => other,
            (perhaps, _) => perhaps,
        }
    }
}

impl Asked<'_> {
    fn below_home(&self, path: &str) -> PathBuf {
        path.strip_prefix("~/").map_or_else(|| path.into(), |below| self.home.join(below))
    }

    /// The files that a pattern names, in the order of their names.
    fn included(&self, pattern: &str) -> Vec<PathBuf> {
        let pattern = self.folder.join(self.below_home(pattern));
        glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten().collect()
    }
}

/// Words between blanks, which quotation marks may enclose.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
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

    fn read(text: &str, host: &str, user: Option<&str>) -> HostConfig {
        let mut config = HostConfig::default();
        let asked = Asked { host, user, home: Path::new("/home/me"), folder: PathBuf::from("/home/me/.ssh") };
        config.apply(text, &asked, Applies::Yes, 0);
        config
    }

    #[test]
    fn conditions_that_can_be_told_hold_and_others_are_named_where_they_matter() {
        let text = "\
            Match host *.lab.org,far user me\n  Port 1\n\
            Match originalhost far !user me\n  Port 2\n\
            Match all\n  HostKeyAlias all\n\
            Match final all\n  User late\n\
            Match host other exec \"test -e /x y\"\n  Compression yes\n\
            Match host gate exec \"test -e /x y\"\n  Compression yes\n  ProxyJump none\n  Port 4\n\
            Match tagged t\n  Compression yes\n\
            Match exec true host quiet\n  User me\n";
        for (host, user, port, unsupported) in [
            ("x.lab.org", "me", Some(1), None),
            ("x.lab.org", "you", None, None),
            ("far", "you", Some(2), None),
            ("other", "me", None, None),
            ("gate", "me", None, Some("Match exec")),
            ("quiet", "me", None, Some("Match exec")),
        ] {
            let config = read(text, host, Some(user));
            assert_eq!((config.port, config.unsupported), (port, unsupported), "{host} {user}");
            assert_eq!((config.host_key_alias.as_deref(), config.user), (Some("all"), None));
        }
        let direct = read("ProxyJump none\nProxyCommand nc %h\n", "h", None);
        assert_eq!(direct.unsupported, None);
    }

    #[test]
    fn files_are_included_where_they_stand() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.conf"), "Host far\n  Port 1\n")?;
        std::fs::write(path("b.conf"), "User b\nInclude b.conf\n")?;
        let read = |text: &str, host| {
            let mut config = HostConfig::default();
            let asked = Asked { host, user: None, home: folder.path(), folder: folder.path().to_owned() };
            config.apply(text, &asked, Applies::Yes, 0);
            (config.port, config.user)
        };
        let text = "Include *.conf ~/none\nPort 7\nUser c\n";
        assert_eq!(read(text, "far"), (Some(1), Some("b".to_owned())));
        assert_eq!(read(text, "near"), (Some(7), Some("b".to_owned())));
        let text = format!("Host far\nInclude \"{}\"\n", path("b.conf").display());
        assert_eq!((read(&text, "far").1.as_deref(), read(&text, "near").1), (Some("b"), None));
        Ok(())
    }

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
        let config = |host| read(text, host, None);
        for host in ["data", "x.LAB.org"] {
            let data = config(host);
            assert_eq!((data.hostname.as_deref(), data.port), (Some("real.lab.org"), Some(2222)));
            assert_eq!(data.user.as_deref(), Some("everybody"));
            let files = ["/home/me/.ssh/a key", "/home/me/b", "/c"].map(PathBuf::from);
            assert_eq!(data.identity_files, files);
        }
        let bad = config("bad.lab.org");
        assert_eq!((bad.hostname.as_deref(), bad.port), (Some("bad.lab.org.example.org"), Some(3333)));
        assert_eq!((config("far").unsupported, bad.unsupported), (Some("ProxyJump"), Some("Match exec")));
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
