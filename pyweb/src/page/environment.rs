//! The scripts of `pyweb/js`: what a page finds in the headless browser. Must not know what they do.

use std::borrow::Cow;

use crate::headless::Script;

/// Where the site serves the modules among them.
pub const BASE: &str = "pyweb://js/";

/// The module that does with a page what it is told.
pub const SESSION: &str = "pyweb://js/session.mjs";

/// The module that is a worker.
pub const WORKER: &str = "pyweb://js/worker.mjs";

/// The module that runs a page.
pub const ENTRY: &str = "pyweb://js/page.mjs";

/// Carries files of `pyweb/js` in the binary, each with its name.
macro_rules! carried {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../js/", $name)))),*] };
}

/// Evaluated before any module, in this order: each stands on those before it.
const SCRIPTS: &[(&str, &str)] = carried![
    "regexp.js",
    "console.js",
    "events.js",
    "timers.js",
    "text.js",
    "url.js",
    "messages.js",
    "workers.js",
    "routes.js",
    "network.js",
    "files.js",
    "storage.js",
    "indexeddb-keys.js",
    "indexeddb-stores.js",
    "indexeddb.js",
    "platform.js",
];

const MODULES: &[(&str, &str)] = carried![
    "boxes.mjs",
    "chromium-clock.mjs",
    "chromium-hands.mjs",
    "chromium-native.mjs",
    "chromium.mjs",
    "classes.mjs",
    "commands.mjs",
    "css.mjs",
    "dialogs.mjs",
    "document.mjs",
    "expect.mjs",
    "forms.mjs",
    "hands.mjs",
    "history.mjs",
    "image.mjs",
    "innertext.mjs",
    "keyboard.mjs",
    "layout.mjs",
    "load.mjs",
    "locate.mjs",
    "markup.mjs",
    "media.mjs",
    "notices.mjs",
    "number.mjs",
    "page.mjs",
    "popover.mjs",
    "pyodide.mjs",
    "python.mjs",
    "reflect.mjs",
    "rest.mjs",
    "scripts.mjs",
    "selectors.mjs",
    "session.mjs",
    "steps.mjs",
    "stored.mjs",
    "styles.mjs",
    "svg.mjs",
    "user.mjs",
    "visit.mjs",
    "worker.mjs",
    "xpath-parse.mjs",
    "xpath.mjs",
];

/// The classic scripts.
pub fn scripts() -> Vec<Script> {
    let script = |&(name, source): &(&str, &'static str)| Script {
        url: format!("{BASE}{name}"),
        source: Cow::Borrowed(source),
    };
    SCRIPTS.iter().map(script).collect()
}

/// The classic script of this name.
pub fn script(name: &str) -> Option<&'static str> {
    SCRIPTS.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// The module of this name.
pub fn module(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}
