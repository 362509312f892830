//! The URLs by which pages name PyScript and its interpreters: release pages, delivery networks, a copy beside
//! the page. Must not know where the files really are.

use super::pins::PINS;
use super::{CORE, MICROPYTHON, PYODIDE};

/// Where jsDelivr has Pyodide's releases with all their packages: `VERSION/full/FILE` goes on from here.
pub const DISTRIBUTION: &str = "https://cdn.jsdelivr.net/pyodide/v";

/// A file of a pinned package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The package's name on npm.
    pub package: &'static str,
    /// The file, from the package's root.
    pub path: String,
}

impl Address {
    /// Whether such a file is pinned.
    pub fn is_pinned(&self) -> bool {
        PINS.package(self.package).is_some_and(|package| package.files.contains_key(&self.path))
    }
}

/// The pinned file that `url` means, whichever version it names; nothing when no such file is pinned.
///
/// Known are `pyscript.net/releases/VERSION/` and its aliases, `pyscript/core.js` on any path, and the
/// packages' own names and folders on jsDelivr, unpkg and esm.sh. A URL without a file means the package's main one.
pub fn locate(url: &str) -> Option<Address> {
    any_file(url).filter(Address::is_pinned)
}

/// The same for any file that lies beside a package's own, such as the wheels beside Pyodide.
pub fn any_file(url: &str) -> Option<Address> {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let bare = url.strip_prefix("https:").or_else(|| url.strip_prefix("http:")).unwrap_or(url);
    match bare.strip_prefix("//") {
        Some(remote) => remote_file(remote),
        None => local_file(bare),
    }
}

/// The file that `path` means below a folder `pyscript` as a bundle has it: `core.js`, `pyodide/…`, `micropython/…`;
/// pinned, or one that lies beside a package's own, such as a wheel.
pub fn in_bundle(path: &str) -> Option<Address> {
    let segments: Vec<&str> = path.split('/').collect();
    let at = segments.iter().rposition(|segment| *segment == "pyscript")?;
    match &segments[at + 1..] {
        ["pyodide", file] => Some(Address { package: PYODIDE, path: (*file).to_owned() }),
        ["micropython", file] => Some(Address { package: MICROPYTHON, path: (*file).to_owned() }),
        [file] => Some(core(file)),
        _ => None,
    }
}

/// The whole address of what `url` means, where it leaves out the version or the file: delivery networks send
/// whoever asks for it there.
pub fn whole(url: &str) -> Option<String> {
    let address = locate(url)?;
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let file = address.path.rsplit('/').next().unwrap_or(&address.path);
    (!path.ends_with(&format!("/{file}")))
        .then(|| format!("https://cdn.jsdelivr.net/npm/{}/{}", address.package, address.path))
}

/// `host/path`
fn remote_file(url: &str) -> Option<Address> {
    let (host, path) = url.split_once('/')?;
    match host {
        "pyscript.net" => {
            let (release, file) = path.trim_start_matches("releases/").split_once('/')?;
            let digits = release.starts_with(|c: char| c.is_ascii_digit());
            (digits || release == "latest" || release == "snapshots").then(|| core(file))
        }
        "cdn.jsdelivr.net" if path.starts_with("pyodide/") => {
            let file = path.strip_prefix("pyodide/v")?.split_once("/full/")?.1;
            Some(Address { package: PYODIDE, path: file.to_owned() })
        }
        "cdn.jsdelivr.net" => package_file(path.strip_prefix("npm/")?),
        "unpkg.com" | "esm.sh" | "esm.run" => package_file(path),
        _ => None,
    }
}

/// `name[@version][/file]`, where only the name's own scope may begin with `@`.
fn package_file(path: &str) -> Option<Address> {
    let package = [CORE, MICROPYTHON, PYODIDE].into_iter().find(|name| {
        let rest = path.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '/']))
    })?;
    let file = path[package.len()..].split_once('/').map_or("", |(_, file)| file);
    let main = match package {
        CORE => "dist/core.js",
        MICROPYTHON => "micropython.mjs",
        _ => "pyodide.mjs",
    };
    Some(Address { package, path: if file.is_empty() { main } else { file }.to_owned() })
}

