//! Which words the texts of a site have: what no text says, no script that runs in its pages can ask for by name.
//! Must not know what the words mean.

use std::collections::BTreeSet;

use common::fs::FileError;

/// Those of `words` that one of the texts has, capital letters or not; words must have none.
pub fn said<'w>(
    words: &[&'w str],
    texts: impl Iterator<Item = Result<Vec<u8>, FileError>>,
) -> Result<BTreeSet<&'w str>, FileError> {
    let mut waiting = words.to_vec();
    let mut said = BTreeSet::new();
    for text in texts {
        if waiting.is_empty() {
            break;
        }
        let text = text?;
        let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
        waiting.retain(|word| {
            let found = text.contains(*word);
            if found {
                said.insert(*word);
            }
            !found
        });
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_letters_make_no_difference() {
        let texts = [b"one Two".to_vec(), b"\xff THREE".to_vec()];
        let said = said(&["two", "three", "four"], texts.into_iter().map(Ok)).unwrap_or_default();
        assert_eq!(said, BTreeSet::from(["two", "three"]));
    }
}
