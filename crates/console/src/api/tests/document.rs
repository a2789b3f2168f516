//! The document says what the addresses do, and nothing else.

use std::collections::BTreeSet;

use duban_model::{Body, Envelope, RecordType};
use serde_json::{Value, json};

use super::super::document::written;
use super::Desk;
use crate::access::{Scope, Sort};
use crate::route::table;

#[test]
fn every_address_of_the_api_is_in_the_document_and_the_reverse() {
    let served: BTreeSet<(String, String)> = table()
        .iter()
        .filter(|entry| entry.sort == Sort::Api && entry.path.starts_with("/api/"))
        .map(|entry| (entry.path.to_owned(), entry.method.as_str().to_lowercase()))
        .collect();
    let document = written();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((path.clone(), method.clone()));
        }
    }
    assert_eq!(served, described);
    let below = |entry: &crate::route::Entry| entry.path.starts_with("/api/");
    for entry in table().iter().filter(|entry| below(entry)) {
        assert_eq!(entry.sort, Sort::Api, "{}", entry.path);
    }
    assert!(served.contains(&("/api/v1/events".to_owned(), "post".to_owned())));
}

#[test]
fn operations_have_names_of_their_own_and_say_what_they_need() {
    let document = written();
    let mut names = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} twice");
            let responses = operation["responses"].as_object().unwrap();
            // Of what is only taken nobody can say yet what comes of it.
            let answered = if name == "sendEvents" { "202" } else { "200" };
            assert!(responses.contains_key(answered), "{name}");
            assert_eq!(responses.contains_key("304"), *method == "get", "{name}");
            let is_open = operation["security"] == json!([]);
            assert_eq!(responses.contains_key("401"), !is_open, "{name}");
        }
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name}"
        );
    }
}

#[test]
fn the_examples_are_events_that_are_taken() {
    let document = written();
    let body = &document["paths"]["/api/v1/events"]["post"]["requestBody"]["content"];
    let one = &body["application/cloudevents+json"]["examples"]["publication"]["value"];
    let event = Envelope::parse(one.to_string().as_bytes()).unwrap();
    assert_eq!(event.kind, RecordType::PublicationPublished);
    assert!(matches!(event.body, Body::PublicationPublished(_)));
    let many = &body["application/cloudevents-batch+json"]["examples"]["publication"]["value"];
    assert_eq!(many[0], *one);
}

#[test]
fn types_of_events_are_taken_or_named_as_not_taken() {
    let document = written();
    let listed: BTreeSet<&str> = document["components"]["schemas"]["Event"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["title"].as_str().unwrap())
        .collect();
    let not_taken = [
        "duban.definition.deployed",
        "duban.calendar.deployed",
        "duban.directory.deployed",
        "duban.delivery.reported",
        "duban.clock.advanced",
    ];
    for kind in RecordType::ALL.iter().map(|kind| kind.as_str()) {
        let is_fact = Scope::parse(&format!("events:write:{kind}")).is_some();
        assert_eq!(
            listed.contains(kind),
            is_fact && !not_taken.contains(&kind),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_document_and_the_guide_are_open_to_all() {
    let desk = Desk::open().await;
    let heard = desk.ask("GET", "/api/v1/openapi.json", &[], "").await;
    assert_eq!((heard.status, heard.json()), (200, written()));
    let tag = heard.header("etag").unwrap().to_owned();
    let again = format!("if-none-match: {tag}");
    let heard = desk.ask("GET", "/api/v1/openapi.json", &[&again], "").await;
    assert_eq!((heard.status, heard.body.as_str()), (304, ""));
    let guide = desk.ask("GET", "/api", &[], "").await;
    assert_eq!(guide.status, 200);
    for said in [
        "curl",
        "/api/v1/events",
        "urn:duban:problem:bad-event",
        "In English",
    ] {
        assert!(guide.body.contains(said), "{said}");
    }
    let paths: Vec<Value> = written()["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(|p| json!(p))
        .collect();
    for path in paths {
        assert!(guide.body.contains(path.as_str().unwrap()), "{path}");
    }
}
