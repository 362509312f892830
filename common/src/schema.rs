//! The record types as JSON Schema. Must not know any tool's types; a tool hands over its own.
//!
//! `cargo xtask schema` writes each tool's schema to `common/schemas/<tool>.v1.json`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::record::{RunFailed, RunFinished, RunStarted};

/// The frame of a run under neutral names; [`of`] puts the tool's name in front.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum Frame {
    #[serde(rename = "run.started")]
    Started(RunStarted),
    #[serde(rename = "run.failed")]
    Failed(RunFailed),
    #[serde(rename = "run.finished")]
    Finished(RunFinished),
}

/// The schema of one line that `tool` writes, where `R` is the enum of its own records.
pub fn of<R: JsonSchema>(tool: &str) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut frame = generator.subschema_for::<Frame>().to_value();
    let mut own = generator.subschema_for::<R>().to_value();
    let mut defs = Value::Object(generator.take_definitions(true));
    rename_frame(&mut defs, tool);
    rename_frame(&mut frame, tool);
    rename_frame(&mut own, tool);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("one record of {tool}"),
        "type": "object",
        "required": ["v", "seq", "at_us", "type"],
        "properties": {
            "v": {"const": crate::record::VERSION},
            "seq": {"type": "integer", "minimum": 0},
            "at_us": {"type": "integer", "minimum": 0},
            "type": {"type": "string", "pattern": "^[a-z]+(\\.[a-z_]+)?\\.[a-z_]+$"}
        },
        "anyOf": [frame, own],
        "$defs": defs,
    })
}

fn rename_frame(value: &mut Value, tool: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(tag)) = map.get_mut("const")
                && tag.starts_with("run.")
            {
                *tag = format!("{tool}.{tag}");
            }
            map.values_mut().for_each(|inner| rename_frame(inner, tool));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| rename_frame(inner, tool)),
        _ => {}
    }
}
