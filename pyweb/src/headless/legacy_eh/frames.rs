//! The nesting of blocks and tries in one function, and what is known of each try before it is rewritten.

use wasmparser::{FunctionBody, Operator};

use super::{Result, Untranslatable};

/// What a label belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    Function,
    /// A block, loop, if or `try_table`.
    Block,
    /// Between `try` and its first clause, or its `delegate`.
    Body(usize),
    /// Behind one of the clauses of a try.
    Handler(usize),
}

/// One try, by its number in the order of appearance.
#[derive(Debug, Default)]
pub(super) struct Try {
    /// Its clauses: the tag caught, or none for `catch_all`.
    pub(super) clauses: Vec<Option<u32>>,
    /// The label its exceptions are delegated to, relative to the try's outside.
    pub(super) delegate: Option<u32>,
    /// Another try delegates to this one.
    pub(super) is_target: bool,
    /// One of its handlers throws the exception again.
    pub(super) is_rethrown: bool,
    /// How many tries it is inside of.
    pub(super) depth: u32,
}

/// The open labels, outermost first.
pub(super) struct Frames {
    open: Vec<Frame>,
    tries: usize,
}

impl Frames {
    pub(super) fn new() -> Frames {
        Frames { open: vec![Frame::Function], tries: 0 }
    }

    /// The label `depth` levels out, and its place in the nesting.
    pub(super) fn at(&self, depth: u32) -> Result<(usize, Frame)> {
        let place = self.open.len().checked_sub(1 + depth as usize).ok_or(Untranslatable::Misplaced)?;
        Ok((place, self.open[place]))
    }

    /// Opens what `operator` opens and closes what it closes, which is returned.
    pub(super) fn step(&mut self, operator: &Operator<'_>) -> Result<Option<Frame>> {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::TryTable { .. } => {
                self.open.push(Frame::Block);
                Ok(None)
            }
            Operator::Try { .. } => {
                self.open.push(Frame::Body(self.tries));
                self.tries += 1;
                Ok(None)
            }
            Operator::Catch { .. } | Operator::CatchAll => {
                let closed = self.close()?;
                let (Frame::Body(index) | Frame::Handler(index)) = closed else {
                    return Err(Untranslatable::Misplaced);
                };
                self.open.push(Frame::Handler(index));
                Ok(Some(closed))
            }
            Operator::End | Operator::Delegate { .. } => self.close().map(Some),
            _ => Ok(None),
        }
    }

    fn close(&mut self) -> Result<Frame> {
        self.open.pop().ok_or(Untranslatable::Misplaced)
    }

    /// The try that catches what is delegated to the label `depth`; none when it is the caller.
    ///
    /// An exception arrives at its target as if thrown in there, so a handler or block passes it
    /// outwards, and a try that delegates passes it to where that one says.
    pub(super) fn delegated(&self, tries: &[Try], depth: u32) -> Result<Option<usize>> {
        let (mut place, _) = self.at(depth)?;
        loop {
            let out = match self.open[place] {
                Frame::Function => return Ok(None),
                Frame::Body(index) if !tries[index].clauses.is_empty() => return Ok(Some(index)),
                Frame::Body(index) => tries[index].delegate.unwrap_or(0),
                Frame::Block | Frame::Handler(_) => 0,
            };
            place = place.checked_sub(1 + out as usize).ok_or(Untranslatable::Misplaced)?;
        }
    }
}

/// The tries of a function, and whether one of them delegates to the caller.
pub(super) fn survey(body: &FunctionBody<'_>) -> Result<(Vec<Try>, bool)> {
    let mut tries: Vec<Try> = Vec::new();
    let mut frames = Frames::new();
    let mut depth = 0;
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        let closed = frames.step(&operator)?;
        match (&operator, closed) {
            (Operator::Try { .. }, _) => {
                tries.push(Try { depth, ..Try::default() });
                depth += 1;
            }
            (Operator::Catch { tag_index }, Some(Frame::Body(index) | Frame::Handler(index))) => {
                tries[index].clauses.push(Some(*tag_index));
            }
            (Operator::CatchAll, Some(Frame::Body(index) | Frame::Handler(index))) => {
                tries[index].clauses.push(None);
            }
            (Operator::Rethrow { relative_depth }, _) => match frames.at(*relative_depth)? {
                (_, Frame::Handler(index)) => tries[index].is_rethrown = true,
                _ => return Err(Untranslatable::Misplaced),
            },
            (Operator::Delegate { relative_depth }, Some(Frame::Body(index))) => {
                tries[index].delegate = Some(*relative_depth);
                depth -= 1;
            }
            (Operator::Delegate { .. }, _) => return Err(Untranslatable::Misplaced),
            (Operator::End, Some(Frame::Body(_) | Frame::Handler(_))) => depth -= 1,
            _ => {}
        }
    }
    let to_caller = mark_targets(body, &mut tries)?;
    Ok((tries, to_caller))
}

/// A second look, now that every try's clauses are known.
fn mark_targets(body: &FunctionBody<'_>, tries: &mut [Try]) -> Result<bool> {
    let mut to_caller = false;
    if tries.iter().all(|known| known.delegate.is_none()) {
        return Ok(to_caller);
    }
    let mut frames = Frames::new();
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        frames.step(&operator)?;
        if let Operator::Delegate { relative_depth } = operator {
            match frames.delegated(tries, relative_depth)? {
                Some(target) => tries[target].is_target = true,
                None => to_caller = true,
            }
        }
    }
    Ok(to_caller)
}
