//! `pyweb test --steps`: a test told step by step, as JSON lines; each step is answered by a record. The wire
//! protocol of the pytest plugin (`pyweb/python`), and a script for whoever likes to write one.
//!
//! - [`script`]: the steps in their order: tests, answers, the verdict
//! - `asked`: what the page has asked the test
//! - [`browser`]: the page that the steps are about: told what to do, heard, closed
//! - `going`: from page to page: gone to, loaded, copied
//! - `warm`: pages that are only copied
//! - [`signal`]: what it says that somebody waits for
//! - [`process`]: a page process, from outside
//! - [`host`]: the same from inside
//! - [`message`]: what the two say to each other
//!
//! A step is an object with its name as `step`, and an `id` that its answer has again. Steps on elements have a
//! `locator`: a list of parts, each narrowing what those before it found. Those that wait have `timeout_ms`.
//!
//! | steps | with |
//! |---|---|
//! | `test` | `id`: begins a test of that name; the steps up to the next are its |
//! | `goto` `reload` `go` `close` | `url`, relative to the site; `delta` in the history |
//! | `click` `dblclick` `hover` `focus` `blur` | `locator`, `force`; `button`, `click_count` |
//! | `fill` `type` `press` `set_checked` `select_option` | `locator`; `value`, `text`, `key`, `checked`, `values` |
//! | `dispatch_event` | `locator`, `type`, `init` |
//! | `read` | `locator`, `what`: `text_content`, `input_value`, `count`, `is_visible`, … |
//! | `expect` | `matcher`: Playwright's name, `expected`, `negated`, `options`; `locator`, or none for the page |
//! | `wait_for` `wait_for_function` `wait_for_url` | `state`; `expression`, `argument`; `url` |
//! | `evaluate` `evaluate_py` | `expression`, `argument`; `code`, `type` |
//! | `title` `url` `content` | |
//! | `route` `unroute` `route_answer` | `route`: a number, `url`: a glob or regex, `fulfill`; `request`, `action` |
//! | `dialogs` `dialog_answer` | `asks`: whether the test answers them; `dialog`, `accept`, `text` |
//! | `offline` `clock` `init_script` `set_storage` | `offline`; `action`, `time`, `milliseconds`; `script`; `local`, `session`, `databases` |
//!
//! A locator's parts are `css`, `role` (with `name`), `text`, `label`, `placeholder`, `alt_text`, `title`, `test_id`,
//! `has_text`, `has`, `visible`, `nth`, `and`, `or`; a text may be `{"regex": …, "flags": …}`.
//!
//! A page is loaded once, by a process of its own. From then on it is warm: each test that opens it gets a copy
//! made by `fork`, unless the test prepared something that must be there before the page loads.
//!
//! With `--engine chromium`, a tab of a real browser with a profile of its own takes the place of the process, and
//! each test loads its pages anew.

mod asked;
pub mod browser;
mod going;
pub mod host;
pub mod message;
pub mod process;
pub mod script;
pub mod signal;
mod warm;

pub use script::run;
