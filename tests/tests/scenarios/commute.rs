//! A decider that reads two services meets their records in either order. Where the records are
//! about different things, the order makes no difference; where they are about the same thing at
//! the same instant, it may, and what may differ is said here.

use std::collections::BTreeSet;

use duban_model::decider::seal;
use duban_model::decision::{DefinitionAdopted, NoticeRequested, TimerArmed, TimerFired, When};
use duban_model::fact::{
    ClockAdvanced, DeliveryReported, DirectoryDeployed, Outcome, Publication, PublicationWithdrawn,
    TaskAct,
};
use duban_model::state::{digest_rows, drain_changes, load_rows};
use duban_model::{
    Body, Decider, Drafts, Frame, Input, Record, RecordId, Service, State, Timestamp,
};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_scheduler::Scheduler;
use duban_tests::scenario::{Folder, House};
use std::sync::Arc;

use crate::script::instant;
use crate::stage::event;

/// Stored rows of a state.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// What a run of inputs came to: the digest of all rows, and the decisions whatever their order.
type Outcomes = (String, BTreeSet<(RecordId, String)>);

fn rows<D: Decider>(frames: &[Arc<Frame>], more: &[Record]) -> Rows {
    let mut state = D::State::default();
    for record in frames.iter().flat_map(|frame| &frame.records) {
        D::apply(&mut state, record);
    }
    let mut latest = Timestamp::default();
    for record in more {
        decide::<D>(&mut state, record, &mut latest);
    }
    drain_changes(&mut state)
        .into_iter()
        .filter_map(|change| Some((change.key, change.value?)))
        .collect()
}

fn decide<D: Decider>(
    state: &mut D::State,
    record: &Record,
    latest: &mut Timestamp,
) -> Vec<Record> {
    let input = Input::Record(record);
    let mut drafts = Drafts::default();
    D::decide(state, &input, &mut drafts);
    let records = seal(D::SERVICE, &input, drafts, latest);
    for record in &records {
        D::apply(state, record);
    }
    records
}

fn run<D: Decider>(rows: &Rows, order: &[&Record]) -> Outcomes {
    let mut state: D::State = load_rows(rows.clone()).expect("rows");
    let mut latest = Timestamp::default();
    let mut decided = BTreeSet::new();
    for record in order {
        for record in decide::<D>(&mut state, record, &mut latest) {
            let kind = record.record_type().as_str();
            decided.insert((record.id, format!("{kind} {}", record.body.to_json())));
        }
    }
    state.loaded();
    (digest_rows(&state, |_| true), decided)
}

/// Every order of a list.
fn orders<T: Copy>(list: &[T]) -> Vec<Vec<T>> {
    if list.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for i in 0..list.len() {
        let mut rest = list.to_vec();
        let first = rest.remove(i);
        for mut order in orders(&rest) {
            order.insert(0, first);
            all.push(order);
        }
    }
    all
}

fn commutes<D: Decider>(rows: &Rows, inputs: &[Record]) {
    let list: Vec<&Record> = inputs.iter().collect();
    let expected = run::<D>(rows, &list);
    for input in &list {
        let given = run::<D>(rows, &[input]).1;
        assert!(
            !given.is_empty(),
            "{input:?} gives nothing and proves nothing"
        );
    }
    for order in orders(&list) {
        let found = run::<D>(rows, &order);
        let names: Vec<_> = order.iter().map(|r| r.record_type().as_str()).collect();
        assert_eq!(
            found.1,
            expected.1,
            "{} decides otherwise in the order {names:?}",
            D::SERVICE
        );
        assert_eq!(
            found.0,
            expected.0,
            "{} ends otherwise in the order {names:?}",
            D::SERVICE
        );
    }
}

/// A record as another service would have written it.
fn record(name: &str, source: Service, at: Timestamp, body: Body) -> Record {
    let id = RecordId::derive(&[name.as_bytes()]);
    Record {
        id,
        source: match source {
            Service::Intake => "urn:test:commute".into(),
            service => service.source().into(),
        },
        tenant: "test".to_owned(),
        ledger: Some("small".to_owned()),
        subject: None,
        time: (source == Service::Intake).then_some(at),
        loggedat: at,
        cause: None,
        correlation: id,
        definition: None,
        origin: (source == Service::Intake).then(|| name.to_owned()),
        body,
    }
}

