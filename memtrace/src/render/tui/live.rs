//! A program's memory while it runs: how much, since when, and which lines hold it.

use std::cmp::Reverse;
use std::time::Duration;

use common::term::{bytes, count, duration_us, plain};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Sparkline, Table, Widget};

use super::{Next, View, end_of, look, page, scrolled};
use crate::reduce::locations::Line as CodeLine;
use crate::reduce::timeline::Moment;
use crate::render::text::{percent, short};
use crate::render::words;

/// What is known of the program at some moment.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// The lines that hold memory, with their words: see [`words`].
    pub lines: Vec<(CodeLine, String, String)>,
    /// The threads that allocated, with their names.
    pub threads: Vec<(u32, String)>,
    /// Memory over time.
    pub moments: Vec<Moment>,
    /// How long the program has run, in milliseconds.
    pub elapsed_ms: u64,
    /// The most memory in use at once, in bytes.
    pub peak_bytes: u64,
    /// How often memory was given out.
    pub allocations: u64,
    /// The program is no more.
    pub ended: bool,
    /// Why there is nothing new, where reading failed.
    pub failure: Option<String>,
}

/// Looks again, for one thread or for all.
pub type Look<'a> = &'a mut dyn FnMut(Option<u32>) -> Now;

/// The view.
pub struct Live<'a> {
    title: String,
    look: Look<'a>,
    now: Now,
    order: Order,
    /// One of the threads; none for all.
    thread: Option<usize>,
    paused: bool,
    chosen: usize,
    first: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Own,
    Total,
    Count,
}

const KEYS: [(&str, &str); 6] = [
    ("o", "own"),
    ("t", "total"),
    ("c", "count"),
    ("←→", "thread"),
    ("space", "pause"),
    ("q", "quit; the program goes on"),
];

