//! Who is told when somebody is away, when a unit has nobody, and when people chose their channels.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use duban_model::decision::{NoticeKind, NoticeQueued, NoticeRequested};
use duban_model::definition::{Language, Role, Tier};
use duban_model::directory::{Absence, Channel, Contact, Unit};
use duban_model::fact::ContactPreferred;
use duban_model::{Body, Directory, Record, RecordId, Timestamp};

use crate::preference;
use crate::receiver::{Receiver, Setting, next, resolve, tried_as};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn contact(unit: &str, id: &str) -> Contact {
    Contact {
        id: id.to_owned(),
        title: format!("{id}员"),
        mail: Some(format!("{id}@{unit}.example")),
        channels: vec![Channel::Mail, Channel::Sms],
        away: Vec::new(),
    }
}

/// A unit by its contacts, each `id` or `id>substitute` for one who is away in the first half of July.
fn unit(name: &str, contacts: &[&str], leader: Option<&str>, superior: Option<&str>) -> Unit {
    let person = |word: &str| {
        let (id, substitute) = word.split_once('>').unwrap_or((word, ""));
        let away = (!substitute.is_empty()).then(|| Absence {
            from: day("2021-07-01"),
            to: day("2021-07-15"),
            substitute: substitute.to_owned(),
        });
        Contact {
            away: away.into_iter().collect(),
            ..contact(name, id)
        }
    };
    Unit {
        name: format!("{name}局"),
        short: Vec::new(),
        level: String::new(),
        kind: String::new(),
        groups: Vec::new(),
        superior: superior.map(ToOwned::to_owned),
        certainty: None,
        contacts: contacts.iter().map(|word| person(word)).collect(),
        leader: leader.map(person),
        formerly: Vec::new(),
        hours: None,
    }
}

fn directory() -> Directory {
    let units = [
        ("a", unit("a", &["x>a/y", "y", "z"], Some("l>b/m"), None)),
        ("b", unit("b", &["m>b/n", "n"], None, None)),
        (
            "round",
            unit("round", &["x>round/y", "y>round/x"], None, None),
        ),
        ("empty", unit("empty", &[], None, Some("middle"))),
        ("middle", unit("middle", &[], None, Some("top"))),
        ("top", unit("top", &["t"], None, None)),
        ("office", unit("office", &["o"], None, Some("top"))),
        ("alone", unit("alone", &["x>alone/gone"], None, None)),
    ];
    Directory {
        tenant: "t".to_owned(),
        delivery: duban_model::delivery::Delivery::default(),
        units: units
            .into_iter()
            .map(|(id, unit)| (id.to_owned(), unit))
            .collect(),
    }
}

fn request(to: &str, tier: Tier) -> NoticeRequested {
    NoticeRequested {
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
        due_at: None,
        occasion: None,
        covers: Vec::new(),
        missing: Vec::new(),
        reason: "今天是完成时限".to_owned(),
    }
}

/// Everybody who is tried for a request on a day, in order, and what each reads about it.
fn tried(
    directory: &Directory,
    request: &NoticeRequested,
    on: &str,
    (office, language): (Option<&str>, Language),
    chosen: &BTreeMap<String, Vec<Channel>>,
) -> Vec<(String, String)> {
    let chosen = |contact: &str| chosen.get(contact).map(Vec::as_slice);
    let setting = Setting {
        directory,
        office,
        day: day(on),
        language,
        chosen: &chosen,
    };
    let mut list = Vec::new();
    let mut failed: Option<NoticeQueued> = None;
    while let Some(receiver) = match &failed {
        None => resolve(&setting, request),
        Some(failed) => next(&setting, failed),
    } {
        let Receiver {
            contact,
            title,
            channel,
            address,
            ref instead,
            ..
        } = receiver.clone();
        let key = tried_as(&contact, channel);
        assert_eq!(address.is_some(), channel == Channel::Mail);
        let mut before = failed.map_or_else(Vec::new, |failed| failed.tried);
        before.push(key.clone());
        list.push((key, instead.clone().unwrap_or_default()));
        failed = Some(NoticeQueued {
            notice: "n".to_owned(),
            request: request.clone(),
            contact,
            contact_title: title,
            channel,
            address,
            subject: String::new(),
            text: String::new(),
            instead_of: None,
            held: None,
            tried: before,
        });
    }
    list
}

