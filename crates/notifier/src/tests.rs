//! What a receiver, and whoever watches the sends, would notice.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use duban_model::decider::seal;
use duban_model::decision::{LedgerNoted, NoticeKind, NoticeQueued, NoticeRequested, When};
use duban_model::definition::{Language, Role, Tier};
use duban_model::delivery::Delivery;
use duban_model::directory::{Channel, Contact, Unit};
use duban_model::fact::{ContactPreferred, DeliveryReported, DirectoryDeployed};
use duban_model::{RecordId, State, Timestamp};

use super::*;

mod again;
mod gathering;

struct Desk {
    state: NotifierState,
    latest: Timestamp,
    counter: u8,
}

fn contact(id: &str, mail: Option<&str>) -> Contact {
    Contact {
        id: id.to_owned(),
        title: format!("{id}员"),
        mail: mail.map(ToOwned::to_owned),
        channels: vec![Channel::Mail],
        away: Vec::new(),
    }
}

fn unit(contacts: Vec<Contact>, leader: Option<Contact>) -> Unit {
    Unit {
        name: "某局".to_owned(),
        short: Vec::new(),
        level: String::new(),
        kind: String::new(),
        groups: Vec::new(),
        superior: None,
        certainty: None,
        contacts,
        leader,
        formerly: Vec::new(),
        hours: None,
    }
}

impl Desk {
    fn new() -> Self {
        let mut desk = Desk {
            state: NotifierState::default(),
            latest: Timestamp(0),
            counter: 0,
        };
        let units = BTreeMap::from([
            (
                "full".to_owned(),
                unit(
                    vec![contact("a", Some("a@full.example"))],
                    Some(contact("l", Some("l@full.example"))),
                ),
            ),
            (
                "headless".to_owned(),
                unit(vec![contact("a", Some("a@headless.example"))], None),
            ),
            ("silent".to_owned(), unit(Vec::new(), None)),
            (
                "pair".to_owned(),
                unit(
                    vec![
                        Contact {
                            channels: vec![Channel::Mail, Channel::Webhook],
                            ..contact("a", Some("a@pair.example"))
                        },
                        contact("b", Some("b@pair.example")),
                    ],
                    None,
                ),
            ),
        ]);
        let directory = Directory {
            tenant: "t".to_owned(),
            delivery: Delivery::default(),
            units,
        };
        let out = desk.record(Body::DirectoryDeployed(DirectoryDeployed {
            directory,
            by: None,
            reason: None,
            expects: None,
        }));
        assert_eq!(out.len(), 1);
        desk
    }

    fn input(&mut self, input: &Input<'_>) -> (Vec<Record>, Vec<Effect>) {
        let mut out = Drafts::default();
        Notifier::decide(&self.state, input, &mut out);
        let records = seal(Service::Notifier, input, out, &mut self.latest);
        let mut effects = Vec::new();
        for record in &records {
            Notifier::apply(&mut self.state, record);
            effects.extend(Notifier::effect(&self.state, record));
        }
        (records, effects)
    }

    /// A process has just become the one that writes, and all that is announced is in doubt.
    fn took_over(&mut self, now: Timestamp) -> (Vec<Record>, Vec<Effect>) {
        let in_doubt = Notifier::in_doubt(&self.state);
        let in_doubt = &in_doubt;
        self.input(&Input::TookOver { now, in_doubt })
    }

    fn full(&mut self, body: Body) -> (Vec<Record>, Vec<Effect>) {
        self.counter += 1;
        let record = Record {
            id: RecordId([self.counter; 16]),
            source: Cow::Borrowed("duban/rules"),
            tenant: "t".to_owned(),
            ledger: Some("l".to_owned()),
            subject: None,
            time: None,
            loggedat: self.latest,
            cause: None,
            correlation: RecordId([self.counter; 16]),
            definition: None,
            origin: None,
            body,
        };
        self.input(&Input::Record(&record))
    }

    fn record(&mut self, body: Body) -> Vec<Body> {
        self.full(body).0.into_iter().map(|r| r.body).collect()
    }

    fn request(&mut self, to: &str, tier: Tier) -> Vec<Body> {
        self.record(Body::NoticeRequested(NoticeRequested {
            obligation: format!("l/1/{to}/responsible"),
            task: "1".to_owned(),
            unit: to.to_owned(),
            role: Role::Responsible,
            kind: NoticeKind::Reminder,
            step: "due".to_owned(),
            tier,
            to: to.to_owned(),
            first: None,
            due: None,
            covers: Vec::new(),
            missing: vec!["规划\r\nBcc: x".to_owned()],
            reason: "今天是完成时限".to_owned(),
            due_at: None,
            occasion: None,
        }))
    }

