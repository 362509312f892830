//! The Firefox Profiler's "processed profile", version 46: tables of columns, each stack a frame and the stack
//! that called it. Described in `src/types/profile.js` of firefox-devtools/profiler.

use serde_json::{Value, json};

use super::{Exported, Table};

pub fn firefox(exported: &Exported) -> Vec<u8> {
    let mut tables = Tables::default();
    let (mut strings, mut frames, mut stacks) = (Table::from(0), Table::from(0), Table::from(0));
    for (usage, measure) in exported.sites() {
        let mut above: Option<u64> = None;
        for &frame in exported.frames(usage).iter().rev() {
            let number = frames.number(frame, |_| {
                let words = exported.words(frame);
                let mut string =
                    |text: &String| strings.number(text.clone(), |_| tables.strings.push(text.clone()));
                let (name, file) = (string(&words.function), string(&words.file));
                tables.names.push(name);
                tables.files.push(file);
                tables.lines.push(words.line);
            });
            above = Some(stacks.number((above, number), |_| {
                tables.prefixes.push(above);
                tables.stack_frames.push(number);
            }));
        }
        tables.samples.push(above);
        tables.weights.push(measure.bytes);
    }
    json!({
        "meta": {
            "interval": 1,
            "startTime": 0,
            "processType": 0,
            "product": exported.program(),
            "importedFrom": "memtrace",
            "stackwalk": 1,
            "version": 27,
            "preprocessedProfileVersion": 46,
            "symbolicated": true,
            "categories": [{"name": "Other", "color": "grey", "subcategories": ["Other"]}],
            "markerSchema": [],
        },
        "libs": [],
        "pages": [],
        "threads": [tables.thread(&format!("memory: {}", exported.at.name()))],
    })
    .to_string()
    .into_bytes()
}

/// The columns; functions and frames are the same here, as a frame is a line.
#[derive(Default)]
struct Tables {
    strings: Vec<String>,
    names: Vec<u64>,
    files: Vec<u64>,
    lines: Vec<u32>,
    prefixes: Vec<Option<u64>>,
    stack_frames: Vec<u64>,
    samples: Vec<Option<u64>>,
    weights: Vec<u64>,
}

impl Tables {
    fn thread(&self, name: &str) -> Value {
        let (frames, stacks, samples) = (self.names.len(), self.prefixes.len(), self.samples.len());
        let column = |length: usize, value: Value| vec![value; length];
        json!({
            "processType": "default",
            "processName": name,
            "processStartupTime": 0,
            "processShutdownTime": null,
            "registerTime": 0,
            "unregisterTime": null,
            "pausedRanges": [],
            "name": name,
            "isMainThread": true,
            "pid": "0",
            "tid": 0,
            "samples": {
                "stack": self.samples,
                "time": (0..samples).collect::<Vec<_>>(),
                "weight": self.weights,
                "weightType": "bytes",
                "length": samples,
            },
            "markers": {
                "data": [], "name": [], "startTime": [], "endTime": [], "phase": [], "category": [], "length": 0,
            },
            "stackTable": {
                "frame": self.stack_frames,
                "prefix": self.prefixes,
                "category": column(stacks, 0.into()),
                "subcategory": column(stacks, 0.into()),
                "length": stacks,
            },
            "frameTable": {
                "address": column(frames, (-1).into()),
                "inlineDepth": column(frames, 0.into()),
                "category": column(frames, 0.into()),
                "subcategory": column(frames, 0.into()),
                "func": (0..frames).collect::<Vec<_>>(),
                "nativeSymbol": column(frames, Value::Null),
                "innerWindowID": column(frames, 0.into()),
                "implementation": column(frames, Value::Null),
                "line": self.lines,
                "column": column(frames, Value::Null),
                "length": frames,
            },
            "funcTable": {
                "isJS": column(frames, false.into()),
                "relevantForJS": column(frames, false.into()),
                "name": self.names,
                "resource": column(frames, (-1).into()),
                "fileName": self.files,
                "lineNumber": self.lines,
                "columnNumber": column(frames, Value::Null),
                "length": frames,
            },
            "resourceTable": {"lib": [], "name": [], "host": [], "type": [], "length": 0},
            "nativeSymbols": {"libIndex": [], "address": [], "name": [], "functionSize": [], "length": 0},
            "stringArray": self.strings,
        })
    }
}
