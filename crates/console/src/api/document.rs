//! The OpenAPI 3.1 document, made from the operations and from the types that are read and written.

use std::sync::OnceLock;

use axum::response::Response;
use duban_model::RecordType;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::asked::{Asked, JSON, Wanted};
use super::event::{BATCH_BYTES, BATCH_EVENTS};
use super::gate::{API_WINDOW, POSTS_PER_TOKEN, READS_PER_TOKEN};
use super::mode::{BATCH, EVENT};
use super::problem::{Code, PROBLEM, Problem, Written};
use super::read::Nothing;
use super::simulation::{
    SIMULATION_DAYS, SIMULATION_LINES, SIMULATION_WITHIN, SIMULATIONS_AT_ONCE,
};
use super::{Operation, Sends, data, operations};
use crate::access::{Need, Right};
use crate::ahead::LOOK_RECORDS;
use crate::sheet::FileFormat;

/// An OpenAPI document.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub(super) struct Document {
    openapi: String,
    info: Map<String, Value>,
    paths: Map<String, Value>,
    components: Map<String, Value>,
}

/// `GET /openapi.json`: open to all, and the same until the next release.
pub(super) async fn show(
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Result<Response, Problem> {
    let fresh = asked.fresh(0, None, JSON)?;
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    Ok(fresh.bytes(JSON, document().as_bytes().to_vec()))
}

/// The document's text.
fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| written().to_string())
}

const ABOUT: &str = "Duban supervises duties until they are done (督办). Programs send events and read \
    what became of them.\n\nAsk an administrator for a token (`duban token add`, or the page /tokens) \
    and send it as `Authorization: Bearer dbn_…`. A token of an office or of a unit sees what is \
    theirs, and nothing else.\n\nLists come in pages: hand over `next` as `cursor`. Every answer has \
    an ETag; ask with If-None-Match. Whatever is refused is answered with application/problem+json, \
    whose `type` is stable.\n\n使用说明(中文)见 /api。";

fn sending() -> String {
    format!(
        "CloudEvents 1.0 over HTTP in three ways: one event ({EVENT}), a batch ({BATCH}), or the \
         binary mode: Content-Type application/json with the data as the body and the attributes as \
         headers ce-specversion, ce-id, ce-source, ce-type, ce-tenant, ce-time, ce-ledger, their \
         values percent-encoded.\n\nAt most {BATCH_EVENTS} events and {BATCH_BYTES} bytes a request. \
         All events of a request are taken, or none: then `errors` says which are why not, by JSON \
         Pointer. 202 is answered once all are durable in the inbox.\n\nAn event is known by tenant, \
         source and id for the ledger's life. Sent again it is taken again, and recorded as a \
         duplicate; nothing happens twice. After 503, or without an answer, send the same request \
         again. The same id with other content, a unit that the directory does not have, and the like \
         are refused behind the door: see /api/v1/rejections."
    )
}

/// The whole document.
pub(super) fn written() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let problem = schemas.subschema_for::<Written>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let described = described(&operation, &problem, &mut schemas);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = described;
    }
    let rate = format!(
        "A token may read {READS_PER_TOKEN} times and send {POSTS_PER_TOKEN} requests with events in {} seconds; beyond it 429 with Retry-After.",
        API_WINDOW.as_secs()
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Duban 督办",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{ABOUT}\n\n{rate}"),
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token, made by `duban token add`.",
                },
            },
            "schemas": schemas.take_definitions(true),
        },
    })
}

/// The scope of a token that gives a right.
pub(super) fn scope_of(need: Need) -> &'static str {
    match need {
        Need::Right(Right::SendEvents) => "events:write, events:write:TYPE",
        Need::Right(Right::EditDefinitions) => "definitions",
        Need::Right(_) => "read",
        Need::Open | Need::Letter | Need::SignedIn => "",
    }
}

