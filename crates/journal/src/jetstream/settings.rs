//! What the server and its streams have to be like, and how they are compared with it.
//!
//! Old servers ignore silently what they do not know, and an operator may have changed a setting:
//! so the server's version is checked, and the configuration that it echoes is compared field by
//! field with what is needed. Fields that this release does not know must be unset.

use duban_model::frame::MAX_FRAME_BYTES;
use duban_model::record::MAX_EVENT_BYTES;
use serde_json::{Map, Value, json};

use crate::fault::LogError;
use crate::subject::MAX_SUBJECT_BYTES;

/// The oldest server that stores what we ask for, as major, minor, patch.
const MIN_SERVER: (u64, u64, u64) = (2, 12, 0);

/// Room for a frame's head and the server's own headers, in bytes.
const FRAME_HEADERS_BYTES: usize = 16 * 1024;

/// Room for what producers put in headers, in bytes.
const EVENT_HEADERS_BYTES: usize = 4 * 1024;

/// A lease with its headers, in bytes.
const MAX_LEASE_BYTES: usize = 4 * 1024;

/// The server's window for de-duplication by message id, in nanoseconds: the smallest it allows.
/// Ours is the intake's.
const DUPLICATE_WINDOW_NANOS: u64 = 100_000_000;

/// Where a stream's metadata names the log.
pub(super) const ID_KEY: &str = "duban.id";

/// Fields that say where and how a stream is kept, not what it promises; the operator's choice.
const FREE_FIELDS: [&str; 2] = ["placement", "description"];

/// The names of a partition's streams.
pub(super) fn log_stream(partition: u16) -> String {
    format!("DUBAN_LOG_{partition}")
}

pub(super) fn inbox_stream(partition: u16) -> String {
    format!("DUBAN_INBOX_{partition}")
}

pub(super) fn lease_stream(partition: u16) -> String {
    format!("DUBAN_LEASE_{partition}")
}

/// The configuration of the log stream.
pub(super) fn log_settings(partition: u16, replicas: u8, id: &str) -> Value {
    settings(
        &log_stream(partition),
        &format!("duban.log.{partition}.*"),
        MAX_FRAME_BYTES + FRAME_HEADERS_BYTES,
        replicas,
        id,
    )
}

/// The configuration of the inbox stream.
pub(super) fn inbox_settings(partition: u16, replicas: u8, id: &str) -> Value {
    settings(
        &inbox_stream(partition),
        "duban.in.>",
        MAX_EVENT_BYTES + EVENT_HEADERS_BYTES,
        replicas,
        id,
    )
}

/// The configuration of the stream of leases: of each service the last message alone, and room for
/// no more.
pub(super) fn lease_settings(partition: u16, replicas: u8, id: &str) -> Value {
    let mut needed = settings(
        &lease_stream(partition),
        &format!("duban.lease.{partition}.*"),
        MAX_LEASE_BYTES,
        replicas,
        id,
    );
    needed["max_msgs_per_subject"] = json!(1);
    needed["discard"] = json!("old");
    needed
}

/// How many copies a stream is to have: as many as it has if that is 1 or 3, else `wanted`.
pub(super) fn as_kept(config: &Value, wanted: u8) -> u8 {
    match config["num_replicas"].as_u64() {
        Some(1) => 1,
        Some(3) => 3,
        _ => wanted,
    }
}

fn settings(name: &str, subjects: &str, max_bytes: usize, replicas: u8, id: &str) -> Value {
    json!({
        "name": name,
        "subjects": [subjects],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "num_replicas": replicas,
        "max_age": 0,
        "max_bytes": -1,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "max_msg_size": max_bytes,
        "duplicate_window": DUPLICATE_WINDOW_NANOS,
        "deny_delete": true,
        "deny_purge": true,
        "allow_rollup_hdrs": false,
        "allow_direct": false,
        "mirror_direct": false,
        "allow_msg_ttl": false,
        "no_ack": false,
        "sealed": false,
        "compression": "none",
        "metadata": { ID_KEY: id },
    })
}

/// Checks that the server is new enough.
pub(super) fn check_server(version: &str, max_payload: usize) -> Result<(), LogError> {
    let (major, minor, patch) = MIN_SERVER;
    if parse_version(version).is_none_or(|found| found < MIN_SERVER) {
        return Err(LogError::Refused(format!(
            "the NATS server is version `{version}`; Duban needs {major}.{minor}.{patch} or later, \
             because older servers silently ignore settings that the log relies on. Upgrade \
             nats-server."
        )));
    }
    let needed = MAX_FRAME_BYTES + FRAME_HEADERS_BYTES + MAX_SUBJECT_BYTES;
    if max_payload < needed {
        return Err(LogError::Refused(format!(
            "the NATS server's `max_payload` is {max_payload} bytes; Duban needs at least {needed}. \
             Set `max_payload: 1MB` as in deploy/nats.conf."
        )));
    }
    Ok(())
}