/// A copy in a folder named `pyscript`, where PyScript's offline releases are unpacked.
fn local_file(path: &str) -> Option<Address> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        [.., "pyscript", file @ ("core.js" | "core.css")] => Some(core(file)),
        _ => None,
    }
}

fn core(file: &str) -> Address {
    Address { package: CORE, path: format!("dist/{file}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_file_leads_to_one() {
        let whole_core = format!("https://cdn.jsdelivr.net/npm/{CORE}/dist/core.js");
        assert_eq!(whole("https://unpkg.com/@pyscript/core"), Some(whole_core.clone()));
        assert_eq!(locate(&whole_core).map(|address| address.path), Some("dist/core.js".to_owned()));
        assert_eq!(whole(&whole_core), None);
        assert_eq!(whole("https://pyscript.net/releases/2026.3.1/core.js"), None);
        assert_eq!(whole("http://localhost/a.js"), None);
    }

    fn located(url: &str) -> Option<String> {
        locate(url).map(|address| format!("{} {}", address.package, address.path))
    }

    #[test]
    fn the_ways_to_name_the_core() {
        for url in [
            "https://pyscript.net/releases/2025.11.2/core.js",
            "https://pyscript.net/latest/core.js",
            "//pyscript.net/releases/2026.3.1/core.js",
            "https://cdn.jsdelivr.net/npm/@pyscript/core@0.7.31/dist/core.js",
            "https://cdn.jsdelivr.net/npm/@pyscript/core",
            "https://unpkg.com/@pyscript/core@0.6/dist/core.js?module",
            "./pyscript/core.js",
            "../../pyscript/core.js",
            "/pyscript/core.js",
        ] {
            assert_eq!(located(url).as_deref(), Some("@pyscript/core dist/core.js"), "{url}");
        }
        assert_eq!(
            located("https://pyscript.net/releases/2025.11.2/core.css").as_deref(),
            Some("@pyscript/core dist/core.css")
        );
    }

    #[test]
    fn the_ways_to_name_an_interpreter() {
        assert_eq!(
            located("https://cdn.jsdelivr.net/pyodide/v0.29.4/full/pyodide.mjs").as_deref(),
            Some("pyodide pyodide.mjs")
        );
        let url = "https://cdn.jsdelivr.net/npm/@micropython/micropython-webassembly-pyscript@1.26.0/micropython.mjs";
        assert_eq!(located(url), Some(format!("{MICROPYTHON} micropython.mjs")));
    }

    #[test]
    fn a_bundles_files_are_found_below_any_path() {
        let found = |path| {
            in_bundle(path)
                .filter(Address::is_pinned)
                .map(|address| format!("{} {}", address.package, address.path))
        };
        assert_eq!(found("pyscript/core.js").as_deref(), Some("@pyscript/core dist/core.js"));
        assert_eq!(found("a/pyscript/pyodide/pyodide.asm.wasm").as_deref(), Some("pyodide pyodide.asm.wasm"));
        assert_eq!(
            found("/pyscript/micropython/micropython.mjs"),
            Some(format!("{MICROPYTHON} micropython.mjs"))
        );
        for path in
            ["core.js", "pyscript/", "pyscript/no.js", "pyscript/pyodide/../core.js", "pyscript/a/b/c"]
        {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn other_urls_are_left_alone() {
        for url in [
            "core.js",
            "js/core.js",
            "https://example.org/pyscript/core.js",
            "https://cdn.jsdelivr.net/npm/@pyscript/core-extra/x.js",
            "https://pyscript.net/examples/index.html",
            "https://pyscript.net/latest/pyscript.js",
            "https://cdn.jsdelivr.net/npm/vue@3",
        ] {
            assert_eq!(located(url), None, "{url}");
        }
    }
}
