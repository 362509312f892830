//! speedscope's own format: <https://www.speedscope.app/file-format-schema.json>.

use serde_json::json;

use super::{Exported, Table};

pub fn speedscope(exported: &Exported) -> Vec<u8> {
    let (mut frames, mut numbers) = (Vec::new(), Table::from(0));
    let (mut samples, mut weights, mut total) = (Vec::new(), Vec::new(), 0);
    for (usage, measure) in exported.sites() {
        let stack: Vec<u64> = exported
            .frames(usage)
            .into_iter()
            .rev()
            .map(|frame| {
                numbers.number(frame, |_| {
                    let words = exported.words(frame);
                    frames.push(json!({"name": words.function, "file": words.file, "line": words.line}));
                })
            })
            .collect();
        samples.push(stack);
        weights.push(measure.bytes);
        total += measure.bytes;
    }
    let profile = json!({
        "type": "sampled",
        "name": format!("memory: {}", exported.at.name()),
        "unit": "bytes",
        "startValue": 0,
        "endValue": total,
        "samples": samples,
        "weights": weights,
    });
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("memtrace ", env!("CARGO_PKG_VERSION")),
        "name": exported.program(),
        "shared": {"frames": frames},
        "profiles": [profile],
    })
    .to_string()
    .into_bytes()
}
