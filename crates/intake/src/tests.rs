//! What a producer would notice: each bad event has its own clear refusal, and nothing else stops.

use duban_model::decider::seal;
use duban_model::state::digest_rows;

use super::*;

struct Door {
    state: IntakeState,
    latest: Timestamp,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Door {
    fn with_units() -> Self {
        let mut door = Door {
            state: IntakeState::default(),
            latest: Timestamp::default(),
        };
        let body = door.send(&event(
            "d1",
            "duban.directory.deployed",
            r#"{"directory":{"tenant":"tongliao","units":{"city-spj":{"name":"政务服务局"}}}}"#,
        ));
        assert!(matches!(body, Body::DirectoryDeployed(_)), "{body:?}");
        door
    }

    fn offer(&mut self, text: &[u8], on: Option<&str>, now: Option<Timestamp>) -> Record {
        let input = Input::Event {
            bytes: text,
            offered_on: on,
            now,
        };
        let mut out = Drafts::default();
        Intake::decide(&self.state, &input, &mut out);
        let records = seal(Service::Intake, &input, out, &mut self.latest);
        assert_eq!(records.len(), 1, "one record an event");
        Intake::apply(&mut self.state, &records[0]);
        records.into_iter().next().unwrap()
    }

    fn send(&mut self, text: &str) -> Body {
        self.offer(text.as_bytes(), None, Some(at("2021-07-01T10:00:00+08:00")))
            .body
    }

    fn code(&mut self, text: &str) -> String {
        match self.send(text) {
            Body::RejectionRecorded(r) => r.code,
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn event(id: &str, kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:test","type":"{kind}","time":"2021-07-01T09:00:00+08:00","tenant":"tongliao","data":{data}}}"#
    )
}

fn publication(id: &str) -> String {
    event(
        id,
        "duban.publication.published",
        r#"{"publication":"p1","unit":"city-spj","kind":"规划纲要","title":"纲要"}"#,
    )
}

#[test]
fn a_good_event_is_stamped_and_keeps_the_producers_claim() {
    let mut door = Door::with_units();
    let record = door.offer(
        publication("1").as_bytes(),
        Some("tongliao.publication.published"),
        Some(at("2021-07-01T10:00:00+08:00")),
    );
    assert_eq!(record.loggedat, at("2021-07-01T10:00:00+08:00"));
    assert_eq!(record.time, Some(at("2021-07-01T09:00:00+08:00")));
    assert_eq!(
        (record.origin.as_deref(), record.correlation),
        (Some("1"), record.id)
    );
}

#[test]
fn time_never_runs_backwards_even_when_the_clock_does() {
    let mut door = Door::with_units();
    door.send(&publication("1"));
    let record = door.offer(
        publication("2").as_bytes(),
        None,
        Some(at("2021-07-01T09:30:00+08:00")),
    );
    assert_eq!(record.loggedat, at("2021-07-01T10:00:00+08:00"));
}

#[test]
fn the_same_again_is_a_recorded_duplicate_also_when_spelt_differently() {
    let mut door = Door::with_units();
    door.send(&publication("1"));
    let digest = digest_rows(&door.state, |class| {
        class == duban_model::state::RowClass::Domain
    });
    let respelt = publication("1")
        .replace("09:00:00+08:00", "01:00:00Z")
        .replace(":{", ": {");
    for repeats in 1..=3 {
        let Body::DuplicateRecorded(again) = door.send(&respelt) else {
            panic!()
        };
        assert_eq!(again.repeats, repeats);
    }
    assert_eq!(
        digest,
        digest_rows(&door.state, |class| class
            == duban_model::state::RowClass::Domain)
    );
}

#[test]
fn records_of_repeats_have_ids_of_their_own() {
    let mut door = Door::with_units();
    let now = Some(at("2021-07-01T10:00:00+08:00"));
    let mut ids = BTreeSet::new();
    for text in [
        publication("1"),
        publication("1"),
        publication("1"),
        "garbage".to_owned(),
        "garbage".to_owned(),
    ] {
        assert!(ids.insert(door.offer(text.as_bytes(), None, now).id));
    }
}

#[test]
fn each_bad_event_has_its_own_code() {
    let mut door = Door::with_units();
    door.send(&publication("1"));
    let other = publication("1").replace("纲要\"", "别的\"");
    let cases = [
        (other, "same-id-other-content"),
        ("not json".to_owned(), "undecodable"),
        (String::new(), "undecodable"),
        (
            publication("2").replace("\"title\"", "\"titel\""),
            "unknown-field",
        ),
        (
            publication("3").replace("\"tenant\"", "\"colour\":1,\"tenant\""),
            "unknown-field",
        ),
        (
            publication("4").replace("city-spj", "city-nowhere"),
            "unknown-unit",
        ),
        (
            publication("5").replace("publication.published", "obligation.fulfilled"),
            "unknown-type",
        ),
        (
            publication("6").replace("2021-07-01T09", "2021-07-02T09"),
            "from-the-future",
        ),
        (
            publication("7").replace("\"tongliao\"", "\"elsewhere\""),
            "unknown-tenant",
        ),
        (
            publication("8").replace("\"1.0\"", "\"0.3\""),
            "specversion",
        ),
        (
            publication("9").replace("2021-07-01T09:00:00+08:00", "昨天"),
            "bad-time",
        ),
        (publication(""), "bad-id"),
        (
            event(
                "10",
                "duban.task.returned",
                r#"{"task":"10","unit":"city-spj"}"#,
            ),
            "missing-field",
        ),
        (
            event(
                "11",
                "duban.task.extension_approved",
                r#"{"task":"10","unit":"city-spj","reason":"x"}"#,
            ),
            "missing-field",
        ),
        (
            event(
                "12",
                "duban.clock.advanced",
                r#"{"to":"2021-07-01T00:00:00Z","fire":true}"#,
            ),
            "clock-not-virtual",
        ),
        (
            publication("13").replace("\"纲要\"", &format!("\"{}\"", "长".repeat(3000))),
            "too-long",
        ),
        (
            publication("14").replace("\"纲要\"", &format!("\"{}\"", "长".repeat(300_000))),
            "too-large",
        ),
    ];
    for (text, code) in cases {
        assert_eq!(door.code(&text), code, "{}", cut(&text, 300));
    }
    assert!(
        matches!(door.send(&publication("99")), Body::PublicationPublished(_)),
        "nothing else stops"
    );
}

#[test]
fn an_event_on_anothers_subject_is_refused() {
    let mut door = Door::with_units();
    let now = Some(at("2021-07-01T10:00:00+08:00"));
    let verified = event(
        "v",
        "duban.task.verified",
        r#"{"task":"10","unit":"city-spj"}"#,
    );
    for (text, subject, code) in [
        (&verified, "tongliao.publication.published", "wrong-subject"),
        (
            &publication("1"),
            "baotou.publication.published",
            "other-tenant",
        ),
    ] {
        let record = door.offer(text.as_bytes(), Some(subject), now);
        let Body::RejectionRecorded(r) = &record.body else {
            panic!("{record:?}")
        };
        assert_eq!(r.code, code);
    }
}

#[test]
fn a_virtual_clock_moves_only_by_its_record_and_only_forward() {
    let mut door = Door {
        state: IntakeState::default(),
        latest: Timestamp::default(),
    };
    let tick = |id: &str, to: &str| {
        event(
            id,
            "duban.clock.advanced",
            &format!(r#"{{"to":"{to}","fire":false}}"#),
        )
        .replace(r#""time":"2021-07-01T09:00:00+08:00","#, "")
    };
    let record = door.offer(
        tick("a", "2021-06-28T00:00:00+08:00").as_bytes(),
        None,
        None,
    );
    assert_eq!(record.loggedat, at("2021-06-28T00:00:00+08:00"));
    let back = door.offer(
        tick("b", "2021-06-27T00:00:00+08:00").as_bytes(),
        None,
        None,
    );
    assert!(matches!(&back.body, Body::RejectionRecorded(r) if r.code == "clock-backwards"));
}

#[test]
fn hostile_bytes_never_panic() {
    let mut door = Door::with_units();
    let seed = publication("x");
    let mut x: u64 = 42;
    for round in 0..3000 {
        let mut bytes = seed.clone().into_bytes();
        for _ in 0..=(round % 4) {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let i = usize::try_from(x >> 33).unwrap() % bytes.len();
            match x % 3 {
                0 => bytes[i] = x.to_le_bytes()[1],
                1 => {
                    bytes.remove(i);
                }
                _ => bytes.insert(i, x.to_le_bytes()[2]),
            }
        }
        door.offer(&bytes, None, Some(at("2021-07-01T10:00:00+08:00")));
    }
}