fn at(date: &str, time: &str) -> Timestamp {
    instant(date, time).expect("an instant")
}

/// The small ledger in force since 2021-06-28, with publications that fulfil task 2.
fn house(until: Timestamp) -> House {
    let root = crate::root();
    let folder = Folder::read(
        &root.join("scenarios/ledgers/small"),
        &root.join("../../workflows/calendars/cn-workdays.csv"),
    )
    .expect("the small ledger");
    let mut house = House::new("test", false);
    let start = at("2021-06-28", "10:00");
    for body in [
        folder.calendar_event(),
        folder.directory_event(),
        folder.definition_event(),
        published("ys-1", "预算"),
        published("js-1", "决算"),
        published("js-2", "决算"),
    ] {
        let name = RecordId::derive(&[body.to_json().as_bytes()]).to_string();
        house
            .arrive(start, &event(&name, start, "small", body))
            .expect("an event");
    }
    house.pass(until).expect("time passes");
    house
}

fn published(id: &str, kind: &str) -> Body {
    Body::PublicationPublished(Publication {
        publication: id.to_owned(),
        unit: "kailu".to_owned(),
        kind: kind.to_owned(),
        title: id.to_owned(),
        url: None,
        category: None,
        issuer: None,
        number: None,
        written: None,
        validity: None,
        formats: Vec::new(),
        note: None,
        about: None,
    })
}

fn act(task: &str, due: Option<&str>) -> TaskAct {
    TaskAct {
        task: task.to_owned(),
        unit: Some("kailu".to_owned()),
        role: None,
        period: None,
        by: None,
        reason: None,
        evidence: Vec::new(),
        due: due.map(|d| d.parse().expect("a date")),
        extend: None,
        note: None,
        occasion: None,
    }
}

fn fired(house: &House, timer: &str, now: Timestamp) -> Record {
    let armed = house
        .rules()
        .obligation(timer)
        .and_then(|o| o.armed.clone())
        .expect("an armed duty");
    assert!(armed.at <= now, "{timer} is due at {}", armed.at);
    let body = Body::TimerFired(TimerFired {
        timer: timer.to_owned(),
        owner: Service::Rules,
        due: armed.at,
        step: armed.step.to_string(),
        next: None,
    });
    record(timer, Service::Scheduler, now, body)
}

fn periods(task: &str, now: Timestamp) -> Record {
    let timer = format!("small/{task}/periods");
    let body = Body::TimerFired(TimerFired {
        timer: timer.clone(),
        owner: Service::Rules,
        due: now,
        step: "period".to_owned(),
        next: None,
    });
    record(&timer, Service::Scheduler, now, body)
}

#[test]
fn the_rules_take_facts_and_firings_about_different_duties_in_any_order() {
    let now = at("2021-10-11", "09:10");
    let house = house(at("2021-10-11", "09:09"));
    let rows = rows::<Rules>(house.rules_frames(), &[]);
    let inputs = [
        // Fulfils 1/kailu and 10/kailu.
        record("p", Service::Intake, now, published("plan-1", "规划纲要")),
        // Opens 2/kailu again, long after its date.
        record(
            "w",
            Service::Intake,
            now,
            Body::PublicationWithdrawn(PublicationWithdrawn {
                publication: "js-1".to_owned(),
                unit: "kailu".to_owned(),
                reason: None,
                note: None,
            }),
        ),
        record(
            "a",
            Service::Intake,
            now,
            Body::TaskSubmitted(act("8", None)),
        ),
        record(
            "t",
            Service::Intake,
            now,
            Body::TaskTriggered(act("6", Some("2021-11-30"))),
        ),
        fired(&house, "small/1/naiman/responsible", now),
    ];
    commutes::<Rules>(&rows, &inputs);
}

#[test]
fn the_rules_open_a_period_beside_other_duties_in_any_order() {
    let now = at("2021-10-01", "09:10");
    let house = house(at("2021-10-01", "09:09"));
    let rows = rows::<Rules>(house.rules_frames(), &[]);
    let inputs = [
        periods("3", now),
        periods("11", now),
        record("p", Service::Intake, now, published("plan-1", "规划纲要")),
        record(
            "a",
            Service::Intake,
            now,
            Body::TaskAccepted(act("8", None)),
        ),
    ];
    commutes::<Rules>(&rows, &inputs);
}

