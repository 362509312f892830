//! The Python that packages are for: the pinned Pyodide's, not this machine's. Must not know packages.

use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::error::PackagesError;
use super::marker::Environment;
use super::wheel::WheelName;

/// What a Pyodide lock says of the interpreter it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// The version of the binary interface, such as `2026_0`.
    pub abi_version: String,
    /// `wasm32`
    pub arch: String,
    /// Emscripten's version, such as `emscripten_5_0_3`.
    pub platform: String,
    /// Python's whole version.
    pub python: String,
}

/// A Python interpreter that wheels are chosen for.
#[derive(Debug)]
pub struct Target {
    /// What requirements may depend on.
    pub markers: Environment,
    /// Python's whole version.
    pub python: Version,
    /// The platforms of wheels that are not pure, best first.
    platforms: [String; 2],
    minor: u32,
}

impl Target {
    /// The interpreter that `info` describes.
    pub fn new(info: &Info) -> Result<Target, PackagesError> {
        let bad = |reason: String| PackagesError::BadLock { file: "Pyodide's own lock".into(), reason };
        let python = Version::from_str(&info.python).map_err(|error| bad(error.to_string()))?;
        let minor = python.release().get(1).and_then(|minor| u32::try_from(*minor).ok());
        let minor = minor.ok_or_else(|| bad(format!("{} is no version of Python", info.python)))?;
        let release = info.platform.trim_start_matches("emscripten_").replace('_', ".");
        let markers = Environment::new([
            ("implementation_name", "cpython"),
            ("implementation_version", &info.python),
            ("os_name", "posix"),
            ("platform_machine", &info.arch),
            ("platform_python_implementation", "CPython"),
            ("platform_release", &release),
            ("platform_system", "Emscripten"),
            ("platform_version", "#1"),
            ("python_full_version", &info.python),
            ("python_version", &format!("3.{minor}")),
            ("sys_platform", "emscripten"),
        ]);
        let platforms = [
            format!("pyemscripten_{}_{}", info.abi_version, info.arch),
            format!("{}_{}", info.platform, info.arch),
        ];
        Ok(Target { markers, python, platforms, minor })
    }

    /// How well a wheel fits, less being better; nothing when it does not run here.
    ///
    /// The order is that of `packaging.tags.sys_tags`: the interpreter's own ABI, the stable one, none.
    pub fn rank(&self, wheel: &WheelName) -> Option<u32> {
        let platform = wheel.platforms.iter().filter_map(|tag| self.platform(tag)).min()?;
        let python = wheel.pythons.iter().filter_map(|tag| self.python_tag(tag)).min()?;
        let exact = python == 0;
        let abi = wheel.abis.iter().filter_map(|abi| match abi.as_str() {
            "none" => Some(2),
            "abi3" if wheel.pythons.iter().any(|tag| tag.starts_with("cp3")) => Some(1),
            abi if exact && abi == format!("cp3{}", self.minor) => Some(0),
            _ => None,
        });
        Some(abi.min()? * 1000 + platform * 100 + python)
    }

    /// The platform that wheels with native code are for.
    pub fn platform_tag(&self) -> &str {
        &self.platforms[0]
    }

    fn platform(&self, tag: &str) -> Option<u32> {
        match tag {
            "any" => Some(2),
            tag => self.platforms.iter().position(|own| own == tag).map(|at| u32::from(at > 0)),
        }
    }

    /// How many minor versions older than the interpreter a Python tag is.
    fn python_tag(&self, tag: &str) -> Option<u32> {
        let digits = tag.strip_prefix("cp").or_else(|| tag.strip_prefix("py"))?;
        let minor = digits.strip_prefix('3')?;
        let own = u32::from(tag.starts_with("py"));
        if minor.is_empty() {
            return Some(99);
        }
        Some(self.minor.checked_sub(minor.parse().ok()?)?.min(90) + own)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    /// Pyodide 314.
    fn target() -> Target {
        let info = Info {
            abi_version: "2026_0".into(),
            arch: "wasm32".into(),
            platform: "emscripten_5_0_3".into(),
            python: "3.14.2".into(),
        };
        Target::new(&info).unwrap()
    }

    #[test]
    fn wheels_that_run_are_taken_the_closest_first() {
        let names = [
            "a-1-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
            "a-1-cp314-cp314-emscripten_5_0_3_wasm32.whl",
            "a-1-cp310-abi3-pyemscripten_2026_0_wasm32.whl",
            "a-1-py3-none-pyemscripten_2026_0_wasm32.whl",
            "a-1-py314-none-any.whl",
            "a-1-py2.py3-none-any.whl",
        ];
        let ranks: Vec<u32> =
            names.iter().map(|name| target().rank(&WheelName::parse(name).unwrap()).unwrap()).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
    }

    #[test]
    fn wheels_that_do_not_run_are_not() {
        for name in [
            "a-1-cp313-cp313-pyemscripten_2026_0_wasm32.whl",
            "a-1-cp314-cp314-pyemscripten_2025_0_wasm32.whl",
            "a-1-cp314-cp314t-pyemscripten_2026_0_wasm32.whl",
            "a-1-cp314-cp314-manylinux_2_17_x86_64.whl",
            "a-1-cp315-abi3-pyemscripten_2026_0_wasm32.whl",
            "a-1-py315-none-any.whl",
            "a-1-py2-none-any.whl",
            "a-1-pp310-none-any.whl",
        ] {
            assert_eq!(target().rank(&WheelName::parse(name).unwrap()), None, "{name}");
        }
    }
}
