//! Reads records as a script would and holds every one against the committed schemas.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// The records that `tool` printed: each valid against its schema, numbered without gaps, framed by
/// `run.started` and `run.finished`.
///
/// # Panics
/// When any of that is not so.
#[track_caller]
pub fn records(tool: &str, stdout: &str) -> Vec<Value> {
    let records = validate(tool, stdout);
    let kind = |record: Option<&Value>| record.map(|record| record["type"].clone()).unwrap_or_default();
    assert_eq!(kind(records.first()), format!("{tool}.run.started"), "the first record of {stdout}");
    assert_eq!(kind(records.last()), format!("{tool}.run.finished"), "the last record of {stdout}");
    records
}

/// The lines that `tool` printed, each valid against its schema and numbered without gaps; the run may
/// have been cut short.
///
/// # Panics
/// When a line is not JSON, is out of order or does not fit the schema.
#[track_caller]
#[expect(clippy::panic, reason = "a test's way to say no")]
pub fn validate(tool: &str, stdout: &str) -> Vec<Value> {
    let validator = validator(tool);
    let mut records = Vec::new();
    for (index, line) in stdout.lines().enumerate() {
        let record: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}: {line}", index + 1));
        if let Err(error) = validator.validate(&record) {
            panic!("line {} does not fit {tool}'s schema: {error}\n{line}", index + 1);
        }
        assert_eq!(record["seq"], index, "records are numbered without gaps: {line}");
        records.push(record);
    }
    records
}

/// Those of `records` with the given type.
pub fn of_type<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

#[expect(clippy::panic, reason = "a test cannot go on without it")]
fn validator(tool: &str) -> &'static Validator {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    validators.entry(tool.to_owned()).or_insert_with(|| {
        let path = crate::root().join(format!("common/schemas/{tool}.v1.json"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let schema =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let validator = jsonschema::validator_for(&schema);
        Box::leak(Box::new(validator.unwrap_or_else(|error| panic!("{}: {error}", path.display()))))
    })
}
