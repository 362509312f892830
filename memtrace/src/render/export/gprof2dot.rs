//! What `gprof2dot -f json` reads: functions, and call chains with their costs, innermost first.

use serde_json::json;

use super::{Exported, Table};

pub fn gprof2dot(exported: &Exported) -> Vec<u8> {
    let (mut functions, mut numbers) = (Vec::new(), Table::from(0));
    let mut events = Vec::new();
    for (usage, measure) in exported.sites() {
        let chain: Vec<u64> = exported
            .frames(usage)
            .into_iter()
            .map(|frame| {
                let words = exported.words(frame);
                let (name, module) = (words.function, words.file);
                numbers.number((name.clone(), module.clone()), |_| {
                    functions.push(json!({"name": name, "module": module}));
                })
            })
            .collect();
        events.push(json!({"callchain": chain, "cost": [measure.bytes]}));
    }
    json!({
        "version": 0,
        "costs": [{"description": "Memory", "unit": "bytes"}],
        "functions": functions,
        "events": events,
    })
    .to_string()
    .into_bytes()
}
