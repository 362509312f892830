//! The JSON of Valgrind's DHAT, version 2, as the comments of `dhat/dh_main.c` describe it; its viewer is
//! `dh_view.html`.

use serde_json::json;

use super::{Exported, Table, label};
use crate::reduce::timeline::Unit;

pub fn dhat(exported: &Exported) -> Vec<u8> {
    let mut frame_table = vec!["[root]".to_owned()];
    let mut numbers = Table::from(1);
    let points: Vec<_> =
        exported
            .usage
            .iter()
            .map(|usage| {
                let allocator = exported.symbols.allocator_name(usage.site.allocator.index());
                let first = numbers.number(Err(allocator), |_| frame_table.push(allocator.to_owned()));
                let mut frames = vec![first];
                frames.extend(exported.frames(usage).into_iter().map(|frame| {
                    numbers.number(Ok(frame), |_| frame_table.push(label(&exported.words(frame))))
                }));
                json!({
                    "tb": usage.given.bytes, "tbk": usage.given.allocations, "tl": usage.lived_ticks,
                    "mb": usage.most.bytes, "mbk": usage.most.allocations,
                    "gb": usage.peak.bytes, "gbk": usage.peak.allocations,
                    "eb": usage.leaked.bytes, "ebk": usage.leaked.allocations,
                    "fs": frames,
                })
            })
            .collect();
    let history = exported.history;
    let (unit, millions) = match history.unit {
        Unit::Milliseconds => ("ms", "Mms"),
        Unit::Events => ("ticks", "Mticks"),
    };
    let end = history.ticks_in_all;
    // The moment of the peak, as exactly as it is known.
    let highest = history
        .moments
        .iter()
        .enumerate()
        .max_by_key(|(index, moment)| (moment.most, std::cmp::Reverse(*index)));
    let peak = highest.map_or(0, |(index, _)| index as u64 * history.ticks_per_moment).min(end);
    json!({
        "dhatFileVersion": 2,
        "mode": "heap",
        "verb": "Allocated",
        "bklt": true,
        "bkacc": false,
        "tu": unit,
        "Mtu": millions,
        "tuth": 10,
        "cmd": exported.program(),
        "pid": 0,
        "te": end,
        "tg": peak,
        "pps": points,
        "ftbl": frame_table,
    })
    .to_string()
    .into_bytes()
}
