//! What the live view looks like: a run's progress to the cells of a few lines. Must not know of terminals.

use std::time::Duration;

use common::outcome::Outcome;
use common::term::{Styles, duration_us};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{LineGauge, Widget};

use crate::reduce::{Progress, Running};

/// Beyond it there is nothing to read.
const WIDEST: u16 = 160;
/// A terminal so wide shows the workers in two columns.
const TWO_COLUMNS: u16 = 120;
/// A test that takes longer stands out.
const LONG: Duration = Duration::from_secs(5);
/// Less than this is not worth saying that it is left.
const SAID: Duration = Duration::from_secs(2);
/// A bar is not longer, and none shorter is drawn.
const BAR: (u16, u16) = (6, 60);

/// The lines for a terminal of so many columns and rows, `now` after the run began. The first is blank: the cursor
/// rests there.
pub fn view(progress: &Progress, now: Duration, (columns, rows): (u16, u16), styles: Styles) -> Buffer {
    // In the last column a terminal may begin a new line by itself.
    let width = columns.saturating_sub(1).clamp(1, WIDEST);
    let most = (rows / 2).clamp(2, rows.max(2));
    let room = usize::from(most).saturating_sub(3);
    let columns = if width >= TWO_COLUMNS && progress.workers().len() > 4 { 2 } else { 1 };
    let mut lines = vec![counts(progress, now, width)];
    if room > 0 {
        lines.extend(workers(progress, now, room, columns, width));
    }
    if lines.len() <= room {
        lines.extend(slowest(progress, width));
    }
    lines.truncate(usize::from(most).saturating_sub(2));
    let height = u16::try_from(lines.len()).unwrap_or(0) + 2;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    bar(progress, now, Rect::new(0, 1, width, 1), &mut buffer);
    for (y, line) in (2..).zip(lines) {
        buffer.set_line(0, y, &line, width);
    }
    if !styles.color() {
        let area = buffer.area;
        buffer.set_style(area, Style::reset());
    }
    buffer
}

fn bar(progress: &Progress, now: Duration, area: Rect, buffer: &mut Buffer) {
    let Progress { done, total, .. } = progress;
    let share = if *total == 0 { 0 } else { done * 100 / total };
    let numbers = format!(" {share:>3}%  {done}/{total}  {}", clock(now));
    let length = u16::try_from(numbers.len()).unwrap_or(u16::MAX);
    let room = area.width.saturating_sub(length + 1).min(BAR.1);
    let [_, gauge, rest] =
        Layout::horizontal([Constraint::Length(1), Constraint::Length(room), Constraint::Fill(1)])
            .areas(area);
    let failed = bad(progress) > 0;
    if room >= BAR.0 {
        // The label would take its place in front even when it is empty.
        let gauge = Rect { x: gauge.x - 1, width: gauge.width + 1, ..gauge };
        #[expect(clippy::cast_precision_loss, reason = "a bar has few cells")]
        let ratio = if *total == 0 { 0.0 } else { (*done as f64 / *total as f64).min(1.0) };
        LineGauge::default()
            .ratio(ratio)
            .label("")
            .filled_symbol("━")
            .unfilled_symbol("─")
            .filled_style(Style::new().fg(if failed { Color::Red } else { Color::Green }))
            .unfilled_style(Style::new().add_modifier(Modifier::DIM))
            .render(gauge, buffer);
    }
    let at = if room >= BAR.0 { rest } else { area };
    buffer.set_stringn(at.x, at.y, numbers, usize::from(at.width), Style::new().add_modifier(Modifier::BOLD));
}