fn described(op: &Operation, problem: &Schema, schemas: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = op.parts().map(of_path).collect();
    parameters.extend(of_query((op.query)(schemas)));
    let mut responses = Map::new();
    let answer = (op.answer)(schemas);
    match op.sends {
        Sends::Nothing => {
            parameters.push(json!({
                "name": "If-None-Match",
                "in": "header",
                "description": "Entity tags of answers that you have: 304 if it is one of them.",
                "schema": { "type": "string", "pattern": "^[\\t -~]*$" },
            }));
            let tag = json!({
                "ETag": {
                    "description": "The same as long as the answer is.",
                    "schema": { "type": "string", "pattern": "^\"[0-9a-f]{24}\"$" },
                },
            });
            responses.insert(
                "200".to_owned(),
                json!({
                    "description": op.english,
                    "headers": tag,
                    "content": if op.files { files() } else { answered(op.id, &answer) },
                }),
            );
            let unchanged = json!({ "description": "You have it.", "headers": tag });
            responses.insert("304".to_owned(), unchanged);
        }
        Sends::Json => {
            responses.insert(
                "200".to_owned(),
                json!({
                    "description": op.english,
                    "content": answered(op.id, &answer),
                }),
            );
        }
        Sends::Events => {
            responses.insert(
                "202".to_owned(),
                json!({
                    "description": "All events are durable in the inbox.",
                    "content": answered(op.id, &answer),
                }),
            );
        }
    }
    for (status, meanings) in refusals(op) {
        responses.insert(
            status,
            json!({
                "description": meanings.join("; "),
                "content": { PROBLEM: { "schema": problem } },
            }),
        );
    }
    let mut described = json!({
        "operationId": op.id,
        "summary": format!("{} {}", op.english, op.chinese),
        "parameters": parameters,
        "responses": responses,
    });
    let scope = scope_of(op.need);
    if scope.is_empty() {
        described["security"] = json!([]);
    }
    described["description"] = Value::String(match (op.sends, scope) {
        (Sends::Events, _) => format!("{}\n\nScope: {scope}.", sending()),
        (Sends::Nothing, "") => "Open to all.".to_owned(),
        (Sends::Nothing | Sends::Json, _) => {
            format!("{}Scope: {scope}.", about(op.id))
        }
    });
    match op.sends {
        Sends::Nothing => {}
        Sends::Events => described["requestBody"] = body(schemas),
        Sends::Json => {
            let schema = (op.body)(schemas);
            described["requestBody"] = json!({
                "required": true,
                "content": { JSON: { "schema": schema, "example": (op.sample)() } },
            });
        }
    }
    described
}

/// Answers of the program on the sample ledger, by the names of the operations. A test asks them
/// again, and looks whether they fit their schemas.
const EXAMPLES: &str = include_str!("examples.json");

/// An answer's JSON by its schema, with its example.
fn answered(id: &str, schema: &Schema) -> Value {
    let mut content = json!({ "schema": schema });
    let mut all: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    if let Some(example) = all.remove(id) {
        content["examples"] = json!({
            "sample": {
                "summary": "On the sample ledger as of 2021-08-09; lists are cut.",
                "value": example,
            },
        });
    }
    json!({ JSON: content })
}

/// What is to be said of an operation beyond its summary.
fn about(id: &str) -> String {
    match id {
        "simulate" => format!(
            "The ledger as the log leaves it is played on in memory by the services themselves, with these \
             events and nobody doing anything else; every send counts as delivered. The answer is what \
             `duban simulate` prints for the same case. Nothing is appended. A token of a unit supposes \
             events of its own unit, and is answered what is its own.\n\nAt most {SIMULATION_DAYS} days \
             ahead, {SIMULATION_LINES} lines, {LOOK_RECORDS} records and {} seconds; one at a time for \
             each token (429), {SIMULATIONS_AT_ONCE} in all (503).\n\nWith `files` it needs the scope \
             definitions, too.\n\n",
            SIMULATION_WITHIN.as_secs()
        ),
        "plan" => "Texts with errors are 422 with `diagnostics`: file, line and column. Nothing is kept. Deploy with the digest `plan`.\n\n".to_owned(),
        "deploy" => "200 means that it is in force, durably; the record bears the token's name and the reason. 409 if the plan is another one by now. After 503, or without an answer, look at GET /api/v1/deployments before trying again.\n\n".to_owned(),
        _ => String::new(),
    }
}

/// Files, by their types.
fn files() -> Value {
    let types = FileFormat::ALL.into_iter().map(|format| {
        let media = format.media_type();
        (media.to_owned(), json!({}))
    });
    Value::Object(types.collect())
}

