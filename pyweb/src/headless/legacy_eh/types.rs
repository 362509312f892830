//! What a module's types, tags and functions are, and the types that the rewriting adds.

use std::collections::HashMap;

use wasm_encoder::{BlockType, Encode, FuncType, ValType};
use wasmparser::{BinaryReader, CompositeInnerType, Payload, TypeRef};

use super::{Result, Untranslatable};

/// A module's signatures by index.
#[derive(Default)]
pub(super) struct Types {
    /// The parameters of each type; nothing for one that is not a function's.
    parameters: Vec<Vec<wasmparser::ValType>>,
    tags: Vec<u32>,
    /// The type of each function that has a body.
    functions: Vec<u32>,
    added: Vec<FuncType>,
    /// Where a tag's type `() -> (parameters, exnref)` was added.
    caught: HashMap<u32, u32>,
}

impl Types {
    /// Takes notice of a section.
    pub(super) fn read(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(groups) => {
                for group in groups.clone() {
                    for ty in group?.types() {
                        self.parameters.push(match &ty.composite_type.inner {
                            CompositeInnerType::Func(function) => function.params().to_vec(),
                            _ => Vec::new(),
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    if let TypeRef::Tag(tag) = import?.ty {
                        self.tags.push(tag.func_type_idx);
                    }
                }
            }
            Payload::TagSection(tags) => {
                for tag in tags.clone() {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions.clone() {
                    self.functions.push(ty?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn of_type(&self, index: u32) -> Result<&[wasmparser::ValType]> {
        Ok(self.parameters.get(index as usize).ok_or(Untranslatable::Misplaced)?)
    }

    /// How many parameters the function with the body `index` has.
    pub(super) fn parameter_count(&self, index: usize) -> Result<usize> {
        let ty = *self.functions.get(index).ok_or(Untranslatable::Misplaced)?;
        Ok(self.of_type(ty)?.len())
    }

    /// The type of a try, which must take no parameters: no compiler makes such.
    pub(super) fn block(&self, ty: wasmparser::BlockType) -> Result<BlockType> {
        Ok(match ty {
            wasmparser::BlockType::Empty => BlockType::Empty,
            wasmparser::BlockType::Type(ty) => BlockType::Result(value(ty)?),
            wasmparser::BlockType::FuncType(index) if self.of_type(index)?.is_empty() => {
                BlockType::FunctionType(index)
            }
            wasmparser::BlockType::FuncType(_) => {
                return Err(Untranslatable::Unsupported("a try with parameters"));
            }
        })
    }

    /// The type of a block that ends with the tag's values and the exception itself.
    pub(super) fn caught(&mut self, tag: Option<u32>) -> Result<BlockType> {
        let Some(tag) = tag else { return Ok(BlockType::Result(ValType::EXNREF)) };
        let ty = *self.tags.get(tag as usize).ok_or(Untranslatable::Misplaced)?;
        let parameters = self.of_type(ty)?.iter().map(|ty| value(*ty)).collect::<Result<Vec<_>>>()?;
        if parameters.is_empty() {
            return Ok(BlockType::Result(ValType::EXNREF));
        }
        if let Some(known) = self.caught.get(&tag) {
            return Ok(BlockType::FunctionType(*known));
        }
        let results: Vec<ValType> = parameters.into_iter().chain([ValType::EXNREF]).collect();
        let index = self.parameters.len() + self.added.len();
        let index = u32::try_from(index).map_err(|_| Untranslatable::Unsupported("so many types"))?;
        self.added.push(FuncType::new([], results));
        self.caught.insert(tag, index);
        Ok(BlockType::FunctionType(index))
    }

    /// The type section with the added types behind its own.
    pub(super) fn section(&self, own: &[u8]) -> Result<Vec<u8>> {
        let mut reader = BinaryReader::new(own, 0);
        let count = reader.read_var_u32()?;
        let mut bytes = Vec::with_capacity(own.len() + 64);
        (count as usize + self.added.len()).encode(&mut bytes);
        bytes.extend_from_slice(&own[reader.original_position()..]);
        let mut added = wasm_encoder::TypeSection::new();
        for ty in &self.added {
            added.ty().function(ty.params().iter().copied(), ty.results().iter().copied());
        }
        // An encoded section is its size, its count, its entries; only the entries are wanted.
        let mut encoded = Vec::new();
        added.encode(&mut encoded);
        let mut reader = BinaryReader::new(&encoded, 0);
        reader.read_var_u32()?;
        reader.read_var_u32()?;
        bytes.extend_from_slice(&encoded[reader.original_position()..]);
        Ok(bytes)
    }
}

fn value(ty: wasmparser::ValType) -> Result<ValType> {
    Ok(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::EXTERNREF => ValType::EXTERNREF,
        wasmparser::ValType::FUNCREF => ValType::FUNCREF,
        wasmparser::ValType::Ref(_) => return Err(Untranslatable::Unsupported("a try or tag of a GC type")),
    })
}
