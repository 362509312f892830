//! Names in archives: whatever is taken, and wherever its links lead, over whichever other links, it never leaves the
//! folder. Each input is an archive: names apart by line ends, a link's name before its target with a `>` between.
//!
//! The oracle follows links as a kernel does, over what would lie there, and knows nothing of how names are checked.
#![no_main]

use std::collections::HashMap;

use fetch::archive::MemberPath;
use libfuzzer_sys::fuzz_target;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;
/// Where the folder lies: below as many others, so that leaving it shows.
const TARGET: [&[u8]; 2] = [b"outside", b"target"];

type Links = HashMap<Vec<Vec<u8>>, Vec<u8>>;

/// Goes from `at` along `path`; nothing when there are too many links.
fn follow(links: &Links, mut at: Vec<Vec<u8>>, path: &[u8], left: &mut usize) -> Option<Vec<Vec<u8>>> {
    assert!(!path.starts_with(b"/"), "an absolute path");
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                at.pop();
            }
            name => {
                at.push(name.to_vec());
                if let Some(target) = links.get(&at) {
                    *left = left.checked_sub(1)?;
                    at.pop();
                    at = follow(links, at, target, left)?;
                }
            }
        }
        assert!(at.len() >= TARGET.len() && at[..TARGET.len()] == TARGET, "left the folder");
    }
    Some(at)
}

fuzz_target!(|bytes: &[u8]| {
    // Half of the inputs are of few letters, so that paths meet.
    let bytes: Vec<u8> = match bytes.split_first() {
        Some((0..128, rest)) => rest.iter().map(|byte| b"ab..//>\n"[usize::from(byte % 8)]).collect(),
        _ => bytes.to_vec(),
    };
    let root: Vec<Vec<u8>> = TARGET.iter().map(|part| part.to_vec()).collect();
    let mut links = Links::new();
    let mut taken = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (name, target) = match line.iter().position(|byte| *byte == b'>') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        let Ok(Some(path)) = MemberPath::parse(name) else { continue };
        assert_eq!(MemberPath::parse(path.as_bytes()), Ok(Some(path.clone())));
        assert!(!path.as_bytes().contains(&0));
        let place = |path: &MemberPath| -> Vec<Vec<u8>> {
            root.iter().cloned().chain(path.as_bytes().split(|byte| *byte == b'/').map(<[u8]>::to_vec)).collect()
        };
        // What unpacks refuses to go through a link.
        if path.folders().any(|folder| links.contains_key(&place(&folder))) {
            continue;
        }
        match target {
            Some(target) if path.check_link(target).is_ok() => {
                // And where something lies already, a link takes the place of a file only.
                if taken.iter().any(|other: &MemberPath| other.folders().any(|folder| folder == path)) {
                    continue;
                }
                links.insert(place(&path), target.to_vec());
            }
            Some(_) => continue,
            None => {
                links.remove(&place(&path));
            }
        }
        taken.push(path);
    }
    for path in &taken {
        let mut left = MOST_LINKS;
        let _ = follow(&links, root.clone(), path.as_bytes(), &mut left);
    }
});
