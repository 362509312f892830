//! A site folder made into one that needs no network: pages that load PyScript from beside themselves.
//! Must not know wasmtime.
//!
//! The rooms, in the order the data flows:
//!
//! - [`site`]: the files of the site folder; [`words`]: which words their texts have
//! - [`assets`]: files from elsewhere, named by `fetch.file.finished` records
//! - [`upgrade`]: a page of PyScript's first releases in the words of today's, which [`alpha`] knows
//! - [`survey`]: what a page asks for
//! - [`plan`]: what must change in it
//! - [`pyconfig`]: the PyScript configurations that change with it
//! - [`app`]: what more must change when it is to be an app that can be installed
//! - [`rewrite`]: the page with the changes made
//! - [`served`]: the same for a server, page by page
//! - [`vendor`]: the files of PyScript and its interpreters; [`core_modules`]: which of core's a site can ask for
//! - [`stdlib`]: Python's library, all of it or what is used; [`imports`] says what that is; [`stored_zip`] repacks it
//! - [`snapshot`]: Pyodide's memory once it has started
//! - [`tree`]: all files of the bundle, compressed, digested, moved into place at once
//! - [`compress`]: the `.br` and `.gz` files, remembered by digest

mod alpha;
mod app;
mod assets;
mod compress;
mod core_modules;
mod error;
mod imports;
mod interpreter;
mod plan;
mod pyconfig;
mod rewrite;
pub mod served;
mod site;
mod snapshot;
mod stdlib;
mod stored_zip;
mod survey;
mod tree;
mod upgrade;
mod vendor;
mod words;

use std::collections::BTreeSet;
use std::path::Path;

use common::Session;
use common::fs::FileError;
use common::record::RecordPath;
use glob::Pattern;

use crate::cli::External;
use crate::config::{BundleConfig, Config};
use crate::events::Record;
use crate::packages::wanted::Wanted;
use crate::packages::{self, Desk, Provided};
use crate::runtime::Runtime;
use crate::runtime::pins::Package;
use core_modules::Core;
pub use error::BundleError;
use imports::{Depth, Module, imports};
use interpreter::Interpreter;
use pyconfig::Configs;
use survey::Head;
pub use survey::unescape;
pub use tree::LOCK;
use tree::{Content, Tree};
use upgrade::Upgraded;

/// Writes the bundle and tells `report` of it and of each URL that still names another host.
pub fn write(
    session: &Session,
    config: &Config,
    bundle: &BundleConfig,
    report: &mut dyn FnMut(Record) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let site::Folder { mut files, left_out } = read_site(bundle)?;
    if files.contains_key("pyscript/core.js") {
        // An offline release of PyScript, whose place the pinned one takes.
        files.retain(|path, _| !path.starts_with("pyscript/"));
    }
    // What of it the pages need is beside Pyodide.
    files.remove(packages::LOCK);
    let assets = bundle.assets.as_ref().map(assets::read).transpose()?.unwrap_or_default();

    let mut tree = Tree::default();
    for (path, file) in &files {
        tree.add(path, Content::File(file.clone()))?;
    }
    for asset in assets {
        tree.add(&asset.name, Content::File(asset.path))?;
    }
    let pages = rewrite_pages(&files, bundle.pwa, &mut tree)?;
    if bundle.pwa {
        add_app(&pages, &bundle.site, &mut tree)?;
    }
    for (file, Upgraded { line, what }) in &pages.upgraded {
        report(Record::PageUpgraded { file: file.clone(), line: *line, message: what.clone() })?;
    }
    keep_or_refuse(bundle.external, &pages.kept, report)?;
    let mut packages = Vec::new();
    if pages.needs.any() {
        packages = add_pyscript(session, config, bundle, &pages, &files, &mut tree)?;
    }

    let progress = session.progress.spinner("compressing");
    let written = tree.write(&bundle.out, bundle.compress, bundle.pwa, &packages)?;
    progress.finish_and_clear();
    report(Record::BundleWritten {
        files: written.files,
        bytes: written.bytes,
        br_bytes: written.br_bytes,
        left_out: left_out.into_iter().collect(),
        path: RecordPath::from(bundle.out.as_path()),
    })
}

