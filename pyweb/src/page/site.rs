//! What each URL means to a page: its own folder under `http://localhost/`, PyScript and its interpreters
//! wherever the page takes them from, the environment's scripts under `pyweb:`. Nothing else exists.
//!
//! A page never reaches outside its folder: neither by `..`, encoded or not, nor through a symbolic link.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Component, Path, PathBuf};

use lol_html::{RewriteStrSettings, element, rewrite_str, text};
use url::Url;

use super::{Page, environment, image};
use crate::headless::{Resource, Site};
use crate::runtime::address::{self, Address};
use crate::runtime::{LINKEDOM, PYODIDE, Runtime};

/// Where pages live.
pub const ORIGIN: &str = "http://localhost/";
/// Where the environment finds the document's implementation.
const OWN_PACKAGES: &str = "pyweb://runtime/linkedom/";
/// Where `js/pyodide.mjs` finds the memory image of a started Pyodide.
const IMAGE: &str = "pyweb://runtime/pyodide.image";
/// Pyodide's main module, in whose place a page gets `js/pyodide.mjs`.
const PYODIDE_MODULE: &str = "pyodide.mjs";
/// How `js/pyodide.mjs` asks for the module itself.
const AS_PUBLISHED: &str = "as-published";
/// How `js/scripts.mjs` asks for the n-th inline module of the page.
const INLINE_MODULE: &str = "pyweb-inline-module=";

/// The URL space of one page.
#[derive(Debug)]
pub struct PageSite {
    root: PathBuf,
    page: String,
    runtime: Runtime,
    cache_dir: Option<PathBuf>,
}

impl PageSite {
    /// The site of `page`. With a cache folder, its Pyodide begins with a memory image that is kept there.
    pub fn new(page: &Page, runtime: Runtime, cache_dir: Option<PathBuf>) -> PageSite {
        PageSite { root: page.root.clone(), page: page.path.clone(), runtime, cache_dir }
    }

    /// A site that has the runtime and no file of its own.
    pub fn without_files(runtime: Runtime) -> PageSite {
        PageSite { root: PathBuf::from("/dev/null"), page: String::new(), runtime, cache_dir: None }
    }

    /// The page's own address.
    pub fn page_url(&self) -> String {
        let mut url = origin();
        url.set_path(&self.page);
        url.into()
    }

    /// A file of a package, or a wheel beside Pyodide's.
    fn beside(&self, url: &str, address: &Address) -> Option<Resource> {
        match address.package {
            PYODIDE => self.pyodide(url, &address.path),
            package if address.is_pinned() => self.packaged(package, &address.path),
            _ => None,
        }
    }

    /// A file of Pyodide's; in the place of its main module, the one that begins with the image.
    fn pyodide(&self, url: &str, path: &str) -> Option<Resource> {
        let published = url.split_once('?').is_some_and(|(_, query)| query == AS_PUBLISHED);
        if path == PYODIDE_MODULE && !published && self.cache_dir.is_some() {
            return environment::module(PYODIDE_MODULE).map(module);
        }
        match self.runtime.python_package(path) {
            Some(file) => read(&file),
            None => self.packaged(PYODIDE, path),
        }
    }

    fn packaged(&self, package: &str, path: &str) -> Option<Resource> {
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        plain.then(|| self.runtime.file(package, path)).and_then(|file| read(&file))
    }

    /// A file of the page's folder; else PyScript's, where a page has it in a folder named `pyscript`.
    fn local(&self, url: &Url) -> Option<Resource> {
        if let Some(index) = url.query().and_then(|query| query.strip_prefix(INLINE_MODULE)) {
            let page = read(&own_file(&self.root, url)?)?;
            let source = inline_module(&page.bytes, index.parse().ok()?)?;
            return Some(Resource { bytes: Cow::Owned(source.into_bytes()), mime: "text/javascript".into() });
        }
        if let Some(found) = own_file(&self.root, url).and_then(|file| read(&file)) {
            return Some(found);
        }
        self.beside(url.as_str(), &address::in_bundle(url.path())?)
    }
}

impl Site for PageSite {
    fn get(&self, url: &str) -> Option<Resource> {
        if let Some(name) = url.strip_prefix(environment::BASE) {
            return environment::module(name).map(module);
        }
        if url == IMAGE {
            let bytes = image::image(&self.runtime, self.cache_dir.as_ref()?)?;
            return Some(Resource { bytes: Cow::Owned(bytes), mime: "application/octet-stream".into() });
        }
        if let Some(path) = url.strip_prefix(OWN_PACKAGES) {
            return self.packaged(LINKEDOM, path);
        }
        if url.starts_with(ORIGIN) {
            return self.local(&Url::parse(url).ok()?);
        }
        self.beside(url, &address::any_file(url)?)
    }

    fn moved(&self, url: &str) -> Option<String> {
        address::whole(url).filter(|_| !url.starts_with(ORIGIN))
    }
}