fn names(list: &[(String, String)]) -> Vec<&str> {
    list.iter().map(|(name, _)| name.as_str()).collect()
}

const HERE: (Option<&str>, Language) = (Some("office"), Language::Chinese);

#[test]
fn while_somebody_is_away_the_substitute_is_told_in_their_place_and_says_for_whom() {
    let (directory, none) = (directory(), BTreeMap::new());
    let asked = request("a", Tier::Contact);
    for (on, first, why) in [
        ("2021-06-30", "a/x@mail", ""),
        (
            "2021-07-01",
            "a/y@mail",
            "代a局x员:其2021-07-01至2021-07-15不在岗,由您代收",
        ),
        (
            "2021-07-15",
            "a/y@mail",
            "代a局x员:其2021-07-01至2021-07-15不在岗,由您代收",
        ),
        ("2021-07-16", "a/x@mail", ""),
    ] {
        let list = tried(&directory, &asked, on, HERE, &none);
        assert_eq!(
            (list[0].0.as_str(), list[0].1.as_str()),
            (first, why),
            "{on}"
        );
    }
    let list = tried(&directory, &asked, "2021-07-05", HERE, &none);
    assert_eq!(
        names(&list),
        [
            "a/y@mail",
            "a/z@mail",
            "b/n@mail",
            "a/y@sms",
            "a/z@sms",
            "b/n@sms",
            "office/o@mail",
            "office/o@sms",
            "a/x@mail",
            "a/l@mail",
            "a/x@sms",
            "a/l@sms"
        ],
        "whoever is away comes last of all"
    );
    // A leader's substitute who is away too is passed over for the next.
    let leader = tried(
        &directory,
        &request("a", Tier::Leader),
        "2021-07-05",
        HERE,
        &none,
    );
    assert_eq!(leader[0].0, "b/n@mail");
    assert_eq!(
        leader[0].1,
        "代a局l员:其2021-07-01至2021-07-15不在岗,由您代收"
    );
    let last = &list[8].1;
    assert!(
        last.ends_with("您登记为不在岗,但没有其他可以通知的人员"),
        "{last}"
    );
}

#[test]
fn substitutes_who_lead_nowhere_are_passed_over() {
    let (directory, none) = (directory(), BTreeMap::new());
    for unit in ["round", "alone"] {
        let asked = request(unit, Tier::Contact);
        let list = tried(&directory, &asked, "2021-07-05", HERE, &none);
        assert_eq!(list[0].0, "office/o@mail", "{unit}");
        assert_eq!(list[2].0, format!("{unit}/x@mail"), "{list:?}");
        let list = tried(&directory, &asked, "2021-08-01", HERE, &none);
        assert_eq!(list[0].0, format!("{unit}/x@mail"));
    }
}

#[test]
fn a_unit_with_nobody_has_those_above_it_told_before_the_office() {
    let (directory, none) = (directory(), BTreeMap::new());
    let list = tried(
        &directory,
        &request("empty", Tier::Leader),
        "2021-08-01",
        HERE,
        &none,
    );
    assert_eq!(
        names(&list),
        ["top/t@mail", "top/t@sms", "office/o@mail", "office/o@sms"]
    );
    assert_eq!(list[0].1, "empty局没有可用的联系方式,转告上级单位");
    // Above the office there is only who stands above it.
    let list = tried(
        &directory,
        &request("office", Tier::Office),
        "2021-08-01",
        HERE,
        &none,
    );
    assert_eq!(
        names(&list),
        ["office/o@mail", "office/o@sms", "top/t@mail", "top/t@sms"]
    );
}

#[test]
fn superiors_in_a_circle_end() {
    let mut directory = directory();
    directory.units.get_mut("middle").unwrap().superior = Some("empty".to_owned());
    let list = tried(
        &directory,
        &request("empty", Tier::Contact),
        "2021-08-01",
        HERE,
        &BTreeMap::new(),
    );
    assert_eq!(names(&list), ["office/o@mail", "office/o@sms"]);
}