/// The site's files; a page may well run what is named like a test, or something of npm's packages.
fn read_site(bundle: &BundleConfig) -> Result<site::Folder, BundleError> {
    let folder = site::read(&bundle.site, &bundle.out, &bundle.include)?;
    let name =
        |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    // Never what is hidden: `.env` stands in many texts that do not mean a file.
    let mut doubtful: Vec<(String, &String)> = Vec::new();
    for path in &folder.left_out {
        match name(path) {
            test if site::is_for_pytest(&test) => doubtful.push((test, path)),
            npm if npm == site::NODE_MODULES => doubtful.push((format!("{npm}/"), path)),
            _ => {}
        }
    }
    let words: Vec<&str> = doubtful.iter().map(|(word, _)| word.as_str()).collect();
    let texts = folder.files.iter().filter(|(path, _)| site::is_read(path));
    let texts = texts.map(|(_, file)| std::fs::read(file).map_err(FileError::at("read", file)));
    let said = words::said(&words, texts)?;
    let named = doubtful.iter().filter(|(word, _)| said.contains(word.as_str()));
    let named = named.filter_map(|(_, path)| Pattern::new(&Pattern::escape(path)).ok());
    let include: Vec<Pattern> = bundle.include.iter().cloned().chain(named).collect();
    if include.len() == bundle.include.len() {
        Ok(folder)
    } else {
        site::read(&bundle.site, &bundle.out, &include)
    }
}

/// Adds PyScript's core, the interpreters and the Python packages that the pages need; the answer is the published
/// packages that the files are of.
fn add_pyscript(
    session: &Session,
    config: &Config,
    bundle: &BundleConfig,
    pages: &Pages,
    files: &site::Files,
    tree: &mut Tree,
) -> Result<Vec<&'static Package>, BundleError> {
    let needs = &pages.needs;
    let runtime = Runtime::ensure(session, config)?;
    let mut provided = None;
    if !needs.packages.is_empty() {
        let desk = Desk::new(session, &runtime, &bundle.site, &bundle.packages)?;
        provided = Some(desk.provide(&needs.packages)?);
    }
    let modules = provided.as_ref().map(python_of).transpose()?.unwrap_or_default();
    let core = vendor::core(&runtime)?;
    let wanted = if bundle.whole_core {
        core.keys().cloned().collect()
    } else {
        core_of(&core, needs, tree, &modules)?
    };
    let packages = vendor::add(needs, &runtime, &wanted, tree)?;
    if let Some(provided) = &provided {
        vendor::add_packages(provided, tree)?;
    }
    if needs.interpreters.contains(&Interpreter::Pyodide) {
        let library = vendor::library(&runtime)?;
        let library = match &bundle.keep {
            None => stdlib::whole(&library).map_err(|cause| BundleError::Library { cause })?,
            Some(keep) => stdlib::stripped(&library, &pages.imports(files, &modules)?, keep)?,
        };
        if bundle.snapshot {
            let progress = session.progress.spinner("starting Pyodide for its memory image");
            snapshot::add(&runtime, &library, tree)?;
            progress.finish_and_clear();
        }
        vendor::set_library(library, tree);
    }
    Ok(packages)
}

/// Which of core's files the site can ask for: its own texts, as they are in the tree, and the packages that know
/// PyScript are all that can.
fn core_of(
    core: &Core,
    needs: &vendor::Needs,
    tree: &Tree,
    modules: &[(String, String)],
) -> Result<BTreeSet<String>, BundleError> {
    let words = core_modules::words(core);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let of_packages = modules.iter().filter(|(_, text)| text.contains("pyscript"));
    let of_packages = of_packages.map(|(_, text)| Ok(text.clone().into_bytes()));
    let said = words::said(&words, tree.texts().chain(of_packages))?;
    Ok(core_modules::needed(core, &needs.interpreters, &said))
}

/// The Python modules of packages, each with its text.
fn python_of(provided: &Provided) -> Result<Vec<(String, String)>, BundleError> {
    let mut modules = Vec::new();
    for package in provided.lock.packages.values() {
        let wheel = provided.folder.join(packages::file_name(&package.file_name));
        let archive = std::fs::read(&wheel).map_err(FileError::at("read", &wheel))?;
        let entries = stored_zip::entries(&archive).map_err(FileError::at("unpack", &wheel))?;
        let python = entries.into_iter().filter(|(path, _)| site::is_python(path));
        modules.extend(python.map(|(path, text)| (path, String::from_utf8_lossy(&text).into_owned())));
    }
    Ok(modules)
}

/// The Python packages that the pages of a site ask for, all of them or those of one page.
pub fn wanted_packages(root: &Path, page: Option<&str>) -> Result<Vec<Wanted>, BundleError> {
    let files = site::read(root, Path::new(""), &[])?.files;
    let chosen = |path: &&str| page.is_none_or(|page| page == *path);
    let pages: Vec<&str> =
        files.keys().map(String::as_str).filter(|path| site::is_page(path)).filter(chosen).collect();
    let mut configs = Configs::new(&files);
    let mut wanted = Vec::new();
    for path in pages {
        let (html, _) = upgrade::upgrade(path, &site::read_text(&files[path])?)?;
        let survey = survey::survey(path, &html)?;
        wanted.extend(plan::plan(path, &survey, &mut configs)?.needs.packages);
    }
    Ok(wanted)
}

