//! A stack a line, outermost frame first, and its bytes: what `flamegraph.pl` and inferno read.

use super::Exported;

pub fn collapsed(exported: &Exported) -> Vec<u8> {
    let mut stacks: Vec<(String, u64)> = Vec::new();
    for (usage, measure) in exported.sites() {
        let frames = exported.frames(usage);
        let frames = frames.iter().rev().map(|&frame| {
            let words = exported.words(frame);
            // A semicolon or a line's end would be taken for the format's own.
            super::label(&words).replace([';', '\n', '\r'], ":")
        });
        stacks.push((frames.collect::<Vec<_>>().join(";"), measure.bytes));
    }
    stacks.sort();
    stacks.dedup_by(|next, sum| {
        let same = next.0 == sum.0;
        if same {
            sum.1 += next.1;
        }
        same
    });
    stacks.iter().map(|(stack, bytes)| format!("{stack} {bytes}\n")).collect::<String>().into_bytes()
}