    /// A ledger of this office, with its own words for reminders.
    fn note_ledger(&mut self, office: &str) {
        let noted = Body::LedgerNoted(LedgerNoted {
            ledger: "l".to_owned(),
            title: "台账".to_owned(),
            zone: duban_model::Zone::SHANGHAI,
            office: office.to_owned(),
            tasks: BTreeMap::new(),
            language: Language::Chinese,
            notices: BTreeMap::from([(
                NoticeKind::Reminder,
                duban_model::definition::NoticeText {
                    subject: Some("请{{ 单位 }}办理第{{ 任务号 }}项".to_owned()),
                    text: None,
                },
            )]),
            calendar: String::new(),
            urgent: BTreeSet::new(),
        });
        let record = Record {
            id: RecordId([255; 16]),
            source: Cow::Borrowed("duban/notifier"),
            tenant: "t".to_owned(),
            ledger: Some("l".to_owned()),
            subject: None,
            time: None,
            loggedat: self.latest,
            cause: None,
            correlation: RecordId([255; 16]),
            definition: None,
            origin: None,
            body: noted,
        };
        Notifier::apply(&mut self.state, &record);
    }

    fn report(&mut self, notice: &str, attempt: u32, outcome: Outcome) -> Vec<Body> {
        self.record(Body::DeliveryReported(DeliveryReported {
            notice: notice.to_owned(),
            attempt,
            outcome,
            detail: "x".to_owned(),
            retry_after_seconds: None,
        }))
    }
}