/// Reads `2.12.0`, also with something after a dash or plus. A pre-release counts as its release.
fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let plain = plain.split(['-', '+']).next()?;
    let mut numbers = plain.split('.').map(|part| part.parse().ok());
    let version = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(version)
}

/// The log's id, as the stream's metadata give it.
pub(super) fn id_of(config: &Value) -> Option<&str> {
    config.get("metadata")?.get(ID_KEY)?.as_str()
}

/// Compares what the server echoes with what is needed, and names every difference.
pub(super) fn compare(needed: &Value, echoed: &Value) -> Result<(), LogError> {
    let empty = Map::new();
    let needed = needed.as_object().unwrap_or(&empty);
    let echoed = echoed.as_object().unwrap_or(&empty);
    let mut differences = Vec::new();
    for (field, expected) in needed {
        let found = echoed.get(field).unwrap_or(&Value::Null);
        if field == "metadata" {
            compare_metadata(expected, found, &mut differences);
        } else if found != expected && !(is_unset(expected) && is_unset(found)) {
            differences.push(format!("`{field}` is {found}, needed is {expected}"));
        }
    }
    for (field, found) in echoed {
        let known = needed.contains_key(field) || FREE_FIELDS.contains(&field.as_str());
        if !known && !is_unset(found) {
            differences.push(format!("`{field}` is {found}, needed is unset"));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let name = needed.get("name").and_then(Value::as_str).unwrap_or("?");
    Err(LogError::Refused(format!(
        "the stream {name} is not configured as the log needs it: {}. Correct it with \
         `nats stream edit {name}`; if it is not Duban's, give Duban a NATS account of its own.",
        differences.join("; ")
    )))
}

/// Ours must be there; what the server and others note in the metadata is theirs.
fn compare_metadata(expected: &Value, found: &Value, differences: &mut Vec<String>) {
    let empty = Map::new();
    let found = found.as_object().unwrap_or(&empty);
    for (key, value) in expected.as_object().unwrap_or(&empty) {
        let there = found.get(key).unwrap_or(&Value::Null);
        if there != value {
            differences.push(format!("`metadata` `{key}` is {there}, needed is {value}"));
        }
    }
}

/// True for what a server shows, or leaves out, where nothing is set.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() || text == "none" || text == "default",
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_unset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        for good in ["2.12.0", "2.15.1", "v2.14.6", "2.12.0-RC.1", "3.0.0"] {
            assert_eq!(check_server(good, 1 << 20), Ok(()), "{good}");
        }
        for bad in ["2.11.11", "2.9.10", "1.4.1", "", "2.12", "2.x.1"] {
            assert_eq!(
                check_server(bad, 1 << 20),
                Err(LogError::Refused(format!(
                    "the NATS server is version `{bad}`; Duban needs 2.12.0 or later, because older \
                     servers silently ignore settings that the log relies on. Upgrade nats-server."
                )))
            );
        }
    }

    #[test]
    fn a_server_that_takes_only_small_messages_is_refused() {
        assert_eq!(
            check_server("2.15.1", 512 * 1024),
            Err(LogError::Refused(
                "the NATS server's `max_payload` is 524288 bytes; Duban needs at least 938184. Set \
                 `max_payload: 1MB` as in deploy/nats.conf."
                    .to_owned()
            ))
        );
    }

    #[test]
    fn every_difference_is_named() {
        let needed = log_settings(0, 1, "abc");
        assert_eq!(compare(&needed, &needed), Ok(()));

        let mut echoed = needed.clone();
        // Noise that promises nothing else.
        echoed["consumer_limits"] = json!({});
        echoed["persist_mode"] = json!("default");
        echoed["placement"] = json!({"cluster": "east"});
        echoed["metadata"]["_nats.level"] = json!("1");
        echoed.as_object_mut().unwrap().remove("sealed");
        assert_eq!(compare(&needed, &echoed), Ok(()));

        echoed["discard"] = json!("old");
        echoed["metadata"][ID_KEY] = json!("xyz");
        echoed["persist_mode"] = json!("async");
        echoed.as_object_mut().unwrap().remove("deny_delete");
        assert_eq!(
            compare(&needed, &echoed),
            Err(LogError::Refused(
                "the stream DUBAN_LOG_0 is not configured as the log needs it: `deny_delete` is \
                 null, needed is true; `discard` is \"old\", needed is \"new\"; `metadata` \
                 `duban.id` is \"xyz\", needed is \"abc\"; `persist_mode` is \"async\", needed is \
                 unset. Correct it with `nats stream edit DUBAN_LOG_0`; if it is not Duban's, give \
                 Duban a NATS account of its own."
                    .to_owned()
            ))
        );
    }
}
