//! Rewrites WebAssembly's legacy exception handling (`try`, `catch`, `catch_all`, `rethrow`, `delegate`)
//! into the standard's (`try_table`, `throw_ref`). Pyodide is compiled to the former; wasmtime knows
//! the latter only. Must not know what the modules are for.
//!
//! Everything but the code of functions that use the old instructions is copied byte by byte. The rules:
//!
//! ```text
//! try T                   block T
//!   body                    block exnref                       one for each clause,
//! catch a                     block (params of a, exnref)      the first innermost
//!   H                           try_table T (catch_ref a 0) (catch_all_ref 1)
//! catch_all                       body
//!   G                           end
//! end                           br 2
//!                             end  local.set $e  H  br 1
//!                           end  local.set $e  G
//!                         end
//!
//! rethrow                 local.get $e  throw_ref       a local for each depth of try
//!
//! try T                   try_table T (catch_all_ref X)
//!   body                    body
//! delegate L              end
//!                         and the body of L becomes:  block X exnref  body  br 1  end  throw_ref
//! ```

mod frames;
mod function;
mod types;

use wasm_encoder::{Encode, RawSection, Section};
use wasmparser::{FunctionBody, Parser, Payload};

use types::Types;

/// Counts up whenever the output changes for the same input: compiled code is cached.
pub(super) const VERSION: u64 = 1;

/// Why a module was left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untranslatable {
    #[error("the module is malformed")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    #[error("{0} is not translated")]
    Unsupported(&'static str),
    #[error("an exception instruction stands where it must not")]
    Misplaced,
}

type Result<T> = std::result::Result<T, Untranslatable>;

/// The module without legacy exception handling; `None` when it has none.
pub(super) fn translate(module: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut types = Types::default();
    let mut sections = Vec::new();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        sections.extend(payload.as_section());
        types.read(&payload)?;
        if let Payload::CodeSectionEntry(body) = payload {
            bodies.push(body);
        }
    }
    let mut code = Vec::new();
    bodies.len().encode(&mut code);
    let mut changed = false;
    for (index, body) in bodies.iter().enumerate() {
        changed |= write_body(module, &mut types, index, body, &mut code)?;
    }
    if !changed {
        return Ok(None);
    }
    let mut output = Vec::with_capacity(module.len() + module.len() / 16);
    output.extend_from_slice(wasm_encoder::Module::HEADER.as_slice());
    for (id, range) in sections {
        let bytes = module.get(range).unwrap_or_default();
        match id {
            TYPE_SECTION => append(id, &types.section(bytes)?, &mut output),
            CODE_SECTION => append(id, &code, &mut output),
            _ => append(id, bytes, &mut output),
        }
    }
    Ok(Some(output))
}

const TYPE_SECTION: u8 = 1;
const CODE_SECTION: u8 = 10;

fn append(id: u8, data: &[u8], output: &mut Vec<u8>) {
    let section = RawSection { id, data };
    output.push(section.id());
    section.encode(output);
}

/// Appends one function's body, its size first. True when it had to be rewritten.
fn write_body(
    module: &[u8],
    types: &mut Types,
    index: usize,
    body: &FunctionBody<'_>,
    code: &mut Vec<u8>,
) -> Result<bool> {
    let rewritten = function::rewrite(module, types, index, body)?;
    let bytes = rewritten.as_deref().unwrap_or_else(|| body.as_bytes());
    bytes.encode(code);
    Ok(rewritten.is_some())
}

#[cfg(test)]
mod tests;