/// Why an operation may be refused, by status.
fn refusals(op: &Operation) -> Vec<(String, Vec<&'static str>)> {
    let mut all: Vec<(String, Vec<&'static str>)> = Vec::new();
    for code in Code::ALL {
        let is_possible = match code {
            Code::NoToken | Code::BadToken | Code::NoRight => op.need != Need::Open,
            Code::NotFound => op.parts().next().is_some() || op.codes.contains(code),
            Code::Changed => op.sends == Sends::Nothing,
            Code::MethodNotAllowed => false,
            Code::BadJson | Code::SlowBody | Code::TooLarge | Code::WrongMediaType => {
                op.sends != Sends::Nothing
            }
            Code::OtherTenant
            | Code::OtherUnit
            | Code::TypeNotTaken
            | Code::SameId
            | Code::StalePlan
            | Code::BadEvent
            | Code::BadBody
            | Code::BadDefinition
            | Code::NotDeployed
            | Code::TooMuch => op.codes.contains(code),
            Code::BadRequest
            | Code::BadHeader
            | Code::NotAcceptable
            | Code::TooMany
            | Code::Internal
            | Code::Unavailable => true,
        };
        if !is_possible {
            continue;
        }
        let status = code.status().as_u16().to_string();
        match all.iter_mut().find(|(other, _)| *other == status) {
            Some((_, meanings)) => meanings.push(code.english()),
            None => all.push((status, vec![code.english()])),
        }
    }
    all
}

fn of_path(name: &str) -> Value {
    let (what, pattern, example) = match name {
        "ledger" => (
            "A ledger's id.",
            "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            "tongliao-2021",
        ),
        "file" => (
            "A ledger's id and the ending of a format.",
            "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\\.(xlsx|docx|csv|ics)$",
            "tongliao-2021.csv",
        ),
        "notice" => (
            "A notice's id.",
            "^[0-9a-f]{32}$",
            "6f1c2a9e0b7d4c5e8f1a2b3c4d5e6f70",
        ),
        _ => (
            "A duty's id, whose slashes are percent-encoded.",
            "^[A-Za-z0-9._-]+(/[A-Za-z0-9._:-]+){3,4}$",
            "tongliao-2021/10/city-spj/responsible",
        ),
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": what,
        "schema": { "type": "string", "pattern": pattern },
        "example": example,
    })
}

/// The parameters of a query, from the type that reads them.
fn of_query(schema: Schema) -> Vec<Value> {
    let mut schema = Value::from(schema);
    let required: Vec<Value> = match schema["required"].take() {
        Value::Array(names) => names,
        _ => Vec::new(),
    };
    let Value::Object(properties) = schema["properties"].take() else {
        return Vec::new();
    };
    let parameter = |(name, mut schema): (String, Value)| {
        let description = schema["description"].take();
        let is_required = required.contains(&Value::String(name.clone()));
        json!({
            "name": name,
            "in": "query",
            "required": is_required,
            "description": description,
            "schema": present(schema),
        })
    };
    properties.into_iter().map(parameter).collect()
}

/// The same without null, which no query can say: who means it leaves the parameter out.
fn present(mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        map.remove("description");
        map.remove("default");
        if let Some(Value::Array(types)) = map.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                map.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(ways)) = map.get_mut("anyOf") {
            ways.retain(|way| way["type"] != "null");
            if let [only] = &ways[..] {
                return only.clone();
            }
        }
    }
    schema
}

/// What an administrator's CMS sends when a policy is published.
pub(super) fn example() -> Value {
    json!({
        "specversion": "1.0",
        "id": "spj-2021-0613",
        "source": "https://www.tongliao.example/cms",
        "type": "duban.publication.published",
        "time": "2021-06-28T09:10:00+08:00",
        "tenant": "tongliao",
        "data": {
            "publication": "spj-2021-0613",
            "unit": "city-spj",
            "kind": "政策文件",
            "title": "关于印发2021年工作要点的通知",
            "url": "https://www.tongliao.example/zfxxgk/2021-0613.html",
            "written": "2021-06-25",
        },
    })
}

fn body(schemas: &mut SchemaGenerator) -> Value {
    let taken = RecordType::ALL.iter().copied();
    let events: Vec<Value> = taken
        .filter_map(|kind| Some(data::event(kind, &data::schema(kind, schemas)?)))
        .collect();
    let event = json!({ "oneOf": events });
    schemas.definitions_mut().insert("Event".to_owned(), event);
    let event = json!({ "$ref": "#/components/schemas/Event" });
    let batch = json!({ "type": "array", "items": event, "maxItems": BATCH_EVENTS });
    json!({
        "required": true,
        "content": {
            EVENT: {
                "schema": event,
                "examples": { "publication": { "value": example() } },
            },
            BATCH: {
                "schema": batch,
                "examples": { "publication": { "value": [example()] } },
            },
        },
    })
}
