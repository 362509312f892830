//! Rewrites one function: exception instructions by the rules of the room, branch depths to fit,
//! every other instruction byte by byte.

use std::borrow::Cow;

use wasm_encoder::{BlockType, Catch, Encode, Instruction, ValType};
use wasmparser::{FunctionBody, Operator};

use super::frames::{Frame, Frames, Try, survey};
use super::types::Types;
use super::{Result, Untranslatable};

/// The new body, without its size; none when there is nothing to rewrite.
pub(super) fn rewrite(
    module: &[u8],
    types: &mut Types,
    index: usize,
    body: &FunctionBody<'_>,
) -> Result<Option<Vec<u8>>> {
    let (tries, to_caller) = survey(body)?;
    if tries.is_empty() {
        return Ok(None);
    }
    let mut output = Vec::with_capacity(body.range().len() * 5 / 4 + 64);
    let first_exception = write_locals(module, types.parameter_count(index)?, body, &tries, &mut output)?;
    let mut writer = Writer {
        output,
        frames: Frames::new(),
        labels: vec![0],
        level: 0,
        trampolines: vec![0; tries.len()],
        next_try: 0,
        first_exception,
        to_caller,
        tries,
        types,
    };
    if to_caller {
        writer.open(&Instruction::Block(BlockType::Result(ValType::EXNREF)));
    }
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let start = operators.original_position();
        let operator = operators.read()?;
        let verbatim = module.get(start..operators.original_position()).unwrap_or_default();
        writer.rewrite(&operator, verbatim)?;
    }
    Ok(Some(writer.output))
}

/// Copies the locals and adds one for each depth at which an exception is thrown again.
fn write_locals(
    module: &[u8],
    parameters: usize,
    body: &FunctionBody<'_>,
    tries: &[Try],
    output: &mut Vec<u8>,
) -> Result<u32> {
    let mut locals = body.get_locals_reader()?;
    let groups = locals.get_count();
    let start = locals.original_position();
    let mut count = u32::try_from(parameters).map_err(|_| Untranslatable::Misplaced)?;
    for _ in 0..groups {
        count = count.checked_add(locals.read()?.0).ok_or(Untranslatable::Misplaced)?;
    }
    let rethrown = tries.iter().filter(|known| known.is_rethrown);
    let exceptions = rethrown.map(|known| known.depth + 1).max().unwrap_or(0);
    (groups + 1).encode(output);
    output.extend_from_slice(module.get(start..locals.original_position()).unwrap_or_default());
    exceptions.encode(output);
    ValType::EXNREF.encode(output);
    Ok(count)
}

struct Writer<'a> {
    output: Vec<u8>,
    frames: Frames,
    /// For each open frame, the output's nesting level of the label that stands for it.
    labels: Vec<usize>,
    /// The output's nesting level.
    level: usize,
    /// The level of the block inside each try that delegated exceptions are sent to.
    trampolines: Vec<usize>,
    next_try: usize,
    first_exception: u32,
    to_caller: bool,
    tries: Vec<Try>,
    types: &'a mut Types,
}

/// The level of the block around a whole function that delegates to its caller.
const CALLER_TRAMPOLINE: usize = 1;