/// ` 1200 passed · 2 failed · 30 skipped        7 s left`
fn counts(progress: &Progress, now: Duration, width: u16) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    let mut add = |number: u64, word: &str, color: Color| {
        if number > 0 {
            if spans.len() > 1 {
                spans.push(Span::styled(" · ", dim()));
            }
            spans.push(Span::styled(format!("{number} {word}"), Style::new().fg(color)));
        }
    };
    let count = |outcome| progress.counts.get(&outcome).copied().unwrap_or(0);
    add(count(Outcome::Failed), "failed", Color::Red);
    add(count(Outcome::Error), if count(Outcome::Error) == 1 { "error" } else { "errors" }, Color::Red);
    add(count(Outcome::Passed), "passed", Color::Green);
    add(count(Outcome::Skipped), "skipped", Color::Yellow);
    add(count(Outcome::Xfailed), "xfailed", Color::Yellow);
    add(count(Outcome::Xpassed), "xpassed", Color::Yellow);
    add(progress.retried, "retried", Color::Yellow);
    let mut line = Line::from(spans);
    let said = match (&progress.halted, progress.left(now)) {
        (Some(reason), _) => Some(Span::styled(reason.clone(), Style::new().fg(Color::Yellow))),
        (None, Some(left)) if left >= SAID => {
            Some(Span::styled(format!("about {} left", whole(left)), dim()))
        }
        (None, _) if progress.done == 0 => return Line::from(Span::styled(" running", dim())),
        (None, _) => None,
    };
    if let Some(said) = said
        && line.width() + said.width() + 3 <= usize::from(width)
    {
        line.push_span(Span::styled(" · ", dim()));
        line.push_span(said);
    }
    line
}

/// A line for each worker, in so many columns; the one that runs longest first where there is no room for all.
fn workers(progress: &Progress, now: Duration, room: usize, columns: u16, width: u16) -> Vec<Line<'static>> {
    let mut shown: Vec<(&str, Option<&Running>)> = progress.workers().collect();
    let most = room * usize::from(columns);
    let hidden = shown.len().saturating_sub(most);
    if hidden > 0 {
        shown.sort_by_key(|(_, running)| running.map_or(Duration::MAX, |running| running.since));
        shown.truncate(most.saturating_sub(usize::from(columns)).max(1));
    }
    let name = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let each = usize::from(width / columns.max(1));
    let mut lines = Vec::new();
    for row in shown.chunks(usize::from(columns.max(1))) {
        let mut line = Line::default();
        for (at, (worker, running)) in row.iter().enumerate() {
            pad(&mut line, at * each);
            for span in self::worker(worker, name, *running, now, each.saturating_sub(1)) {
                line.push_span(span);
            }
        }
        lines.push(line);
    }
    if hidden > 0 && lines.len() < room {
        lines.push(Line::from(Span::styled(
            format!(" and {} more", progress.workers().len() - shown.len()),
            dim(),
        )));
    }
    lines
}

/// ` gw0    0.3 s  tests/test_a.py::test_b`
fn worker(
    name: &str,
    widest: usize,
    running: Option<&Running>,
    now: Duration,
    width: usize,
) -> Vec<Span<'static>> {
    let mut spans = vec![Span::styled(format!(" {name:widest$}"), Style::new().fg(Color::Cyan))];
    let Some(Running { id, since }) = running else {
        spans.push(Span::styled(format!("  {:>7}", "idle"), dim()));
        return spans;
    };
    let time = now.saturating_sub(*since);
    let style = if time >= LONG { Style::new().fg(Color::Yellow) } else { dim() };
    spans.push(Span::styled(format!("  {:>7}  ", clock(time)), style));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(shorten(id, width.saturating_sub(used))));
    spans
}

/// ` slowest  4.20 s test_bar · 3.10 s test_foo`, as many as there is room for.
fn slowest(progress: &Progress, width: u16) -> Option<Line<'static>> {
    let mut line = Line::from(Span::styled(" slowest", dim()));
    for (at, (us, id)) in progress.slowest.iter().enumerate() {
        let name = id.rsplit("::").next().unwrap_or(id);
        let between = if at == 0 { "  " } else { " · " };
        let begin = format!("{between}{} ", duration_us(*us));
        let room = usize::from(width).saturating_sub(line.width() + Span::raw(&begin).width());
        // The slowest is shown as far as it fits, the others whole.
        if at > 0 && Span::raw(name).width() > room {
            break;
        }
        line.push_span(Span::styled(begin + &shorten(name, room), dim()));
    }
    (!progress.slowest.is_empty()).then_some(line)
}