fn module(source: &'static str) -> Resource {
    Resource { bytes: Cow::Borrowed(source.as_bytes()), mime: "text/javascript".into() }
}

#[expect(clippy::unwrap_used, reason = "a constant that is a URL")]
fn origin() -> Url {
    Url::parse(ORIGIN).unwrap()
}

/// Why a form that posts leads nowhere.
pub fn unanswered_post(url: &str) -> String {
    format!("the page posted a form to {url}, which only a server answers: have the test do it, by a route")
}

/// The file that a URL of the page's origin names, if it is one inside `root`.
pub(super) fn own_file(root: &Path, url: &Url) -> Option<PathBuf> {
    let mut local = Url::parse("file:///").ok()?;
    local.set_path(url.path());
    let path = local.to_file_path().ok()?;
    let inside = path.strip_prefix("/").ok()?;
    // An encoded slash may have hidden a `..` from the URL's own parser.
    if !inside.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let mut file = root.join(inside);
    if file.is_dir() {
        file.push("index.html");
    }
    let file = file.canonicalize().ok()?;
    (file.starts_with(root) && file.is_file()).then_some(file)
}

fn read(file: &Path) -> Option<Resource> {
    let bytes = std::fs::read(file).ok()?;
    let mime = mime_guess::from_path(file).first_or_octet_stream().essence_str().to_owned();
    Some(Resource { bytes: Cow::Owned(bytes), mime })
}

/// A page whose elements no longer say what digest PyScript's files have: it gets the pinned ones. Nothing when there is
/// no such element.
pub fn without_integrity(html: &[u8]) -> Option<Vec<u8>> {
    let html = std::str::from_utf8(html).ok()?;
    let changed = RefCell::new(false);
    let settings =
        RewriteStrSettings::new().append_element_content_handler(element!("[integrity]", |element| {
            let address = element.get_attribute("src").or_else(|| element.get_attribute("href"));
            if address.is_some_and(|address| address::locate(&address).is_some()) {
                element.remove_attribute("integrity");
                changed.replace(true);
            }
            Ok(())
        }));
    let rewritten = rewrite_str(html, settings).ok()?;
    changed.into_inner().then(|| rewritten.into_bytes())
}

/// The text, on its own lines, of the n-th `<script type="module">` without a `src`.
fn inline_module(html: &[u8], index: usize) -> Option<String> {
    const SELECTOR: &str = r#"script[type="module" i]:not([src])"#;
    let html = String::from_utf8_lossy(html);
    let modules: RefCell<Vec<String>> = RefCell::default();
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!(SELECTOR, |_| {
            modules.borrow_mut().push(String::new());
            Ok(())
        }))
        .append_element_content_handler(text!(SELECTOR, |chunk| {
            if let Some(module) = modules.borrow_mut().last_mut() {
                module.push_str(chunk.as_str());
            }
            Ok(())
        }));
    rewrite_str(&html, settings).ok()?;
    let module = modules.into_inner().get(index).cloned()?;
    // Its line numbers are to be those of the page.
    let lines = html.split(&module).next().unwrap_or_default().matches('\n').count();
    Some("\n".repeat(lines) + &module)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn found(root: &Path, path: &str) -> bool {
        own_file(root, &Url::parse(&format!("http://localhost/{path}")).unwrap()).is_some()
    }

    #[test]
    fn a_page_stays_inside_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().canonicalize().unwrap();
        let root = outside.join("site");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(outside.join("secret"), "s").unwrap();
        std::fs::write(root.join("a b.txt"), "a").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join("a b.txt"), root.join("own")).unwrap();
        assert!(found(&root, "a%20b.txt?x=1"));
        assert!(found(&root, "own"));
        for path in ["../secret", "..%2fsecret", "%2e%2e/secret", "x/..%2f..%2fsecret", "link", "", "missing"]
        {
            assert!(!found(&root, path), "{path}");
        }
    }

    #[test]
    fn only_pyscripts_files_lose_their_digests() {
        let core = "https://pyscript.net/releases/2026.3.1/core.js";
        let html =
            format!("<script src={core} integrity=x></script>\n<script src=a.js integrity=y></script>");
        let text = String::from_utf8(without_integrity(html.as_bytes()).unwrap()).unwrap();
        assert!(!text.contains("integrity=x") && text.contains("integrity=y"), "{text}");
        assert_eq!(without_integrity(b"<script src=a.js integrity=y></script>"), None);
    }

    #[test]
    fn inline_modules_are_found_by_number() {
        let html = b"<script type=module>import 'a'</script><script type=module src=x></script>\
            <script>no</script><script type='module'>b < c</script>";
        assert_eq!(inline_module(html, 0).unwrap(), "import 'a'");
        assert_eq!(inline_module(html, 1).unwrap(), "b < c");
        assert_eq!(inline_module(html, 2), None);
    }
}