/// A duty opened at the instant of its cause, also when a later fact was decided before it.
#[test]
fn the_rules_open_a_period_beside_a_later_fact_in_any_order() {
    let now = at("2021-10-01", "09:10");
    let house = house(at("2021-10-01", "09:09"));
    let rows = rows::<Rules>(house.rules_frames(), &[]);
    let later = now.plus_millis(500);
    let inputs = [
        periods("3", now),
        record(
            "a",
            Service::Intake,
            later,
            Body::TaskAccepted(act("8", None)),
        ),
    ];
    commutes::<Rules>(&rows, &inputs);
}

/// Does not commute by nature: a publication and the firing of the very duty that it fulfils, at
/// one instant. Whether the notice still goes out depends on which came first; all else is equal.
#[test]
fn a_publication_and_the_step_of_the_same_duty_differ_by_the_notice_only() {
    let now = at("2021-10-11", "09:10");
    let house = house(at("2021-10-11", "09:09"));
    let rows = rows::<Rules>(house.rules_frames(), &[]);
    let step = fired(&house, "small/1/kailu/responsible", now);
    let publication = record("p", Service::Intake, now, published("plan-1", "规划纲要"));
    let step_first = run::<Rules>(&rows, &[&step, &publication]);
    let fact_first = run::<Rules>(&rows, &[&publication, &step]);
    assert_eq!(step_first.0, fact_first.0, "the duty ends alike");
    let only: Vec<_> = step_first.1.difference(&fact_first.1).collect();
    let kinds: Vec<&str> = only
        .iter()
        .filter_map(|(_, text)| text.split(' ').next())
        .collect();
    assert_eq!(fact_first.1.difference(&step_first.1).count(), 0);
    assert_eq!(
        BTreeSet::from_iter(kinds),
        BTreeSet::from(["duban.notice.requested", "duban.timer.armed"]),
        "{only:?}"
    );
}

/// What is published on a period's first morning counts for it, whichever is read first.
#[test]
fn a_publication_and_the_opening_of_its_period_at_one_instant_count_alike_in_either_order() {
    let now = at("2021-10-01", "09:10");
    let mut house = house(at("2021-09-01", "09:00"));
    let body = published("yj-1", "征求意见");
    let first = event("yj-1", house.clock(), "small", body);
    house.arrive(house.clock(), &first).expect("an event");
    house.pass(at("2021-10-01", "09:09")).expect("time passes");
    let rows = rows::<Rules>(house.rules_frames(), &[]);
    let opening = periods("3", now);
    let publication = record("p", Service::Intake, now, published("yj-2", "征求意见"));
    let ticks = |order: &[&Record]| -> Vec<String> {
        let ticked = run::<Rules>(&rows, order).1;
        ticked
            .into_iter()
            .map(|(_, text)| text)
            .filter(|text| text.starts_with("duban.obligation.ticked"))
            .collect()
    };
    assert!(ticks(&[&opening, &publication])[0].contains("2021Q4"));
    assert!(ticks(&[&publication, &opening])[0].contains("2021Q4"));
}

fn request(name: &str, at: Timestamp, unit: &str) -> Record {
    let house = house(crate::commute::at("2021-09-14", "09:10"));
    let (_, like) = house
        .records()
        .iter()
        .find(|(_, r)| matches!(&r.body, Body::NoticeRequested(r) if r.unit == "naiman"))
        .expect("a request");
    let Body::NoticeRequested(request) = &like.body else {
        unreachable!("found above")
    };
    let body = Body::NoticeRequested(NoticeRequested {
        unit: unit.to_owned(),
        to: unit.to_owned(),
        obligation: format!("small/1/{unit}/responsible"),
        ..request.clone()
    });
    record(name, Service::Rules, at, body)
}

fn report(name: &str, at: Timestamp, notice: &Record, outcome: Outcome) -> Record {
    let body = Body::DeliveryReported(DeliveryReported {
        notice: notice.id.to_string(),
        attempt: 1,
        outcome,
        detail: "test".to_owned(),
        retry_after_seconds: None,
    });
    record(name, Service::Intake, at, body)
}

/// The same of a term in hours, which waits for no window.
fn urgent(mut record: Record) -> Record {
    if let Body::NoticeRequested(request) = &mut record.body {
        request.due_at = Some(record.loggedat);
    }
    record
}