fn bad(progress: &Progress) -> u64 {
    progress.counts.iter().filter(|(outcome, _)| outcome.is_bad()).map(|(_, number)| number).sum()
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn pad(line: &mut Line<'static>, column: usize) {
    let missing = column.saturating_sub(line.width());
    if missing > 0 {
        line.push_span(Span::raw(" ".repeat(missing)));
    }
}

/// A time that goes on: `0.3 s`, `12.0 s`, `2m 05s`.
fn clock(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 60_000 {
        format!("{}.{} s", ms / 1000, ms / 100 % 10)
    } else {
        duration_us(time.as_secs() * 1_000_000)
    }
}

/// A time that is only guessed: `7 s`, `2m 05s`.
fn whole(time: Duration) -> String {
    if time.as_secs() < 60 { format!("{} s", time.as_secs()) } else { clock(time) }
}

/// What fits, without the beginning: the end of an id says which test it is.
fn shorten(id: &str, width: usize) -> String {
    let id: String = id.chars().filter(|char| !char.is_control()).collect();
    if Span::raw(&id).width() <= width {
        return id;
    }
    let mut rest = id.as_str();
    while Span::raw(rest).width() + 1 > width {
        let mut chars = rest.chars();
        if chars.next().is_none() {
            return String::new();
        }
        rest = chars.as_str();
    }
    format!("…{rest}")
}

#[cfg(test)]
mod tests {
    use common::outcome::{TestFinished, TestStarted};
    use proptest::prelude::*;

    use super::*;
    use crate::events::{Record, StartedBy};

    fn progress(workers: u64, tests: u64) -> Progress {
        let mut progress = Progress::default();
        let (python, pytest) = (String::new(), String::new());
        let start = StartedBy::Fork;
        let collected =
            Record::Collected { tests, workers, start, reason: None, python, pytest, daemon: None };
        progress.see(&collected, Duration::ZERO);
        for number in 0..workers {
            let worker = format!("gw{number}");
            progress.see(&Record::WorkerStarted { worker: worker.clone(), pid: 1 }, Duration::ZERO);
            let id = format!("tests/日本/test_long_name.py::TestClass::test_number[{number}]");
            progress.see(&Record::TestStarted(TestStarted { id, worker }), Duration::from_secs(number));
        }
        progress
    }

    fn finish(progress: &mut Progress, number: u64, outcome: Outcome) {
        let (message, output) = (String::new(), String::new());
        let (id, worker) = (format!("test_a.py::test_{number}"), "gw0".to_owned());
        let duration_us = number * 10_000;
        let test = TestFinished { id, outcome, duration_us, worker, message, output };
        progress.see(&Record::TestFinished(test), Duration::ZERO);
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let cells = |y| (0..buffer.area.width).map(move |x| buffer[(x, y)].symbol());
        (0..buffer.area.height).map(|y| cells(y).collect::<String>().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_usual_terminal_shows_all_there_is() {
        let mut progress = progress(2, 8);
        finish(&mut progress, 1, Outcome::Failed);
        finish(&mut progress, 2, Outcome::Passed);
        let now = Duration::from_millis(1_500);
        let lines = text(&view(&progress, now, (80, 24), Styles::default()));
        assert_eq!(lines[0], "");
        assert!(lines[1].starts_with(" ━━━") && lines[1].ends_with("─  25%  2/8  1.5 s"), "{}", lines[1]);
        assert_eq!(lines[2], " 1 failed · 1 passed");
        assert_eq!(lines[3], " gw0     idle");
        assert_eq!(lines[4], " gw1    0.5 s  tests/日 本 /test_long_name.py::TestClass::test_number[1]");
        assert_eq!(lines[5], " slowest  20 ms test_2 · 10 ms test_1");
    }

    proptest! {
        /// No terminal is so small that lines are cut, or so crowded that nothing printed is left to see.
        #[test]
        fn it_fits_every_terminal(columns in 1u16..300, rows in 1u16..100, workers in 1u64..40, done in 0u64..9) {
            let mut progress = progress(workers, 50);
            for number in 0..done {
                finish(&mut progress, number, Outcome::Passed);
            }
            let buffer = view(&progress, Duration::from_secs(9), (columns, rows), Styles::new(true));
            prop_assert!(buffer.area.width < columns.max(2));
            prop_assert!(buffer.area.height <= (rows / 2).max(2));
        }
    }
}
