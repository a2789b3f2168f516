//! JSON Schemas of the definition files, from the types that read them, so that an editor proposes
//! what Duban accepts.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::reading::Spanned;
use crate::source::{DirectorySource, LedgerSource, TasksSource};

/// The files that have a schema.
pub const SCHEMA_FILES: &[&str] = &["ledger", "tasks", "directory"];

/// The JSON Schema (draft 2020-12) of a definition file by its name without ending. An editor checks
/// the shape and proposes words; what units, dates and conditions mean, `compile` alone knows.
pub fn definition_schema(file: &str) -> Option<Value> {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = match file {
        "ledger" => generator.into_root_schema_for::<LedgerSource>(),
        "tasks" => generator.into_root_schema_for::<TasksSource>(),
        "directory" => generator.into_root_schema_for::<DirectorySource>(),
        _ => return None,
    };
    Some(schema.to_value())
}

/// A value's place is no part of the file.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
