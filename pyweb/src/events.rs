//! The records of this tool. Must not know who emits them or how they are shown.

use std::collections::BTreeMap;

use common::outcome::{TestFinished, TestStarted};
use common::record::RecordPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One record of pyweb.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum Record {
    /// All scripts of a page have run.
    #[serde(rename = "pyweb.page.ready")]
    PageReady {
        /// The page's path from the root of its site.
        page: String,
        /// From the start of loading, in microseconds.
        duration_us: u64,
    },
    /// The page wrote to its console.
    #[serde(rename = "pyweb.console.logged")]
    ConsoleLogged {
        /// The page's path from the root of its site.
        page: String,
        /// `debug`, `info`, `warn` or `error`.
        level: String,
        /// What it wrote, on one or more lines.
        message: String,
    },
    /// A Python exception that nothing in the page caught.
    #[serde(rename = "pyweb.python.raised")]
    PythonRaised {
        /// The source file, from the root of its site; the page itself for code inside it.
        file: String,
        /// The line in that file, from 1; 0 where the traceback names none.
        line: u32,
        /// The exception as the last line of its traceback says it.
        message: String,
        /// The whole traceback; empty when there is none.
        traceback: String,
    },
    /// The document of a page, read after everything that was asked for.
    #[serde(rename = "pyweb.dom.rendered")]
    DomRendered {
        /// The page's path from the root of its site.
        page: String,
        /// Its markup.
        html: String,
    },
    /// A test began.
    #[serde(rename = "test.started")]
    TestStarted(TestStarted),
    /// A test ended.
    #[serde(rename = "test.finished")]
    TestFinished(TestFinished),
    /// A step of `pyweb test --steps` has been carried out, or could not be.
    #[serde(rename = "pyweb.step.finished")]
    StepFinished {
        /// The step's own `id`; without one, the number of its line.
        id: serde_json::Value,
        /// Its name.
        step: String,
        /// How it went.
        outcome: StepOutcome,
        /// Why not, for programs; empty when it passed.
        code: String,
        /// Why not, for people; empty when it passed.
        message: String,
        /// The traceback, where Python code given by the step raised something; else empty.
        traceback: String,
        /// What was asked for, as far as JSON can carry it.
        value: serde_json::Value,
        /// How long it took, in microseconds.
        duration_us: u64,
    },
    /// A request of the page waits for a `route_answer` step.
    #[serde(rename = "pyweb.request.intercepted")]
    RequestIntercepted {
        /// Its number, for the answer.
        request: u64,
        /// The `route` of the step that intercepts it.
        route: serde_json::Value,
        /// Its address.
        url: String,
        /// Its method, such as `GET`.
        method: String,
        /// Its headers.
        headers: BTreeMap<String, String>,
        /// Its body as text, if it has one.
        post_data: Option<String>,
    },
    /// A dialog of the page waits for a `dialog_answer` step.
    #[serde(rename = "pyweb.dialog.opened")]
    DialogOpened {
        /// Its number, for the answer.
        dialog: u64,
        /// Which it is.
        kind: DialogKind,
        /// What it says.
        message: String,
        /// What a prompt suggests; else empty.
        default_value: String,
    },
    /// A pinned package, as `pyweb runtime list` knows it.
    #[serde(rename = "pyweb.package.listed")]
    PackageListed {
        /// Its name on npm.
        name: String,
        /// The pinned version.
        version: String,
        /// The digest of its archive as a Subresource Integrity string.
        integrity: String,
        /// Whether it is here.
        installed: bool,
    },
    /// A pinned package was got, verified and unpacked.
    #[serde(rename = "pyweb.package.installed")]
    PackageInstalled {
        /// Its name on npm.
        name: String,
        /// The pinned version.
        version: String,
        /// Where it came from.
        source: PackageSource,
        /// How many files it has.
        files: u64,
        /// Their size.
        size_bytes: u64,
        /// Its folder.
        #[serde(flatten)]
        path: RecordPath,
    },
    /// The files of a package were hashed again.
    #[serde(rename = "pyweb.package.verified")]
    PackageVerified {
        /// Its name on npm.
        name: String,
        /// The pinned version.
        version: String,
        /// How many files it should have.
        files: u64,
        /// Those that are missing or not what they were; empty when all is well.
        damaged: Vec<String>,
    },
    /// A new page is complete in its folder.
    #[serde(rename = "pyweb.project.created")]
    ProjectCreated {
        /// The template it was made of.
        template: String,
        /// `py` or `mpy`.
        interpreter: String,
        /// Whether its Python runs in a worker.
        worker: bool,
        /// Its files, by their paths from the folder.
        files: Vec<String>,
        /// The folder.
        #[serde(flatten)]
        path: RecordPath,
    },
    /// `pyweb serve` listens.
    #[serde(rename = "pyweb.server.started")]
    ServerStarted {
        /// Its URL, which ends with a slash.
        url: String,
        /// The port it listens at.
        port: u16,
        /// The folder it serves: an absolute path.
        #[serde(flatten)]
        path: RecordPath,
    },
    /// A request has been answered as far as its client wanted.
    #[serde(rename = "pyweb.request.served")]
    RequestServed {
        /// `GET`, `HEAD` or what else the client tried.
        method: String,
        /// The path as the client wrote it, without the query.
        path: String,
        /// The status of the response.
        status: u16,
        /// How many bytes of its body went out: less than it has when the client went away.
        bytes: u64,
        /// From the end of the request's head to the last byte handed over, in microseconds.
        duration_us: u64,
    },
    /// Files of the served site have changed, and its pages know.
    #[serde(rename = "pyweb.site.changed")]
    SiteChanged {
        /// Their paths from the root of the site.
        files: Vec<String>,
    },
    /// A page was served as it was written, because it cannot have its PyScript from here.
    #[serde(rename = "pyweb.page.rejected")]
    PageRejected {
        /// The page's path from the root of its site.
        page: String,
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A page of a bundle still names another host.
    #[serde(rename = "pyweb.reference.kept")]
    ReferenceKept {
        /// The page, from the root of the site.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The URL.
        url: String,
    },
    /// A Python package is pinned.
    #[serde(rename = "pyweb.wheel.locked")]
    WheelLocked {
        /// Its canonical name.
        name: String,
        /// Its version.
        version: String,
        /// Its wheel; for one of the site, the path from the site's root.
        file: String,
        /// The wheel's SHA-256 in hexadecimal.
        sha256: String,
        /// The canonical names of the packages that it needs.
        depends: Vec<String>,
    },
    /// The list of a site's Python packages is in its place.
    #[serde(rename = "pyweb.lock.written")]
    LockWritten {
        /// How many packages it has.
        packages: u64,
        /// The list.
        #[serde(flatten)]
        path: RecordPath,
    },
    /// A page spoke the words of an early PyScript; in the bundle it speaks today's.
    #[serde(rename = "pyweb.page.upgraded")]
    PageUpgraded {
        /// The page, from the root of the site.
        file: String,
        /// The line, from 1.
        line: u32,
        /// What became what.
        message: String,
    },
    /// A bundle is complete and in its place.
    #[serde(rename = "pyweb.bundle.written")]
    BundleWritten {
        /// How many files it has, the compressed ones beside them not counted.
        files: u64,
        /// Their size.
        bytes: u64,
        /// What a browser loads: the Brotli size where there is one, else the plain size.
        br_bytes: u64,
        /// What of the site did not go into it, as paths from its root; those of folders end with a slash.
        left_out: Vec<String>,
        /// The bundle's folder.
        #[serde(flatten)]
        path: RecordPath,
    },
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// It was carried out, and what it expects holds.
    Passed,
    /// It was not, or that does not hold.
    Failed,
    /// A step before it in the same test failed.
    Skipped,
}

/// A dialog of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DialogKind {
    /// It only says something.
    Alert,
    /// It asks for yes or no.
    Confirm,
    /// It asks for a text.
    Prompt,
}

/// Where a package came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PackageSource {
    /// The npm registry of the machine's own configuration.
    Npm,
    /// A folder that the user named.
    Folder,
    /// The public content delivery network of npm packages.
    Cdn,
}
