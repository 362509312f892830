//! What a job of GitHub Actions is told: an annotation for each failure, on standard error, which the runner reads as
//! it does standard output; and a summary in Markdown for the job's page.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use common::app::Session;
use common::outcome::TestFinished;
use common::progress::Progress;
use common::term::{Styles, duration_us};

use super::summary::totals;
use super::{Render, flaky_line};
use crate::config::GithubConfig;
use crate::events::{Flaky, Record};
use crate::reduce::{Report, TestHeard, headline, place, plain};

/// GitHub takes no more of a step's summary than 1 MiB; this leaves room for those of other commands of the step.
const LONGEST_SUMMARY: usize = 1 << 19;
/// No failure's text is longer than this there.
const LONGEST_FAILURE: usize = 1 << 14;
/// So many of the slowest tests are named, which took this long at least, in microseconds.
const SLOWEST: (usize, u64) = (5, 5_000);

/// Tells GitHub of a run under way, or of a report.
pub struct Github {
    config: GithubConfig,
    progress: Progress,
    report: Report,
}

impl Github {
    /// In a job that says this of itself.
    pub fn new(config: GithubConfig, session: &Session) -> Self {
        Github { config, progress: session.progress.clone(), report: Report::default() }
    }

    /// Tells all of a report.
    pub fn report(&self, report: &Report) -> io::Result<()> {
        report.failures().try_for_each(|test| self.failed(&test.finished))?;
        report.flaky().try_for_each(|flaky| self.flaky(flaky))?;
        self.summary(report);
        Ok(())
    }

    fn failed(&self, test: &TestFinished) -> io::Result<()> {
        let message = plain(&test.message);
        let place = place(&test.id, &message);
        let own = test.id.split("::").next().unwrap_or_default();
        let (file, line) = place.map_or((own, None), |(file, line)| (file, Some(line)));
        self.annotate("error", file, line, &test.id, &message)
    }

    fn flaky(&self, flaky: &Flaky) -> io::Result<()> {
        let file = flaky.id.split("::").next().unwrap_or_default();
        self.annotate("warning", file, None, &format!("flaky: {}", flaky.id), &flaky_line(flaky))
    }

    fn annotate(
        &self,
        level: &str,
        file: &str,
        line: Option<u32>,
        title: &str,
        text: &str,
    ) -> io::Result<()> {
        let file = self.config.folder.join(Path::new(file));
        let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
        let (file, title) = (property(&file.to_string_lossy()), property(title));
        let command = format!("::{level} file={file}{line},title={title}::{}\n", data(text));
        self.progress.suspend(|| io::stderr().write_all(command.as_bytes()))
    }

    /// Adds to the job's summary, where there is one. That it cannot is no reason to end a run.
    fn summary(&self, report: &Report) {
        let Some(path) = &self.config.summary else { return };
        let file = OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = file.and_then(|mut file| file.write_all(markdown(report).as_bytes())) {
            let text = format!("warning: failed to add to {}: {error}\n", path.display());
            // Nowhere to report a failure to write to standard error.
            let _ = self.progress.suspend(|| io::stderr().write_all(text.as_bytes()));
        }
    }
}

impl Render for Github {
    fn show(&mut self, record: &Record) -> io::Result<()> {
        self.report.record(record);
        match record {
            Record::TestFinished(test) if test.outcome.is_bad() => self.failed(test),
            Record::FlakyFound(flaky) => self.flaky(flaky),
            Record::TestsEnded { .. } => {
                // It ends in order, which nobody has said yet.
                self.report.runs.iter_mut().for_each(|run| run.exit = Some(0));
                self.summary(&self.report);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn markdown(report: &Report) -> String {
    let mut text = format!("### Tests: {}\n\n", totals(report, Styles::default()));
    for test in report.failures() {
        let failure = markdown_of(test);
        if text.len() + failure.len() > LONGEST_SUMMARY {
            text += "More failures are in the log.\n\n";
            break;
        }
        text += &failure;
    }
    for flaky in report.flaky() {
        text += &format!("- flaky: {}\n", html(&flaky_line(flaky)));
    }
    let slow = report.slowest(SLOWEST.0, SLOWEST.1);
    if !slow.is_empty() {
        text += "\n| slowest | test |\n| ---: | --- |\n";
    }
    for test in slow {
        let id = html(&test.id).replace('|', "&#124;");
        text += &format!("| {} | <code>{id}</code> |\n", duration_us(test.duration_us));
    }
    text + "\n"
}

fn markdown_of(test: &TestHeard) -> String {
    let TestFinished { id, message, output, .. } = &test.finished;
    let (message, output) = (plain(message), plain(output));
    let mut body = format!("{}\n{}", message.trim_end(), output.trim_end());
    if body.len() > LONGEST_FAILURE {
        let end = body.floor_char_boundary(LONGEST_FAILURE);
        body.truncate(end);
        body += "\n…";
    }
    // A fence longer than any within.
    let ticks = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(ticks.max(2) + 1);
    let (id, line) = (html(id), html(headline(&message)));
    format!(
        "<details><summary><code>{id}</code> {line}</summary>\n\n{fence}text\n{body}\n{fence}\n\n</details>\n\n"
    )
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::outcome::Outcome;

    #[test]
    fn commands_are_escaped_as_the_runner_unescapes_them() {
        assert_eq!(data("100%\r\na:b,c"), "100%25%0D%0Aa:b,c");
        assert_eq!(property("a.py::t[1,2]"), "a.py%3A%3At[1%2C2]");
    }

    #[test]
    fn no_text_breaks_out_of_the_summary() {
        let finished = TestFinished {
            id: "a.py::t[<b>|]".into(),
            outcome: Outcome::Failed,
            duration_us: 9_000,
            worker: "gw0".into(),
            message: "E   assert '```' == </details>".into(),
            output: String::new(),
        };
        let mut report = Report::default();
        report.record(&Record::TestFinished(finished));
        let text = markdown(&report);
        assert!(text.contains("````text\nE   assert '```' == </details>\n\n````"), "{text}");
        assert!(text.contains("<code>a.py::t[&lt;b&gt;|]</code> assert '```' == &lt;/details&gt;"), "{text}");
        assert!(text.contains("| 9 ms | <code>a.py::t[&lt;b&gt;&#124;]</code> |"), "{text}");
    }
}
