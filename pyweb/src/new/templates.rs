//! The pages that a new folder can begin with: the files of `pyweb/templates`, carried in the binary.
//!
//! In a page `{{title}}` stands for the folder's name, `{{type}}` for the interpreter and `{{worker}}` for the
//! attribute `worker`. Each page's `style.css` is the one that all share with its own behind it.

use super::Python::{self, Micropython, Pyodide};
use crate::cli;

/// A page to begin with.
#[derive(Debug)]
pub struct Template {
    /// Its name on the command line.
    pub name: &'static str,
    /// What can run it; the first does where nothing is said.
    pub pythons: &'static [Python],
    /// Whether it runs in a worker.
    pub worker: Worker,
    files: &'static [(&'static str, &'static str)],
}

/// Whether a page's Python runs in a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// It does not.
    Never,
    /// If so asked for.
    Optional,
    /// It does.
    Always,
}

/// A template whose files lie in the folder of its name.
macro_rules! template {
    ($name:literal, $pythons:expr, $worker:expr, [$($file:literal),* $(,)?]) => {
        Template {
            name: $name,
            pythons: &$pythons,
            worker: $worker,
            files: &[$(($file, include_str!(concat!("../../templates/", $name, "/", $file)))),*],
        }
    };
}

const EITHER: [Python; 2] = [Micropython, Pyodide];
const STYLE: &str = include_str!("../../templates/style.css");

static HELLO: Template =
    template!("hello", EITHER, Worker::Optional, ["index.html", "main.py", "style.css", "test_page.py"]);
static TODO: Template =
    template!("todo", EITHER, Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static REPL: Template =
    template!("repl", [Pyodide], Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static CLOCK: Template =
    template!("clock", EITHER, Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static ANTIGRAVITY: Template = template!(
    "antigravity",
    EITHER,
    Worker::Never,
    ["index.html", "main.py", "antigravity.py", "pyscript.toml", "style.css", "test_page.py"]
);
static PLOT: Template =
    template!("plot", EITHER, Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static TERMINAL: Template =
    template!("terminal", [Pyodide], Worker::Always, ["index.html", "main.py", "style.css", "test_page.py"]);
static WORKER: Template = template!(
    "worker",
    EITHER,
    Worker::Always,
    ["index.html", "main.py", "worker.py", "style.css", "test_page.py"]
);
static NOTES: Template =
    template!("notes", EITHER, Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static MANDELBROT: Template =
    template!("mandelbrot", [Pyodide], Worker::Never, ["index.html", "main.py", "style.css", "test_page.py"]);
static D3: Template = template!(
    "d3",
    EITHER,
    Worker::Never,
    ["index.html", "main.py", "d3.min.js", "d3.LICENSE", "style.css", "test_page.py"]
);
static SQLITE: Template = template!(
    "sqlite",
    [Pyodide],
    Worker::Never,
    ["index.html", "main.py", "pyscript.toml", "style.css", "test_page.py"]
);

/// The template of that name.
pub fn of(name: cli::Template) -> &'static Template {
    match name {
        cli::Template::Hello => &HELLO,
        cli::Template::Todo => &TODO,
        cli::Template::Repl => &REPL,
        cli::Template::Clock => &CLOCK,
        cli::Template::Antigravity => &ANTIGRAVITY,
        cli::Template::Plot => &PLOT,
        cli::Template::Terminal => &TERMINAL,
        cli::Template::Worker => &WORKER,
        cli::Template::Notes => &NOTES,
        cli::Template::Mandelbrot => &MANDELBROT,
        cli::Template::D3 => &D3,
        cli::Template::Sqlite => &SQLITE,
    }
}

impl Template {
    /// Its files for a page with this title, each with its name.
    pub fn files(&self, title: &str, python: Python, worker: bool) -> Vec<(&'static str, String)> {
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let filled = |text: &str| {
            text.replace("{{type}}", python.tag())
                .replace("{{worker}}", if worker { " worker" } else { "" })
                .replace("{{title}}", &title)
        };
        let file = |&(name, text): &(&'static str, &str)| match name {
            "style.css" => (name, format!("{STYLE}\n{text}")),
            "index.html" => (name, filled(text)),
            _ => (name, text.to_owned()),
        };
        self.files.iter().map(file).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_template_is_whole() {
        for name in cli::Template::value_variants() {
            let template = of(*name);
            assert_eq!(name.to_possible_value().map(|value| value.get_name() == template.name), Some(true));
            for python in template.pythons {
                for (name, text) in template.files("a <b> & {{type}}", *python, true) {
                    assert!(name == "d3.min.js" || !text.contains("{{t") || name == "index.html", "{name}");
                    if name == "index.html" {
                        assert!(text.contains("<title>a &lt;b> &amp; {{type}}</title>"), "{}", template.name);
                        assert!(text.contains(&format!("type=\"{}\"", python.tag())), "{}", template.name);
                        assert!(!text.contains("{{worker}}"), "{}", template.name);
                    }
                }
            }
        }
    }
}