impl Writer<'_> {
    fn emit(&mut self, instruction: &Instruction<'_>) {
        instruction.encode(&mut self.output);
    }

    /// Writes an instruction that opens a block.
    fn open(&mut self, instruction: &Instruction<'_>) {
        self.emit(instruction);
        self.level += 1;
    }

    fn close(&mut self) {
        self.emit(&Instruction::End);
        self.level -= 1;
    }

    /// The depth from here of the label that stood `depth` levels out in the input.
    fn depth(&self, depth: u32) -> Result<u32> {
        let (place, _) = self.frames.at(depth)?;
        distance(self.level, self.labels[place])
    }

    fn rewrite(&mut self, operator: &Operator<'_>, verbatim: &[u8]) -> Result<()> {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.output.extend_from_slice(verbatim);
                self.level += 1;
                self.labels.push(self.level);
            }
            Operator::Br { relative_depth } => {
                let depth = self.depth(*relative_depth)?;
                self.emit(&Instruction::Br(depth));
            }
            Operator::BrIf { relative_depth } => {
                let depth = self.depth(*relative_depth)?;
                self.emit(&Instruction::BrIf(depth));
            }
            Operator::BrTable { targets } => {
                let depths =
                    targets.targets().map(|target| self.depth(target?)).collect::<Result<Vec<u32>>>()?;
                let default = self.depth(targets.default())?;
                self.emit(&Instruction::BrTable(Cow::Owned(depths), default));
            }
            Operator::Try { blockty } => self.open_try(*blockty)?,
            Operator::Catch { .. } | Operator::CatchAll => return self.open_handler(operator),
            Operator::Rethrow { relative_depth } => {
                let (_, Frame::Handler(index)) = self.frames.at(*relative_depth)? else {
                    return Err(Untranslatable::Misplaced);
                };
                self.emit(&Instruction::LocalGet(self.first_exception + self.tries[index].depth));
                self.emit(&Instruction::ThrowRef);
            }
            Operator::Delegate { .. } => {
                self.close();
                self.labels.pop();
            }
            Operator::End => self.end(),
            Operator::TryTable { .. } => return Err(Untranslatable::Unsupported("try_table beside try")),
            Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
            | Operator::BrOnCast { .. }
            | Operator::BrOnCastFail { .. } => {
                return Err(Untranslatable::Unsupported("br_on_… beside try"));
            }
            _ => self.output.extend_from_slice(verbatim),
        }
        self.frames.step(operator)?;
        Ok(())
    }

    fn open_try(&mut self, ty: wasmparser::BlockType) -> Result<()> {
        let ty = self.types.block(ty)?;
        let index = self.next_try;
        self.next_try += 1;
        if let Some(delegate) = self.tries[index].delegate {
            let trampoline = match self.frames.delegated(&self.tries, delegate)? {
                Some(target) => self.trampolines[target],
                None => CALLER_TRAMPOLINE,
            };
            // A clause's label is counted from outside of its try_table.
            let label = distance(self.level, trampoline)?;
            self.open(&Instruction::TryTable(ty, Cow::Owned(vec![Catch::AllRef { label }])));
            self.labels.push(self.level);
            return Ok(());
        }
        self.open(&Instruction::Block(ty));
        self.labels.push(self.level);
        let clauses = self.tries[index].clauses.clone();
        if clauses.is_empty() {
            return Ok(());
        }
        for tag in clauses.iter().rev() {
            let caught = self.types.caught(*tag)?;
            self.open(&Instruction::Block(caught));
        }
        let catches = (0..).zip(&clauses).map(|(label, tag)| match tag {
            Some(tag) => Catch::OneRef { tag: *tag, label },
            None => Catch::AllRef { label },
        });
        self.open(&Instruction::TryTable(ty, catches.collect()));
        if self.tries[index].is_target {
            self.open(&Instruction::Block(BlockType::Result(ValType::EXNREF)));
            self.trampolines[index] = self.level;
        }
        Ok(())
    }

    fn open_handler(&mut self, operator: &Operator<'_>) -> Result<()> {
        let closed = self.frames.step(operator)?;
        let (Some(Frame::Body(index) | Frame::Handler(index)), Some(label)) = (closed, self.labels.last())
        else {
            return Err(Untranslatable::Misplaced);
        };
        let label = *label;
        if let Some(Frame::Body(_)) = closed {
            if self.tries[index].is_target {
                // What the body leaves is the try's result; what was delegated here is thrown here.
                self.emit(&Instruction::Br(1));
                self.close();
                self.emit(&Instruction::ThrowRef);
            }
            self.close();
        }
        let depth = distance(self.level, label)?;
        self.emit(&Instruction::Br(depth));
        self.close();
        let exception = self.first_exception + self.tries[index].depth;
        let rethrown = self.tries[index].is_rethrown;
        self.emit(&if rethrown { Instruction::LocalSet(exception) } else { Instruction::Drop });
        Ok(())
    }

    fn end(&mut self) {
        let is_function = self.labels.len() == 1;
        if is_function && self.to_caller {
            self.emit(&Instruction::Return);
            self.close();
            self.emit(&Instruction::ThrowRef);
        }
        self.emit(&Instruction::End);
        self.level = self.level.saturating_sub(1);
        self.labels.pop();
    }
}

fn distance(level: usize, label: usize) -> Result<u32> {
    level.checked_sub(label).and_then(|depth| u32::try_from(depth).ok()).ok_or(Untranslatable::Misplaced)
}
