//! The call tree to walk through, with the code of the chosen line beside it.

use std::collections::{HashMap, HashSet};

use common::term::{bytes, plain};
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget};

use super::{Next, View, end_of, look, page, scrolled};
use crate::events::{At, Symbols};
use crate::reduce::calls::{Calls, is_import_system};
use crate::reduce::tree::{Tree, What};
use crate::render::html::KINDS_SHOWN;
use crate::render::text::{kind, percent};
use crate::render::tree::label;

/// Reads the lines of a source file; none where there is no such file.
pub type ReadCode<'a> = &'a dyn Fn(&str) -> Option<Vec<String>>;

/// The view.
pub struct Browser<'a> {
    tree: &'a Tree,
    symbols: &'a Symbols,
    title: String,
    read_code: ReadCode<'a>,
    code: HashMap<String, Option<Vec<String>>>,
    kind: usize,
    imports: bool,
    calls: Calls,
    open: HashSet<usize>,
    rows: Vec<Row>,
    chosen: usize,
    first: usize,
    height: usize,
    sought: String,
    asking: bool,
}

#[derive(Clone, Copy)]
struct Row {
    call: usize,
    depth: usize,
}

const KEYS: [(&str, &str); 7] = [
    ("↑↓", "move"),
    ("→←", "open, close"),
    ("e", "open the largest"),
    ("t", "peak, leaked, temporary"),
    ("i", "imports"),
    ("/", "search"),
    ("q", "quit"),
];

impl<'a> Browser<'a> {
    /// A view of the tree that begins with the allocations `at`.
    pub fn new(tree: &'a Tree, at: At, symbols: &'a Symbols, title: String, read_code: ReadCode<'a>) -> Self {
        let mut browser = Browser {
            tree,
            symbols,
            title,
            read_code,
            code: HashMap::new(),
            kind: KINDS_SHOWN.iter().position(|shown| *shown == at).unwrap_or(0),
            imports: false,
            calls: Calls { all: Vec::new() },
            open: HashSet::new(),
            rows: Vec::new(),
            chosen: 0,
            first: 0,
            height: 20,
            sought: String::new(),
            asking: false,
        };
        browser.rebuild();
        browser
    }

    fn rebuild(&mut self) {
        let (imports, symbols) = (self.imports, self.symbols);
        self.calls =
            Calls::new(self.tree, self.kind, |location| !imports && is_import_system(location, symbols));
        self.open = HashSet::from([0]);
        (self.chosen, self.first) = (0, 0);
        self.open_largest();
    }

    /// Lists what is open.
    fn list(&mut self) {
        self.rows.clear();
        let mut pending = vec![Row { call: 0, depth: 0 }];
        while let Some(row) = pending.pop() {
            self.rows.push(row);
            if self.open.contains(&row.call) {
                let callees = self.calls.all[row.call].callees.iter().rev();
                pending.extend(callees.map(|&call| Row { call, depth: row.depth + 1 }));
            }
        }
        self.chosen = self.chosen.min(self.rows.len().saturating_sub(1));
    }

    /// Opens the largest callee of the largest callee and so on, and goes to the last.
    fn open_largest(&mut self) {
        self.list();
        let mut call = self.rows[self.chosen].call;
        while let Some(&callee) = self.calls.all[call].callees.first() {
            self.open.insert(call);
            call = callee;
        }
        self.go_to(call);
    }

    fn go_to(&mut self, call: usize) {
        let mut above = self.calls.all[call].caller;
        loop {
            self.open.insert(above);
            if above == 0 {
                break;
            }
            above = self.calls.all[above].caller;
        }
        self.list();
        self.chosen = self.rows.iter().position(|row| row.call == call).unwrap_or(self.chosen);
    }

    fn is_sought(&self, call: usize) -> bool {
        let (name, place) = label(self.calls.all[call].what, self.symbols);
        !self.sought.is_empty()
            && format!("{name} {place}").to_lowercase().contains(&self.sought.to_lowercase())
    }

    /// Goes to the next call, in the order in which all of them would be listed, that has the words sought.
    fn search(&mut self) {
        let mut order = Vec::with_capacity(self.calls.all.len());
        let mut pending = vec![0];
        while let Some(call) = pending.pop() {
            order.push(call);
            pending.extend(self.calls.all[call].callees.iter().rev());
        }
        let here = self.rows[self.chosen].call;
        let at = order.iter().position(|call| *call == here).unwrap_or(0);
        let mut others = order[at + 1..].iter().chain(&order[..=at]);
        if let Some(&found) = others.find(|call| self.is_sought(**call)) {
            self.go_to(found);
        }
    }

