//! Versions of data, as pooch has them: which folder and which part of the base URL a project's version stands for.
//! Must not know what either is used for.

/// What stands for the version in a base URL.
pub const MARK: &str = "{version}";

/// A text that is no version of PEP 440.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version: expected one of PEP 440, such as 1.2, v1.2rc1 or 1.2+3.gabc")]
pub struct BadVersion(pub String);

/// The version of the data that a project of `version` uses: that version as it is written; for one with a local part,
/// which is a commit after a release, `development`.
pub fn of_data<'a>(version: &'a str, development: &'a str) -> Result<&'a str, BadVersion> {
    let version = version.trim();
    let (public, local) = match version.split_once('+') {
        Some((public, local)) => (public, Some(local)),
        None => (version, None),
    };
    if !is_public(&public.to_ascii_lowercase()) || !local.is_none_or(is_local) {
        return Err(BadVersion(version.to_owned()));
    }
    Ok(if local.is_some() { development } else { version })
}

/// `[N!]N(.N)*[{a|b|rc}N][.postN][.devN]` with all the other spellings that PEP 440 takes, in lower case:
/// <https://packaging.python.org/en/latest/specifications/version-specifiers/>
fn is_public(version: &str) -> bool {
    let mut rest = Rest(version.strip_prefix('v').unwrap_or(version));
    if !rest.number() {
        return false;
    }
    if rest.take("!") && !rest.number() {
        return false;
    }
    loop {
        let before = rest;
        if !(rest.take(".") && rest.number()) {
            rest = before;
            break;
        }
    }
    rest.labelled(&["alpha", "a", "beta", "b", "preview", "pre", "c", "rc"]);
    let before = rest;
    // `1.0-1` is `1.0.post1`.
    if !(rest.take("-") && rest.number()) {
        rest = before;
        rest.labelled(&["post", "rev", "r"]);
    }
    rest.labelled(&["dev"]);
    rest.0.is_empty()
}

fn is_local(local: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    local.split(['.', '-', '_']).all(part)
}

/// What is still to be read of a version.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn take(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn number(&mut self) -> bool {
        let rest = self.0.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let taken = rest.len() < self.0.len();
        self.0 = rest;
        taken
    }

    fn separator(&mut self) {
        self.0 = self.0.strip_prefix(['.', '-', '_']).unwrap_or(self.0);
    }

    /// One of the words, with a separator before it, and one and a number behind it, if there are any; or nothing.
    fn labelled(&mut self, words: &[&str]) {
        let mut rest = *self;
        rest.separator();
        if !words.iter().any(|word| rest.take(word)) {
            return;
        }
        rest.separator();
        rest.number();
        *self = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_those_that_python_takes() {
        // Each side is what packaging 26's Version takes and refuses.
        for version in [
            "0.1",
            "v0.1",
            "V1.0",
            "1",
            "1!2.0",
            "2024.1",
            "1.0a10",
            "1.0-alpha.1",
            "1.0.rc_2",
            "1.0c1",
            "1.0preview",
            "1.0-1",
            "1.0.post2",
            "1.0r4",
            "1.0_rev",
            "1.0.dev3",
            "1.0dev",
            "1.0a1.post2.dev3",
            " 1.0 ",
            "01.02",
            "1.0rc-1",
            "1.0a-",
            "1.0a-.dev1",
            "1.0.post.",
        ] {
            assert_eq!(of_data(version, "main"), Ok(version.trim()), "{version}");
        }
        for bad in [
            "",
            "v",
            "main",
            "1.0.",
            "1..0",
            ".1",
            "1.0-",
            "1.0-x",
            "1.0a1b1",
            "1.0.dev1.post1",
            "1!",
            "1.0+",
            "1.0+a..b",
            "1.0+a b",
            "1/0",
            "../1",
            "1.0 a",
            "1.0.post1a2",
            "1.0a1.-1",
            "1.0+ä",
        ] {
            assert_eq!(of_data(bad, "main"), Err(BadVersion(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn a_local_part_means_the_development_version() {
        for version in ["0.1+111.9hdg36", "v1.0+0.g12345.dirty", "1.0.dev3+A-b_c"] {
            assert_eq!(of_data(version, "dev"), Ok("dev"));
        }
    }

    proptest! {
        #[test]
        fn no_version_leads_out_of_a_folder(text in "[v0-9.!+a-c/_-]{0,10}|\\PC{0,8}") {
            if let Ok(version) = of_data(&text, "dev") {
                prop_assert!(!version.is_empty() && !version.contains(['/', '\\']) && version != "..");
            }
        }
    }
}