#[test]
fn reasons_are_in_the_ledgers_language() {
    let (directory, none) = (directory(), BTreeMap::new());
    let english = (Some("office"), Language::English);
    for (unit, tier) in [
        ("a", Tier::Contact),
        ("a", Tier::Leader),
        ("empty", Tier::Contact),
    ] {
        let list = tried(
            &directory,
            &request(unit, tier),
            "2021-07-05",
            english,
            &none,
        );
        for (who, why) in &list {
            let without_names = why.replace(['局', '员'], "");
            assert!(without_names.is_ascii(), "{who}: {why}");
            assert!(!why.is_empty() || who == "a/z@mail", "{who}");
        }
    }
    let list = tried(
        &directory,
        &request("a", Tier::Contact),
        "2021-07-05",
        english,
        &none,
    );
    assert_eq!(
        list[0].1,
        "you stand in for x员 of a局, who is away from 2021-07-01 to 2021-07-15"
    );
    assert_eq!(
        list[2].1,
        "z员 of a局 could not be reached with this notice (mail failed), so you are told; \
         you stand in for l员 of a局, who is away from 2021-07-01 to 2021-07-15"
    );
}

#[test]
fn a_choice_orders_the_channels_and_never_leaves_nobody() {
    let directory = directory();
    let asked = request("top", Tier::Contact);
    for (chosen, order) in [
        (vec![], ["top/t@mail", "top/t@sms"]),
        (vec![Channel::Sms], ["top/t@sms", "top/t@mail"]),
        (
            vec![Channel::Sms, Channel::Mail],
            ["top/t@sms", "top/t@mail"],
        ),
        // The office allows it no longer.
        (vec![Channel::Webhook], ["top/t@mail", "top/t@sms"]),
    ] {
        let chosen = BTreeMap::from([("top/t".to_owned(), chosen)]);
        let nowhere = (None, Language::Chinese);
        let list = tried(&directory, &asked, "2021-08-01", nowhere, &chosen);
        assert_eq!(names(&list), order, "{chosen:?}");
    }
}

fn choose(unit: &str, contact: &str, channels: &[Channel]) -> Body {
    let asked = ContactPreferred {
        unit: unit.to_owned(),
        contact: contact.to_owned(),
        channels: channels.to_vec(),
        by: "本人".to_owned(),
    };
    let record = Record {
        id: RecordId([1; 16]),
        source: Cow::Borrowed("urn:test"),
        tenant: "t".to_owned(),
        ledger: None,
        subject: None,
        time: None,
        loggedat: Timestamp(0),
        cause: None,
        correlation: RecordId([1; 16]),
        definition: None,
        origin: Some("p-1".to_owned()),
        body: Body::ContactPreferred(asked.clone()),
    };
    preference::decide(Some(&directory()), &record, &asked)
}

#[test]
fn a_choice_within_what_the_office_allows_is_noted_and_others_are_refused() {
    let Body::ContactPreferenceNoted(noted) = choose("a", "l", &[Channel::Sms, Channel::Sms])
    else {
        panic!("not noted");
    };
    assert_eq!(
        (noted.contact.as_str(), noted.channels),
        ("a/l", vec![Channel::Sms])
    );
    assert!(matches!(
        choose("a", "l", &[]),
        Body::ContactPreferenceNoted(_)
    ));
    for (unit, contact, channel, code, says) in [
        (
            "a",
            "nobody",
            Channel::Mail,
            "unknown-contact",
            "one of x, y, z, l",
        ),
        (
            "nowhere",
            "x",
            Channel::Mail,
            "unknown-contact",
            "a unit of the directory",
        ),
        (
            "a",
            "x",
            Channel::WecomApp,
            "channel-not-allowed",
            "some of mail, sms",
        ),
    ] {
        let Body::RejectionRecorded(r) = choose(unit, contact, &[channel]) else {
            panic!("{unit}/{contact} is noted");
        };
        assert_eq!(r.code, code);
        assert!(r.expected.contains(says), "{}", r.expected);
        assert_eq!(r.event_id.as_deref(), Some("p-1"));
    }
}

#[test]
fn whom_a_duty_was_handed_to_is_told_first_and_whoever_has_left_is_passed_over() {
    let (directory, none) = (directory(), BTreeMap::new());
    for (handed_to, first) in [("z", "a/z@mail"), ("l", "a/l@mail"), ("gone", "a/x@mail")] {
        let mut asked = request("a", Tier::Contact);
        asked.first = Some(handed_to.to_owned());
        let list = tried(&directory, &asked, "2021-06-30", HERE, &none);
        assert_eq!(names(&list)[0], first);
        assert!(names(&list).contains(&"a/y@mail"), "the others follow");
    }
}
