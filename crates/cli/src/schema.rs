//! `duban schema`: what a definition file may contain, for editors.

use duban_rules::{SCHEMA_FILES, definition_schema};
use serde_json::{Value, json};

use crate::args::Schema;
use crate::{Ended, Fault};

pub(crate) fn run(args: &Schema) -> Result<Ended, Fault> {
    let schema = match &args.file {
        Some(file) => definition_schema(file),
        None => any(),
    };
    let schema = schema.ok_or("no such file; ledger, tasks and directory have a schema")?;
    crate::say!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(Ended::Well)
}

/// One schema for all files: which of them it is, an editor sees by their fields. The parts that
/// they share stand once, under `$defs`; editors follow no reference by `$id`.
fn any() -> Option<Value> {
    let mut parts = serde_json::Map::new();
    let mut ways = Vec::new();
    for file in SCHEMA_FILES {
        let mut schema = definition_schema(file)?;
        let own = schema.as_object_mut()?;
        own.remove("$schema");
        if let Some(Value::Object(shared)) = own.remove("$defs") {
            parts.extend(shared);
        }
        parts.insert((*file).to_owned(), schema);
        ways.push(json!({ "$ref": format!("#/$defs/{file}") }));
    }
    Some(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ledger.yaml, tasks.yaml, directory.yaml",
        "anyOf": ways,
        "$defs": parts,
    }))
}