fn queued(bodies: &[Body]) -> &NoticeQueued {
    match &bodies[0] {
        Body::NoticeQueued(q) => q,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_rung_reaches_its_person_and_an_empty_one_is_skipped_at_once() {
    let mut desk = Desk::new();
    assert_eq!(
        queued(&desk.request("full", Tier::Contact)).contact,
        "full/a"
    );
    assert_eq!(
        queued(&desk.request("full", Tier::Leader)).contact,
        "full/l"
    );
    let bodies = desk.request("headless", Tier::Leader);
    assert_eq!(queued(&bodies).contact, "headless/a");
    assert!(queued(&bodies).text.contains("转告本单位其他人员"));
    assert!(
        matches!(&desk.request("silent", Tier::Contact)[..], [Body::NoticeSuppressed(s)] if s.code == "no-contact")
    );
}

#[test]
fn a_send_is_announced_before_it_is_made_and_carries_the_notice_as_its_key() {
    let mut desk = Desk::new();
    let bodies = desk.request("full", Tier::Contact);
    let notice = queued(&bodies).notice.clone();
    assert!(
        matches!(&bodies[1], Body::NoticeAttempted(a) if a.attempt == 1 && !a.possible_duplicate)
    );
    assert!(matches!(
        &desk.report(&notice, 1, Outcome::Delivered)[..],
        [Body::NoticeDelivered(_)]
    ));
    assert_eq!(desk.state.pending().count(), 0);
    assert!(
        desk.report(&notice, 1, Outcome::Delivered).is_empty(),
        "a late second report changes nothing"
    );
}

#[test]
fn a_failure_is_never_success_and_is_tried_again_until_the_horizon() {
    let mut desk = Desk::new();
    let notice = queued(&desk.request("full", Tier::Contact)).notice.clone();
    let mut attempt = 1;
    loop {
        match &desk.report(&notice, attempt, Outcome::Failed)[..] {
            [Body::NoticeFailed(f), Body::TimerArmed(t)] => {
                assert!(matches!(t.when, When::At(at) if at == f.retry_at));
                desk.latest = f.retry_at;
                let fired = duban_model::decision::TimerFired {
                    timer: t.timer.clone(),
                    owner: Service::Notifier,
                    due: f.retry_at,
                    step: t.step.clone(),
                    next: None,
                };
                let again = desk.record(Body::TimerFired(fired));
                attempt += 1;
                assert!(
                    matches!(&again[..], [Body::NoticeAttempted(a)] if a.attempt == attempt && !a.possible_duplicate)
                );
            }
            // Then the unit's next person is told.
            [Body::NoticeAbandoned(_), Body::NoticeQueued(_), _] => break,
            other => panic!("{other:?}"),
        }
        assert!(attempt < 100);
    }
    assert!((20..=MAX_ATTEMPTS).contains(&attempt), "{attempt}");
}

#[test]
fn an_unknown_outcome_is_retried_labelled_and_so_is_what_a_predecessor_announced() {
    let mut desk = Desk::new();
    let notice = queued(&desk.request("full", Tier::Contact)).notice.clone();
    desk.report(&notice, 1, Outcome::Unknown);
    let fired = duban_model::decision::TimerFired {
        timer: format!("retry/{notice}"),
        owner: Service::Notifier,
        due: Timestamp(1),
        step: "retry".to_owned(),
        next: None,
    };
    assert!(
        matches!(&desk.record(Body::TimerFired(fired))[..], [Body::NoticeAttempted(a)] if a.attempt == 2 && a.possible_duplicate)
    );
    let (records, effects) = desk.took_over(Timestamp(5));
    assert!(
        matches!(&records[0].body, Body::NoticeAttempted(a) if a.attempt == 3 && a.possible_duplicate)
    );
    assert!(
        matches!(&effects[..], [Effect::Send(m)] if m.possible_duplicate && m.notice == notice)
    );
    assert!(
        matches!(
            &desk.report(&notice, 2, Outcome::Delivered)[..],
            [Body::NoticeDelivered(_)]
        ),
        "an earlier attempt may be the one that arrived"
    );
}

#[test]
fn after_a_change_of_leader_exactly_what_the_one_before_left_unreported_is_announced_again() {
    let mut desk = Desk::new();
    for i in 0..230u8 {
        desk.counter = i.wrapping_add(10);
        desk.request("full", Tier::Contact);
    }
    // What only waits was never announced, so nothing about it is unknown.
    let wanted_ids = desk.state.pending().filter(|(_, p)| p.announced).count();
    assert_eq!(wanted_ids, IN_FLIGHT);
    let in_doubt = Notifier::in_doubt(&desk.state);
    // Meanwhile one answer comes, and another notice takes its place: both are in no doubt.
    let reported = in_doubt[0].notice.clone();
    let own: Vec<String> = announced(&desk.report(&reported, 1, Outcome::Delivered));
    assert_eq!(own.len(), 1);
    let (records, effects) = desk.input(&Input::TookOver {
        now: Timestamp(9),
        in_doubt: &in_doubt,
    });
    assert_eq!(effects.len(), IN_FLIGHT - 1);
    for record in &records {
        let Body::NoticeAttempted(again) = &record.body else {
            panic!("{record:?}")
        };
        assert!(again.possible_duplicate && again.attempt == 2);
        assert!(again.notice != reported && !own.contains(&again.notice));
    }
}

/// Which notices are announced.
fn announced(bodies: &[Body]) -> Vec<String> {
    let announced = bodies.iter().filter_map(|body| match body {
        Body::NoticeAttempted(a) => Some(a.notice.clone()),
        _ => None,
    });
    announced.collect()
}

#[test]
fn no_more_than_the_named_number_is_in_flight_and_each_answer_lets_the_next_one_go() {
    let mut desk = Desk::new();
    let mut in_flight = std::collections::VecDeque::new();
    for i in 0..200u8 {
        desk.counter = i.wrapping_add(10);
        for body in desk.request("full", Tier::Contact) {
            if let Body::NoticeAttempted(a) = body {
                in_flight.push_back(a.notice);
            }
        }
    }
    assert_eq!(in_flight.len(), IN_FLIGHT);
    let mut delivered = 0;
    while let Some(notice) = in_flight.pop_front() {
        desk.counter = 5;
        for body in desk.report(&notice, 1, Outcome::Delivered) {
            match body {
                Body::NoticeDelivered(_) => delivered += 1,
                Body::NoticeAttempted(a) => in_flight.push_back(a.notice),
                other => panic!("{other:?}"),
            }
        }
        assert!(in_flight.len() <= IN_FLIGHT);
    }
    assert_eq!((delivered, desk.state.pending().count()), (200, 0));
}

#[test]
fn the_ledgers_own_words_are_used_also_after_its_rows_were_loaded_again() {
    let mut desk = Desk::new();
    desk.note_ledger("full");
    for turn in 0..2 {
        let bodies = desk.request("full", Tier::Contact);
        assert_eq!(queued(&bodies).subject, "请某局办理第1项", "turn {turn}");
        desk.state.wordings.clear();
        desk.state.loaded();
    }
}

#[test]
fn whoever_cannot_be_reached_gives_way_to_the_next_person_the_next_channel_and_the_office() {
    let mut desk = Desk::new();
    desk.note_ledger("full");
    let bodies = desk.request("pair", Tier::Contact);
    let mut notice = queued(&bodies).clone();
    let mut told = vec![format!("{}@{}", notice.contact, notice.channel.as_str())];
    loop {
        let bodies = desk.report(&notice.notice, 1, Outcome::Refused);
        assert!(matches!(&bodies[0], Body::NoticeAbandoned(a) if a.notice == notice.notice));
        let Some(Body::NoticeQueued(next)) = bodies.get(1) else {
            assert_eq!(bodies.len(), 1, "nobody is left");
            break;
        };
        assert!(
            matches!(&bodies[2], Body::NoticeAttempted(a) if a.notice == next.notice && !a.possible_duplicate)
        );
        assert_eq!(next.instead_of.as_ref(), Some(&notice.notice));
        assert_eq!(next.request, notice.request);
        assert!(next.text.contains("改为通知您"), "{}", next.text);
        assert_eq!(next.tried, told);
        told.push(format!("{}@{}", next.contact, next.channel.as_str()));
        notice = next.clone();
    }
    assert_eq!(
        told,
        [
            "pair/a@mail",
            "pair/b@mail",
            "pair/a@webhook",
            "full/a@mail"
        ]
    );
    assert_eq!(desk.state.pending().count(), 0);
}

#[test]
fn what_failed_together_does_not_come_back_together() {
    let mut waits = BTreeSet::new();
    for i in 0..50u8 {
        let mut desk = Desk::new();
        desk.counter = i.wrapping_add(10);
        let notice = queued(&desk.request("full", Tier::Contact)).notice.clone();
        let bodies = desk.report(&notice, 1, Outcome::Failed);
        let [Body::NoticeFailed(failed), _] = &bodies[..] else {
            panic!("{bodies:?}");
        };
        let wait = failed.retry_at.0 - desk.latest.0;
        assert!(
            (FIRST_RETRY_MILLIS..=FIRST_RETRY_MILLIS * 6 / 5).contains(&wait),
            "{wait}"
        );
        waits.insert(wait);
    }
    assert!(waits.len() > 40, "{waits:?}");
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is() {
    let mut desk = Desk::new();
    let notice = queued(&desk.request("full", Tier::Contact)).notice.clone();
    let bodies = desk.record(Body::DeliveryReported(DeliveryReported {
        notice,
        attempt: 1,
        outcome: Outcome::Failed,
        detail: "429".to_owned(),
        retry_after_seconds: Some(900),
    }));
    let [Body::NoticeFailed(failed), Body::TimerArmed(_)] = &bodies[..] else {
        panic!("{bodies:?}");
    };
    let wait = failed.retry_at.0 - desk.latest.0;
    assert!((900_000..=1_080_000).contains(&wait), "{wait}");
}

#[test]
fn a_contacts_choice_of_channels_holds_from_the_next_notice_on() {
    let mut desk = Desk::new();
    let channel = |desk: &mut Desk| {
        let bodies = desk.request("pair", Tier::Contact);
        let notice = queued(&bodies);
        (notice.contact.clone(), notice.channel)
    };
    let mut choose = |contact: &str, channels: &[Channel]| {
        let bodies = desk.record(Body::ContactPreferred(ContactPreferred {
            unit: "pair".to_owned(),
            contact: contact.to_owned(),
            channels: channels.to_vec(),
            by: "本人".to_owned(),
        }));
        let noted = matches!(&bodies[..], [Body::ContactPreferenceNoted(_)]);
        (noted, channel(&mut desk))
    };
    let to = |channel| ("pair/a".to_owned(), channel);
    assert_eq!(choose("a", &[]), (true, to(Channel::Mail)));
    assert_eq!(
        choose("a", &[Channel::Webhook]),
        (true, to(Channel::Webhook))
    );
    // What is refused changes nothing.
    assert_eq!(choose("a", &[Channel::Sms]), (false, to(Channel::Webhook)));
    assert_eq!(choose("x", &[]), (false, to(Channel::Webhook)));
    assert_eq!(choose("a", &[]), (true, to(Channel::Mail)));
}