    fn type_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => {
                self.asking = false;
                self.search();
            }
            KeyCode::Esc => {
                self.asking = false;
                self.sought.clear();
            }
            KeyCode::Backspace => drop(self.sought.pop()),
            KeyCode::Char(character) => self.sought.push(character),
            _ => {}
        }
    }

    fn close(&mut self) {
        let row = self.rows[self.chosen];
        if !self.open.remove(&row.call) {
            let caller = self.calls.all[row.call].caller;
            self.chosen = self.rows.iter().position(|other| other.call == caller).unwrap_or(0);
        }
        self.list();
    }

    fn draw_list(&mut self, room: Rect, frame: &mut Frame) {
        self.height = room.height.into();
        self.first = scrolled(self.first, self.chosen, self.height);
        let whole = self.calls.root().cumulative.bytes;
        // However deep it is, there is room for words: then the depths count from the least that is seen.
        let deepest = (usize::from(room.width).saturating_sub(50) / 2).clamp(4, 20);
        let depths = self.rows[self.first..].iter().take(self.height).map(|row| row.depth);
        let least = if depths.clone().max() > Some(deepest) { depths.min().unwrap_or(0) } else { 0 };
        for (y, index) in (self.first..self.rows.len()).take(self.height).enumerate() {
            let Row { call, depth } = self.rows[index];
            let (name, place) = label(self.calls.all[call].what, self.symbols);
            let mark = match (self.calls.all[call].callees.is_empty(), self.open.contains(&call)) {
                (true, _) => "  ",
                (false, true) => "▾ ",
                (false, false) => "▸ ",
            };
            let size = self.calls.all[call].cumulative.bytes;
            let found = self.is_sought(call);
            let indent = "  ".repeat((depth - least).min(deepest));
            let before = 19 + indent.len() + mark.chars().count() + name.chars().count() + 2;
            let place = end_of(&place, usize::from(room.width).saturating_sub(before));
            let line = Line::from(vec![
                Span::styled(format!("{:>7} {:>10} ", percent(size, whole), bytes(size)), look::NUMBER),
                Span::raw(indent),
                Span::styled(mark, look::DIM),
                Span::styled(name, if found { look::FOUND } else { look::MINE }),
                Span::styled(format!("  {place}"), look::DIM),
            ]);
            let row = Rect { y: room.y + u16::try_from(y).unwrap_or(0), height: 1, ..room };
            line.render(row, frame.buffer_mut());
            if index == self.chosen {
                frame.buffer_mut().set_style(row, look::CHOSEN);
            }
        }
    }

    fn draw_code(&mut self, room: Rect, frame: &mut Frame) {
        let call = &self.calls.all[self.rows[self.chosen].call];
        let (title, wanted, file) = match call.what {
            What::Line(location) => {
                let location = self.symbols.resolve(location);
                let title = format!(" {}:{} ", plain(&location.file), location.line);
                (title, location.line as usize, location.file.clone())
            }
            _ => (String::new(), 0, String::new()),
        };
        let block = Block::new().borders(Borders::LEFT | Borders::TOP).border_style(look::DIM).title(title);
        let inner = block.inner(room);
        block.render(room, frame.buffer_mut());
        let size = format!(
            " {} itself, {} with what it called",
            bytes(call.own.bytes),
            bytes(call.cumulative.bytes)
        );
        let [above, inner] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(inner);
        Line::styled(size, look::NUMBER).render(above, frame.buffer_mut());
        let read_code = self.read_code;
        let lines = self.code.entry(file).or_insert_with_key(|file| read_code(file));
        let Some(lines) = lines.as_ref().filter(|lines| (1..=lines.len()).contains(&wanted)) else {
            Line::styled(" no source to show", look::DIM).render(inner, frame.buffer_mut());
            return;
        };
        let height = usize::from(inner.height);
        let begin = wanted.saturating_sub(height / 2 + 1).min(lines.len().saturating_sub(height));
        for (y, (text, number)) in lines.iter().zip(1..).skip(begin).take(height).enumerate() {
            let text = plain(&text.replace('\t', "    ")).into_owned();
            let line = Line::from(vec![Span::styled(format!("{number:>5} "), look::DIM), Span::raw(text)]);
            let row = Rect { y: inner.y + u16::try_from(y).unwrap_or(0), height: 1, ..inner };
            line.render(row, frame.buffer_mut());
            if number == wanted {
                frame.buffer_mut().set_style(row, look::CHOSEN);
            }
        }
    }
}

impl View for Browser<'_> {
    fn draw(&mut self, frame: &mut Frame) {
        let whole = self.calls.root().cumulative.bytes;
        let mut title = vec![
            Span::styled(format!("{} {}", bytes(whole), kind(KINDS_SHOWN[self.kind])), look::TITLE),
            Span::styled(format!("  {}", plain(&self.title)), look::DIM),
        ];
        if self.asking || !self.sought.is_empty() {
            title.insert(0, Span::styled(format!("/{}  ", plain(&self.sought)), look::FOUND));
        }
        let room = page(frame, Line::from(title), &KEYS);
        // A narrow terminal has room for one of them.
        let share = if room.width < 80 { 100 } else { 58 };
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(share), Constraint::Min(0)]).areas(room);
        self.draw_list(left, frame);
        if right.width > 0 {
            self.draw_code(right, frame);
        }
    }

    fn key(&mut self, key: KeyEvent) -> Next {
        if self.asking {
            self.type_key(key);
            return Next::Stay;
        }
        let last = self.rows.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Next::Leave,
            KeyCode::Down | KeyCode::Char('j') => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::PageDown => self.chosen = (self.chosen + self.height).min(last),
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(self.height),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = last,
            KeyCode::Right | KeyCode::Enter | KeyCode::Char('l') => {
                self.open.insert(self.rows[self.chosen].call);
                self.list();
            }
            KeyCode::Left | KeyCode::Char('h') => self.close(),
            KeyCode::Char('e') => self.open_largest(),
            KeyCode::Char('t') => {
                self.kind = (self.kind + 1) % KINDS_SHOWN.len();
                self.rebuild();
            }
            KeyCode::Char('i') => {
                self.imports = !self.imports;
                self.rebuild();
            }
            KeyCode::Char('/') => {
                self.sought.clear();
                self.asking = true;
            }
            KeyCode::Char('n') => self.search(),
            _ => {}
        }
        Next::Stay
    }
}
