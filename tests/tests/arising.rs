//! Duties that arise for very many at once: one event, hundreds of units, and all that follows.

use std::collections::BTreeMap;
use std::path::Path;

use duban_model::fact::{Matter, MatterWithdrawn};
use duban_model::{Body, Envelope, Timestamp};
use duban_rules::ObligationState;
use duban_tests::scenario::{Folder, House};

const TENANT: &str = "test";
const LEDGER: &str = "arising";
/// More than fit into several inputs.
const UNITS: usize = 700;

/// The scenarios' ledger with one rule that hundreds of units owe, and one that follows it.
fn folder() -> Folder {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let calendar = root.join("../../workflows/calendars/cn-workdays.csv");
    let mut folder =
        Folder::read(&root.join("scenarios/ledgers/arising"), &calendar).expect("the ledger");
    let rules = r#"
  - { id: "all", section: 一, subsection: 一, title: 回应, text: 回应。, units_phrase: 各单位, strength: required,
      opens: event, event: { kinds: [突发事件] }, due: 5wd, ladder: days,
      owners: [{ group: 各单位, role: responsible }], fulfilled_by: { submission: verified } }
  - { id: "each", section: 一, subsection: 一, title: 过问, text: 过问。, units_phrase: 主管部门, strength: required,
      opens: follows, follows: { task: "all", when: overdue }, due: 5wd, ladder: days,
      owners: [{ from: office, role: lead }], fulfilled_by: { submission: verified } }
"#;
    folder
        .edit("tasks", "tasks:\n", &format!("tasks:\n{rules}"))
        .expect("the tasks");
    for number in 0..UNITS {
        let unit = duban_model::directory::Unit {
            name: format!("单位{number}"),
            short: Vec::new(),
            level: String::new(),
            kind: String::new(),
            groups: vec!["各单位".to_owned()],
            superior: None,
            certainty: None,
            contacts: Vec::new(),
            leader: None,
            formerly: Vec::new(),
            hours: None,
        };
        folder
            .directory
            .units
            .insert(format!("unit-{number:03}"), unit);
    }
    folder
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn event(id: &str, time: Timestamp, body: Body) -> Envelope {
    Envelope {
        id: id.to_owned(),
        source: "urn:test".to_owned(),
        kind: body.record_type(),
        time: Some(time),
        tenant: TENANT.to_owned(),
        ledger: Some(LEDGER.to_owned()),
        body,
    }
}

fn fire(id: &str) -> Body {
    Body::MatterReported(Matter {
        matter: id.to_owned(),
        unit: "kailu".to_owned(),
        kind: "突发事件".to_owned(),
        title: "起火".to_owned(),
        about: None,
        number: None,
        note: None,
    })
}

/// How many duties of a task stand how.
fn states(house: &House, task: &str) -> BTreeMap<ObligationState, usize> {
    let mut counts = BTreeMap::new();
    for (_, duty) in house.rules().obligations() {
        if *duty.task == *task {
            *counts.entry(duty.state).or_default() += 1;
        }
    }
    counts
}

#[test]
fn one_event_opens_hundreds_of_duties_once_and_what_follows_them_and_takes_all_back() {
    let folder = folder();
    let mut house = House::new(TENANT, false);
    let begin = at("2021-06-28T15:00:00+08:00");
    for (number, body) in [
        folder.calendar_event(),
        folder.directory_event(),
        folder.definition_event(),
    ]
    .into_iter()
    .enumerate()
    {
        let event = event(&format!("deploy-{number}"), begin, body);
        house.arrive(begin, &event).expect("a deployment");
    }
    let reported = at("2021-07-05T10:00:00+08:00");
    for id in ["first", "the same again"] {
        let event = event(id, reported, fire("fire-1"));
        house.arrive(reported, &event).expect("a matter");
    }
    house.pass(reported).expect("quiet");
    let all = |state| BTreeMap::from([(state, UNITS)]);
    assert_eq!(states(&house, "all"), all(ObligationState::Open));
    let opened = |house: &House| {
        let records = house.records().iter();
        records
            .filter(|(_, r)| matches!(&r.body, Body::NoticeRequested(n) if n.kind.as_str() == "opened" && n.task == "all"))
            .count()
    };
    assert_eq!(opened(&house), UNITS, "each unit is told once");

    // All turn red in one night, and each has the office look after it.
    house
        .pass(at("2021-07-13T00:00:00+08:00"))
        .expect("a week passes");
    assert_eq!(states(&house, "each"), all(ObligationState::Open));

    let called_off = at("2021-07-13T10:00:00+08:00");
    let body = Body::MatterWithdrawn(MatterWithdrawn {
        matter: "fire-1".to_owned(),
        unit: "kailu".to_owned(),
        reason: Some("误报".to_owned()),
        note: None,
    });
    let event = event("called off", called_off, body);
    house.arrive(called_off, &event).expect("a withdrawal");
    house.pass(called_off).expect("quiet");
    assert_eq!(states(&house, "all"), all(ObligationState::Withdrawn));
    assert_eq!(states(&house, "each"), all(ObligationState::Withdrawn));
    house.finish().expect("the states are rebuilt alike");
}
