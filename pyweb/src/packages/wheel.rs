//! The names of packages and of wheels
//! (<https://packaging.python.org/en/latest/specifications/binary-distribution-format/>). Must not read files.

use std::str::FromStr;

use pep440_rs::Version;

/// A package's name as indexes and locks compare it: lowercase, with one `-` for each run of `-`, `_` and `.`.
pub fn canonical(name: &str) -> String {
    let mut canonical = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !canonical.is_empty() {
            canonical.push('-');
        }
        canonical.push_str(&part.to_ascii_lowercase());
    }
    canonical
}

/// What the name of a wheel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The canonical name of the package.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The number of the build; 0 without one.
    pub build: u64,
    /// Python tags, such as `py3` or `cp314`.
    pub pythons: Vec<String>,
    /// ABI tags, such as `none`, `abi3` or `cp314`.
    pub abis: Vec<String>,
    /// Platform tags, such as `any`.
    pub platforms: Vec<String>,
}

impl WheelName {
    /// `name-version[-build]-python-abi-platform.whl`; nothing when `file` is not named so.
    pub fn parse(file: &str) -> Option<WheelName> {
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, 0, tags),
            [name, version, build, tags @ ..] if tags.len() == 3 => {
                let digits = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
                (name, version, build[..digits].parse().ok()?, tags)
            }
            _ => return None,
        };
        let set = |tags: &str| tags.split('.').map(str::to_owned).collect();
        Some(WheelName {
            name: canonical(name),
            version: Version::from_str(&version.replace('_', "-")).ok()?,
            build,
            pythons: set(tags[0]),
            abis: set(tags[1]),
            platforms: set(tags[2]),
        })
    }

    /// The same from the end of a path or URL path.
    pub fn of_path(path: &str) -> Option<WheelName> {
        WheelName::parse(&file_name(path))
    }
}

/// The last part of a path or URL path, percent-encoding undone where it stands for a `+`, as in local versions.
pub fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).replace("%2B", "+").replace("%2b", "+")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_separators() {
        assert_eq!(canonical("Typing_Extensions"), "typing-extensions");
        assert_eq!(canonical("a.-_b"), "a-b");
    }

    #[test]
    fn a_wheels_name_says_what_it_runs_on() {
        let wheel = WheelName::parse("pydantic_core-2.41.5-1a-cp314-cp314-pyemscripten_2026_0_wasm32.whl");
        let wheel = wheel.unwrap();
        assert_eq!((wheel.name.as_str(), wheel.build), ("pydantic-core", 1));
        assert_eq!(wheel.version.to_string(), "2.41.5");
        assert_eq!(wheel.platforms, ["pyemscripten_2026_0_wasm32"]);
        let pure = WheelName::of_path("a/six-1.17.0%2Blocal-py2.py3-none-any.whl").unwrap();
        assert_eq!(
            (pure.pythons, pure.version.to_string()),
            (vec!["py2".into(), "py3".into()], "1.17.0+local".into())
        );
    }

    #[test]
    fn what_is_no_wheel_is_none() {
        for name in ["six-1.17.0.tar.gz", "six-1.17.0-py3-none.whl", "six-x-py3-none-any.whl", ".whl", ""] {
            assert_eq!(WheelName::parse(name), None, "{name}");
        }
    }
}