impl<'a> Live<'a> {
    /// A view that looks again every quarter of a second.
    pub fn new(title: String, look: Look<'a>) -> Live<'a> {
        let now = look(None);
        let mut live =
            Live { title, look, now, order: Order::Own, thread: None, paused: false, chosen: 0, first: 0 };
        live.sort();
        live
    }

    fn look_again(&mut self) {
        let thread = self.thread.and_then(|index| self.now.threads.get(index)).map(|(id, _)| *id);
        self.now = (self.look)(thread);
        self.sort();
    }

    fn sort(&mut self) {
        let order = self.order;
        self.now.lines.sort_by_key(|(line, ..)| {
            let key = match order {
                Order::Own => line.own.bytes,
                Order::Total => line.cumulative.bytes,
                Order::Count => line.own.allocations,
            };
            (Reverse((key, line.cumulative.bytes)), line.location)
        });
        self.chosen = self.chosen.min(self.now.lines.len().saturating_sub(1));
    }

    fn turn_thread(&mut self, on: bool) {
        let threads = self.now.threads.len();
        // All of them, then one after the other.
        self.thread = match (self.thread, on) {
            (None, true) => (threads > 0).then_some(0),
            (None, false) => threads.checked_sub(1),
            (Some(index), true) => Some(index + 1).filter(|next| *next < threads),
            (Some(index), false) => index.checked_sub(1),
        };
        self.look_again();
    }

    fn draw_numbers(&self, room: Rect, frame: &mut Frame) {
        let now = &self.now;
        let last = now.moments.last().copied().unwrap_or_default();
        let mut spans = vec![
            Span::styled(bytes(last.last), look::TITLE),
            Span::raw(format!(" in use  peak {}  ", bytes(now.peak_bytes))),
        ];
        if last.resident > 0 {
            spans.push(Span::raw(format!("resident {}  ", bytes(last.resident))));
        }
        let elapsed = duration_us(now.elapsed_ms.saturating_mul(1000));
        spans.push(Span::styled(format!("{}  {elapsed}", count(now.allocations, "allocation")), look::DIM));
        Line::from(spans).render(room, frame.buffer_mut());
    }

    fn draw_plot(&self, room: Rect, frame: &mut Frame) {
        // As many moments as there are columns; of several the highest.
        let columns = usize::from(room.width).max(1);
        let moments = &self.now.moments;
        let heights: Vec<u64> = (0..columns.min(moments.len()))
            .map(|column| {
                let shown = columns.min(moments.len());
                let part = &moments[column * moments.len() / shown..(column + 1) * moments.len() / shown];
                part.iter().map(|moment| moment.most).max().unwrap_or(0)
            })
            .collect();
        // Few moments are drawn broader, so that the plot always fills its room.
        let broad: Vec<u64> =
            (0..columns).filter_map(|x| heights.get(x * heights.len() / columns).copied()).collect();
        Sparkline::default().data(broad).style(look::MINE).render(room, frame.buffer_mut());
    }

    fn draw_lines(&mut self, room: Rect, frame: &mut Frame) {
        // The numbers, with a space behind each, and the least for words to be read.
        const NUMBERS: [u16; 4] = [10, 7, 10, 9];
        const WORDS: u16 = 24;
        let height = usize::from(room.height.saturating_sub(1));
        let all: u16 = NUMBERS.iter().map(|width| width + 1).sum();
        let numbers = if room.width < all + WORDS { &NUMBERS[..1] } else { &NUMBERS[..] };
        let words = room.width.saturating_sub(numbers.iter().map(|width| width + 1).sum());
        let of_function = words * 2 / 5;
        let of_place = usize::from(words.saturating_sub(of_function + 1));
        self.first = scrolled(self.first, self.chosen, height);
        let whole: u64 = self.now.lines.iter().map(|(line, ..)| line.own.bytes).sum();
        let shown = self.now.lines.iter().enumerate().skip(self.first).take(height);
        let rows = shown.map(|(index, (line, function, place))| {
            let right = |text: String| Cell::from(Line::from(text).right_aligned());
            let mut cells = vec![
                right(bytes(line.own.bytes)),
                right(percent(line.own.bytes, whole)),
                right(bytes(line.cumulative.bytes)),
                right(line.own.allocations.to_string()),
            ];
            cells.truncate(numbers.len());
            cells.push(Cell::from(function.as_str()).style(look::MINE));
            cells.push(Cell::from(end_of(place, of_place)).style(look::DIM));
            let row = Row::new(cells);
            if index == self.chosen { row.style(look::CHOSEN) } else { row }
        });
        let marked = |words: &str, order: Order| {
            let text = if self.order == order { format!("{words} ↓") } else { words.to_owned() };
            Line::from(text).right_aligned()
        };
        let mut header = vec![
            marked("own", Order::Own),
            Line::from(""),
            marked("total", Order::Total),
            marked("count", Order::Count),
        ];
        header.truncate(numbers.len());
        header.extend([Line::from("function"), Line::from("line")]);
        let header = Row::new(header);
        let of_words = [Constraint::Length(of_function), Constraint::Min(0)];
        let widths = numbers.iter().map(|width| Constraint::Length(*width)).chain(of_words);
        Widget::render(Table::new(rows, widths).header(header.style(look::DIM)), room, frame.buffer_mut());
    }
}

impl View for Live<'_> {
    fn draw(&mut self, frame: &mut Frame) {
        let state = match (self.now.ended, self.paused) {
            (true, _) => "ended",
            (false, true) => "paused",
            (false, false) => "running",
        };
        let thread = match self.thread.and_then(|index| Some((index, self.now.threads.get(index)?))) {
            Some((index, (_, name))) => {
                format!("thread {name} ({} of {})", index + 1, self.now.threads.len())
            }
            None => "all threads".to_owned(),
        };
        let mut title = vec![
            Span::styled(state, look::FOUND),
            Span::styled(format!("  {}  ", plain(&thread)), look::DIM),
            // A long one is cut off.
            Span::styled(plain(&self.title).into_owned(), look::TITLE),
        ];
        if let Some(failure) = &self.now.failure {
            title.insert(1, Span::styled(format!("  {}", plain(failure)), look::FOUND));
        }
        let room = page(frame, Line::from(title), &KEYS);
        let rows = [Constraint::Length(1), Constraint::Length(4), Constraint::Length(1), Constraint::Min(1)];
        let [numbers, plot, _, lines] = Layout::vertical(rows).areas(room);
        self.draw_numbers(numbers, frame);
        self.draw_plot(plot, frame);
        self.draw_lines(lines, frame);
    }

    fn key(&mut self, key: KeyEvent) -> Next {
        let last = self.now.lines.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Next::Leave,
            KeyCode::Char('o') => self.order = Order::Own,
            KeyCode::Char('t') => self.order = Order::Total,
            KeyCode::Char('c') => self.order = Order::Count,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Right => self.turn_thread(true),
            KeyCode::Left => self.turn_thread(false),
            KeyCode::Down | KeyCode::Char('j') => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::PageDown => self.chosen = (self.chosen + 20).min(last),
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(20),
            KeyCode::Home => self.chosen = 0,
            _ => {}
        }
        self.sort();
        Next::Stay
    }

    fn tick(&mut self) -> bool {
        let looks = !self.paused && !self.now.ended;
        if looks {
            self.look_again();
        }
        looks
    }

    fn every(&self) -> Option<Duration> {
        Some(Duration::from_millis(250))
    }
}

/// The words of a line: its function, and where it is.
pub fn place(line: &CodeLine, symbols: &crate::events::Symbols) -> (String, String) {
    let location = words(line.location, symbols);
    let place = if location.file.is_empty() {
        String::new()
    } else {
        format!("{}:{}", short(&location.file), location.line)
    };
    (plain(&location.function).into_owned(), plain(&place).into_owned())
}
