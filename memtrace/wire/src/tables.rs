//! An aggregated capture's content: texts, and columns of numbers. Must not know what they mean.

use crate::Malformed;
use crate::varint::{push, take};

/// Texts and columns of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// The texts.
    pub texts: Vec<String>,
    /// The columns.
    pub columns: Vec<Vec<u64>>,
}

impl Tables {
    /// The tables as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, self.texts.len() as u64);
        for text in &self.texts {
            push(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        push(&mut out, self.columns.len() as u64);
        for column in &self.columns {
            push(&mut out, column.len() as u64);
            for &number in column {
                push(&mut out, number);
            }
        }
        out
    }

    /// The tables that `bytes` hold, all of them.
    pub fn decode(bytes: &[u8]) -> Result<Tables, Malformed> {
        let mut at = 0;
        // Each takes a byte at least, so a length that cannot be is found out before memory is asked for.
        let length = |at: &mut usize| {
            let length = usize::try_from(take(bytes, at)?).map_err(|_| Malformed)?;
            if length > bytes.len() - *at { Err(Malformed) } else { Ok(length) }
        };
        let mut texts = Vec::new();
        for _ in 0..length(&mut at)? {
            let text = length(&mut at)?;
            texts.push(String::from_utf8_lossy(&bytes[at..at + text]).into_owned());
            at += text;
        }
        let mut columns = Vec::new();
        for _ in 0..length(&mut at)? {
            let count = length(&mut at)?;
            columns.push((0..count).map(|_| take(bytes, &mut at)).collect::<Result<_, _>>()?);
        }
        if at == bytes.len() { Ok(Tables { texts, columns }) } else { Err(Malformed) }
    }
}