/// The directory with another address for a unit's contact.
fn directory(house: &House, unit: &str, at: Timestamp) -> Record {
    let found = house.records().iter().find_map(|(_, r)| match &r.body {
        Body::DirectoryDeployed(d) => Some(d.directory.clone()),
        _ => None,
    });
    let mut directory = found.expect("a directory");
    directory.units.get_mut(unit).expect("a unit").contacts[0].mail =
        Some("new@test.example".to_owned());
    let body = Body::DirectoryDeployed(DirectoryDeployed {
        directory,
        by: None,
        reason: None,
        expects: None,
    });
    record("directory", Service::Intake, at, body)
}

#[test]
fn the_notifier_takes_directory_definition_request_report_and_retry_in_any_order() {
    let now = at("2021-10-11", "09:10");
    let house = house(at("2021-10-10", "09:00"));
    let earlier: Vec<Record> = ["one", "two", "three"]
        .iter()
        .map(|name| urgent(request(name, at("2021-10-11", "09:00"), "naiman")))
        .collect();
    let mut before = earlier.clone();
    before.push(report(
        "failed before",
        at("2021-10-11", "09:01"),
        &earlier[2],
        Outcome::Failed,
    ));
    let rows = rows::<Notifier>(house.notifier_frames(), &before);
    let adopted = house.records().iter().find_map(|(_, r)| match &r.body {
        Body::DefinitionAdopted(d) => Some(d.clone()),
        _ => None,
    });
    let mut other: DefinitionAdopted = adopted.expect("a definition");
    other.definition.ledger = "other".to_owned();
    let retry = format!("retry/{}", earlier[2].id);
    let inputs = [
        directory(&house, "kulun", now),
        record("other", Service::Rules, now, Body::DefinitionAdopted(other)),
        request("new", now, "kailu"),
        report("delivered", now, &earlier[0], Outcome::Delivered),
        report("failed", now, &earlier[1], Outcome::Failed),
        record(
            "retry",
            Service::Scheduler,
            now,
            Body::TimerFired(TimerFired {
                timer: retry,
                owner: Service::Notifier,
                due: now,
                step: "retry".to_owned(),
                next: None,
            }),
        ),
    ];
    commutes::<Notifier>(&rows, &inputs);
}

/// Does not commute by nature: a directory that moves a contact, and a notice to that contact. One
/// notice goes out either way, to the address before or after.
#[test]
fn a_directory_and_a_notice_to_a_contact_that_moves_give_one_notice_in_either_order() {
    let now = at("2021-10-11", "09:10");
    let house = house(at("2021-10-10", "09:00"));
    let rows = rows::<Notifier>(house.notifier_frames(), &[]);
    let moved = directory(&house, "kailu", now);
    let asked = request("new", now, "kailu");
    let queued = |order: &[&Record]| -> Vec<String> {
        run::<Notifier>(&rows, order)
            .1
            .into_iter()
            .map(|(_, text)| text)
            .filter(|text| text.starts_with("duban.notice.queued"))
            .collect()
    };
    let (before, after) = (queued(&[&asked, &moved]), queued(&[&moved, &asked]));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!(before[0].contains("lianluo@kailu.test.example"));
    assert!(after[0].contains("new@test.example"));
}

#[test]
fn the_scheduler_takes_timers_of_both_owners_and_the_clock_in_any_order() {
    let now = at("2021-10-11", "09:10");
    let armed = |name: &str, owner: Service, due: Timestamp| {
        let body = Body::TimerArmed(TimerArmed {
            timer: name.to_owned(),
            owner,
            when: When::At(due),
            step: "due".to_owned(),
        });
        record(&format!("{name}{due}"), owner, now.plus_millis(-1000), body)
    };
    let later = now.plus_millis(1000);
    let old = [
        armed("rules-1", Service::Rules, now),
        armed("same", Service::Rules, later),
    ];
    let rows = rows::<Scheduler>(&[], &old);
    let tick = Body::ClockAdvanced(ClockAdvanced {
        to: now,
        fire: true,
    });
    let inputs = [
        armed("rules-2", Service::Rules, later),
        armed("same", Service::Notifier, later),
        record("tick", Service::Intake, now.plus_millis(-1000), tick),
    ];
    commutes::<Scheduler>(&rows, &inputs);
}
