//! A site folder made into one that needs no network: pages that load PyScript from beside themselves.
//! Must not know wasmtime.
//!
//! The rooms, in the order the data flows:
//!
//! - [`site`]: the files of the site folder
//! - [`assets`]: files from elsewhere, named by `fetch.file.finished` records
//! - [`survey`]: what a page asks for
//! - [`plan`]: what must change in it
//! - [`pyconfig`]: the PyScript configurations that change with it
//! - [`rewrite`]: the page with the changes made
//! - [`served`]: the same for a server, page by page
//! - [`vendor`]: the files of PyScript and its interpreters
//! - [`stored_zip`]: Python's library repacked for Brotli
//! - [`tree`]: all files of the bundle, compressed, digested, moved into place at once
//! - [`compress`]: the `.br` and `.gz` files, remembered by digest

mod assets;
mod compress;
mod interpreter;
mod plan;
mod pyconfig;
mod rewrite;
pub mod served;
mod site;
mod stored_zip;
mod survey;
mod tree;
mod vendor;

use common::Session;
use common::record::RecordPath;

use crate::cli::External;
use crate::config::{BundleConfig, Config};
use crate::error::BundleError;
use crate::events::Record;
use crate::runtime::Runtime;
use pyconfig::Configs;
pub use tree::LOCK;
use tree::{Content, Tree};

/// Writes the bundle and tells `report` of it and of each URL that still names another host.
pub fn write(
    session: &Session,
    config: &Config,
    bundle: &BundleConfig,
    report: &mut dyn FnMut(Record) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    let mut files = site::files(&bundle.site, &bundle.out)?;
    if files.contains_key("pyscript/core.js") {
        // An offline release of PyScript, whose place the pinned one takes.
        files.retain(|path, _| !path.starts_with("pyscript/"));
    }
    let assets = bundle.assets.as_ref().map(assets::read).transpose()?.unwrap_or_default();

    let mut tree = Tree::default();
    for (path, file) in &files {
        tree.add(path, Content::File(file.clone()))?;
    }
    for asset in assets {
        tree.add(&asset.name, Content::File(asset.path))?;
    }
    let pages = rewrite_pages(&files, &mut tree)?;
    keep_or_refuse(bundle.external, pages.kept, report)?;
    let mut packages = Vec::new();
    if pages.needs.any() {
        packages = vendor::add(&pages.needs, &Runtime::ensure(session, config)?, &mut tree)?;
    }

    let progress = session.progress.spinner("compressing");
    let written = tree.write(&bundle.out, bundle.compress, &packages)?;
    progress.finish_and_clear();
    report(Record::BundleWritten {
        files: written.files,
        bytes: written.bytes,
        br_bytes: written.br_bytes,
        path: RecordPath::from(bundle.out.as_path()),
    })
}

/// What all pages together came to.
#[derive(Default)]
struct Pages {
    needs: vendor::Needs,
    kept: Vec<plan::Kept>,
}

/// Puts the pages, and the configurations that change with them, into the tree as they must be.
fn rewrite_pages(files: &site::Files, tree: &mut Tree) -> Result<Pages, BundleError> {
    let mut configs = Configs::new(files);
    let mut pages = Pages::default();
    for (path, file) in files.iter().filter(|(path, _)| site::is_page(path)) {
        let html = site::read_text(file)?;
        let survey = survey::survey(path, &html)?;
        let plan = plan::plan(path, &survey, &mut configs)?;
        pages.needs.extend(plan.needs);
        pages.kept.extend(plan.kept);
        if !plan.edits.is_empty() {
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

/// Deals with the URLs that still name another host as the user wishes.
fn keep_or_refuse(
    external: External,
    kept: Vec<plan::Kept>,
    report: &mut dyn FnMut(Record) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    match external {
        External::Allow => Ok(()),
        External::Deny => match kept.into_iter().next() {
            Some(plan::Kept { file, line, url }) => Err(BundleError::External { file, line, url }),
            None => Ok(()),
        },
        External::Warn => kept
            .into_iter()
            .try_for_each(|plan::Kept { file, line, url }| report(Record::ReferenceKept { file, line, url })),
    }
}
