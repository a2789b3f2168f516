//! What was given up and is asked for again.

use duban_model::fact::NoticeRetryRequested;
use duban_model::gathered::NoticeBundled;

use super::*;
use crate::again;

fn retry(notice: &str) -> Body {
    Body::NoticeRetryRequested(NoticeRetryRequested {
        notice: notice.to_owned(),
        by: "clerk".to_owned(),
        reason: Some("address mended".to_owned()),
    })
}

fn refusal(bodies: &[Body]) -> &str {
    match bodies {
        [Body::RejectionRecorded(r)] => &r.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_given_up_is_told_again_once_to_whom_the_directory_names_now() {
    let mut desk = Desk::new();
    let notice = queued(&desk.request("headless", Tier::Contact))
        .notice
        .clone();
    assert_eq!(refusal(&desk.record(retry(&notice))), "not-abandoned");
    assert_eq!(refusal(&desk.record(retry("no such"))), "unknown-notice");
    desk.report(&notice, 1, Outcome::Refused);

    let mut directory = desk.state.directories.get("t").cloned().unwrap();
    let unit = directory.units.get_mut("headless").unwrap();
    unit.contacts = vec![contact("b", Some("b@headless.example"))];
    desk.record(Body::DirectoryDeployed(DirectoryDeployed {
        directory,
        by: None,
        reason: None,
        expects: None,
    }));
    let again = desk.record(retry(&notice));
    let fresh = queued(&again).clone();
    assert_eq!(fresh.instead_of.as_deref(), Some(&*notice));
    assert_eq!(fresh.address.as_deref(), Some("b@headless.example"));
    assert!(matches!(&again[1], Body::NoticeAttempted(r) if r.attempt == 1));
    assert_eq!(refusal(&desk.record(retry(&notice))), "already-followed");
    // Stored and loaded again, it is known all the same.
    let rows = duban_model::state::drain_changes(&mut desk.state);
    let rows = rows.into_iter().filter_map(|r| Some((r.key, r.value?)));
    desk.state = duban_model::state::load_rows(rows).unwrap();
    assert_eq!(refusal(&desk.record(retry(&notice))), "already-followed");

    // Given up once more, it is the new one that can be asked for.
    desk.report(&fresh.notice, 1, Outcome::Refused);
    let third = desk.record(retry(&fresh.notice));
    assert_eq!(queued(&third).instead_of.as_deref(), Some(&*fresh.notice));
}

#[test]
fn only_so_many_abandoned_notices_are_kept_and_the_oldest_go_first() {
    let mut kept = again::Kept::default();
    let mut desk = Desk::new();
    let queued = queued(&desk.request("full", Tier::Contact)).clone();
    let pending = desk.state.pending.get(&queued.notice).unwrap().clone();
    for number in 0..=ABANDONED_KEPT {
        let at = Timestamp(i64::try_from(number).unwrap());
        kept.abandon(&format!("{number:05}"), &pending, at);
    }
    assert_eq!(kept.rows.iter().count(), ABANDONED_KEPT);
    assert!(kept.rows.get("00000").is_none() && kept.rows.get("00001").is_some());
}

#[test]
fn each_of_those_that_a_message_stood_for_can_be_asked_for_again() {
    let mut desk = Desk::new();
    let first = queued(&desk.request("headless", Tier::Contact)).clone();
    let other = queued(&desk.request("headless", Tier::Leader)).clone();
    let bundle = Record {
        id: RecordId([254; 16]),
        source: Cow::Borrowed("duban/notifier"),
        tenant: "t".to_owned(),
        ledger: None,
        subject: None,
        time: None,
        loggedat: desk.latest,
        cause: None,
        correlation: RecordId([254; 16]),
        definition: None,
        origin: None,
        body: Body::NoticeBundled(NoticeBundled {
            notice: "bundle".to_owned(),
            covers: vec![first.notice.clone(), other.notice.clone()],
            contact: first.contact.clone(),
            contact_title: String::new(),
            channel: first.channel,
            address: None,
            subject: String::new(),
            text: String::new(),
        }),
    };
    Notifier::apply(&mut desk.state, &bundle);
    desk.state.give_up("bundle", desk.latest);
    desk.state.end("bundle");
    assert_eq!(refusal(&desk.record(retry("bundle"))), "unknown-notice");
    for notice in [&first.notice, &other.notice] {
        let again = desk.record(retry(notice));
        assert_eq!(queued(&again).instead_of.as_ref(), Some(notice));
    }
}