/// What all pages together came to.
#[derive(Default)]
struct Pages {
    needs: vendor::Needs,
    kept: Vec<plan::Kept>,
    /// By path.
    heads: Vec<(String, Head)>,
    /// The Python inside the pages.
    sources: Vec<String>,
    /// Whether one of them names a manifest.
    own_manifest: bool,
    /// What was said in words of early releases, by page.
    upgraded: Vec<(String, Upgraded)>,
}

impl Pages {
    /// Every module that the site's Python imports, and that of its packages, whose `modules` these are.
    fn imports(
        &self,
        files: &site::Files,
        modules: &[(String, String)],
    ) -> Result<BTreeSet<String>, BundleError> {
        let mut used = BTreeSet::new();
        let mut read = |path: &str, text: &str| {
            let name = path.trim_end_matches(".py").replace('/', ".");
            let package = name.strip_suffix("__init__");
            let name = package.unwrap_or(&name).trim_end_matches('.');
            used.extend(imports(text, Module { name, package: package.is_some() }, Depth::All));
        };
        self.sources.iter().for_each(|source| read("", source));
        for (path, file) in files.iter().filter(|(path, _)| site::is_python(path)) {
            read(path, &site::read_text(file)?);
        }
        for (path, text) in modules {
            read(path, text);
        }
        Ok(used)
    }
}

/// Puts the pages, and the configurations that change with them, into the tree as they must be.
fn rewrite_pages(files: &site::Files, pwa: bool, tree: &mut Tree) -> Result<Pages, BundleError> {
    let mut configs = Configs::new(files);
    let mut pages = Pages::default();
    let mut surveys = Vec::new();
    for (path, file) in files.iter().filter(|(path, _)| site::is_page(path)) {
        let (html, upgraded) = upgrade::upgrade(path, &site::read_text(file)?)?;
        let survey = survey::survey(path, &html)?;
        pages.upgraded.extend(upgraded.into_iter().map(|one| (path.clone(), one)));
        surveys.push((path, html, survey));
    }
    // A site with a manifest of its own knows better.
    pages.own_manifest = surveys.iter().any(|(_, _, survey)| survey.head.manifest);
    for (path, html, survey) in surveys {
        let mut plan = plan::plan(path, &survey, &mut configs)?;
        if pwa {
            app::edit(path, &survey, pages.own_manifest, &mut plan);
        }
        pages.heads.push((path.clone(), survey.head));
        pages.sources.extend(survey.scripts.into_iter().map(|script| script.text));
        pages.needs.extend(plan.needs);
        pages.kept.extend(plan.kept);
        let changed = pages.upgraded.iter().any(|(upgraded, _)| upgraded == path);
        if changed || !plan.edits.is_empty() {
            tree.replace(path, Content::Bytes(rewrite::rewrite(path, &html, &plan.edits)?.into_bytes()));
        }
    }
    for (path, file) in files.iter().filter(|(path, _)| site::is_style(path)) {
        pages.kept.extend(plan::style_references(path, &site::read_text(file)?));
    }
    for (path, text) in configs.finish() {
        tree.replace(&path, Content::Bytes(text.into_bytes()));
    }
    Ok(pages)
}

/// Adds what makes the bundle an app, except for the service worker, which knows all other files.
fn add_app(pages: &Pages, site: &Path, tree: &mut Tree) -> Result<(), BundleError> {
    let heads = pages.heads.iter().map(|(path, head)| (path.as_str(), head));
    if pages.own_manifest {
        return Ok(());
    }
    let site = site.canonicalize().map_err(FileError::at("find", site))?;
    for (path, bytes) in app::app(heads, &site).files() {
        tree.add(&path, Content::Bytes(bytes))?;
    }
    Ok(())
}

/// Deals with the URLs that still name another host as the user wishes.
fn keep_or_refuse(
    external: External,
    kept: &[plan::Kept],
    report: &mut dyn FnMut(Record) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    for plan::Kept { file, line, url } in kept {
        let (file, line, url) = (file.clone(), *line, url.clone());
        match external {
            External::Allow => {}
            External::Deny => return Err(BundleError::External { file, line, url }),
            External::Warn => report(Record::ReferenceKept { file, line, url })?,
        }
    }
    Ok(())
}
