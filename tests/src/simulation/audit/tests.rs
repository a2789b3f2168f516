//! The auditor is of use only if it finds what is wrong: a good run is made bad in one place, and
//! the finding must be the expected one.

use serde_json::{Value, json};

use super::{audit, text};
use crate::simulation::evidence::Evidence;
use crate::simulation::run;

/// Seeds whose runs have every kind of record that is tampered with below.
const SEEDS: std::ops::Range<u64> = 1..200;

/// Good evidence in which something can be tampered with, tampered with.
fn tampered(tamper: impl Fn(&mut Evidence) -> bool) -> Vec<String> {
    for seed in SEEDS {
        let mut evidence = run(seed).evidence;
        assert_eq!(audit(&evidence), Vec::<String>::new(), "seed {seed}");
        if tamper(&mut evidence) {
            return audit(&evidence);
        }
    }
    panic!("no seed of {SEEDS:?} has what is to be tampered with");
}

fn finds(rule: &str, tamper: impl Fn(&mut Evidence) -> bool) {
    let findings = tampered(tamper);
    assert!(
        findings.iter().any(|finding| finding.starts_with(rule)),
        "no finding begins with `{rule}`: {findings:#?}"
    );
}

/// Changes the last record of this type that fits; false if there is none.
fn change(
    evidence: &mut Evidence,
    kind: &str,
    fits: impl Fn(&Value) -> bool,
    change: impl Fn(&mut Value),
) -> bool {
    let kind = format!("duban.{kind}");
    let mut records = evidence.frames.iter_mut().flat_map(|f| &mut f.records);
    let found = records.rfind(|r| text(&r["type"]) == kind && fits(r));
    found.map(change).is_some()
}

/// Removes the last record of this type that fits; false if there is none.
fn remove(evidence: &mut Evidence, kind: &str, fits: impl Fn(&Value) -> bool) -> bool {
    let kind = format!("duban.{kind}");
    for frame in evidence.frames.iter_mut().rev() {
        let found = |r: &Value| text(&r["type"]) == kind && fits(r);
        if let Some(place) = frame.records.iter().rposition(found) {
            frame.records.remove(place);
            return true;
        }
    }
    false
}

/// Tampers with the last record of this type that fits and after which its timer is not spoken of
/// again, so that what it says holds at the end; false if there is none.
fn at_rest(
    evidence: &mut Evidence,
    kind: &str,
    fits: impl Fn(&Value) -> bool,
    tamper: impl Fn(&mut Vec<Value>, usize),
) -> bool {
    let kind = format!("duban.{kind}");
    let mut spoken = std::collections::BTreeSet::new();
    for frame in evidence.frames.iter_mut().rev() {
        for place in (0..frame.records.len()).rev() {
            let record = &frame.records[place];
            let timer = text(&record["data"]["timer"]).to_owned();
            if text(&record["type"]) == kind && fits(record) && !spoken.contains(&timer) {
                tamper(&mut frame.records, place);
                return true;
            }
            // Noting answers an arming and says nothing new.
            if kind == "duban.timer.noted" || text(&record["type"]) != "duban.timer.noted" {
                spoken.insert(timer);
            }
        }
    }
    false
}

fn any(_: &Value) -> bool {
    true
}

#[test]
fn a_frame_that_is_missing_is_found() {
    finds("sequence:", |e| {
        e.frames.remove(2);
        true
    });
}

#[test]
fn a_frame_number_given_twice_is_found() {
    finds("numbers:", |e| {
        let last = e.frames.last_mut().expect("a frame");
        last.head["number"] = json!(1_000);
        true
    });
}

#[test]
fn a_frame_that_was_changed_is_found_by_its_successor() {
    finds("chain:", |e| {
        e.frames[1].text[20] ^= 1;
        true
    });
}

#[test]
fn frames_that_changed_places_are_found() {
    finds("chain:", |e| {
        e.frames.swap(2, 3);
        for (seq, frame) in (1..).zip(&mut e.frames) {
            frame.seq = seq;
        }
        true
    });
}

#[test]
fn reading_that_goes_back_is_found() {
    finds("through:", |e| {
        let last = e.frames.last_mut().expect("a frame");
        last.head["through"] = json!({"seq": 0, "index": 0});
        true
    });
}

#[test]
fn time_that_runs_backwards_is_found() {
    finds("time:", |e| {
        change(e, "timer.noted", any, |r| {
            r["loggedat"] = json!("2000-01-01T00:00:00.000Z");
        })
    });
}

#[test]
fn a_decision_made_twice_is_found() {
    finds("once:", |e| {
        let frame = e.frames.iter_mut().rfind(|f| !f.records.is_empty());
        let frame = frame.expect("a frame with records");
        let again = frame.records[0].clone();
        frame.records.push(again);
        true
    });
}

#[test]
fn a_record_of_another_service_is_found() {
    finds("writer:", |e| {
        let frame = e.frames.iter_mut().find(|f| f.head["service"] == "rules");
        frame.expect("rules wrote").head["service"] = json!("notifier");
        true
    });
}

#[test]
fn an_effect_before_its_cause_is_found() {
    finds("cause:", |e| {
        change(e, "timer.noted", any, |r| {
            r["causationid"] = json!("00000000000000000000000000000000");
        })
    });
}

#[test]
fn an_event_that_disappeared_is_found() {
    finds("inbox:", |e| {
        let frame = e.frames.iter_mut().rfind(|f| f.head["service"] == "intake");
        frame.expect("the intake wrote").records.pop().is_some()
    });
}

#[test]
fn an_event_that_was_changed_is_found() {
    finds("inbox:", |e| {
        change(e, "publication.published", any, |r| {
            r["data"]["title"] = json!("another");
        })
    });
}

#[test]
fn a_duplicate_that_was_taken_twice_is_found() {
    finds("inbox:", |e| {
        change(e, "duplicate.recorded", any, |r| {
            r["type"] = json!("duban.publication.published");
        })
    });
}

#[test]
fn a_rejection_without_a_remedy_is_found() {
    finds("rejection:", |e| {
        change(e, "rejection.recorded", any, |r| {
            r["data"]["remedy"] = json!("");
        })
    });
}

#[test]
fn an_act_without_an_answer_is_found() {
    finds("answer:", |e| {
        let acts: Vec<String> = e
            .frames
            .iter()
            .flat_map(|f| &f.records)
            .filter(|r| text(&r["type"]).starts_with("duban.task."))
            .map(|r| text(&r["id"]).to_owned())
            .collect();
        let Some(act) = acts.first() else {
            return false;
        };
        for frame in e.frames.iter_mut().filter(|f| f.head["service"] == "rules") {
            frame.records.retain(|r| text(&r["causationid"]) != act);
        }
        true
    });
}

#[test]
fn a_duty_without_its_timer_is_found() {
    finds("duty:", |e| {
        let of_rules = |r: &Value| r["data"]["owner"] == "rules";
        at_rest(e, "timer.noted", of_rules, |records, place| {
            records.remove(place);
        })
    });
}

#[test]
fn a_timer_that_nobody_noted_is_found() {
    finds("timer:", |e| remove(e, "timer.noted", any));
}

#[test]
fn a_timer_that_fired_early_is_found() {
    finds("early:", |e| {
        change(e, "timer.fired", any, |r| {
            r["data"]["due"] = json!("2100-01-01T00:00:00.000Z");
        })
    });
}

#[test]
fn a_timer_that_never_fired_is_found() {
    finds("due:", |e| {
        let stopped = std::mem::replace(&mut e.stopped, "2100-01-01T00:00:00.000Z".to_owned());
        change(
            e,
            "timer.noted",
            |r| text(&r["data"]["due"]) > &*stopped,
            |_| (),
        )
    });
}

#[test]
fn a_firing_that_nobody_looked_at_is_found() {
    finds("lost: nobody looked", |e| {
        let last = e
            .frames
            .iter()
            .flat_map(|f| &f.records)
            .rfind(|r| {
                text(&r["type"]) == "duban.timer.fired"
                    && r["data"]["owner"] == "rules"
                    && text(&r["data"]["step"]) != "period"
            })
            .map(|r| text(&r["id"]).to_owned());
        let Some(fired) = last else {
            return false;
        };
        // As if the rules had gone on without it.
        for frame in e.frames.iter_mut().filter(|f| f.head["service"] == "rules") {
            frame.records.retain(|r| text(&r["causationid"]) != fired);
        }
        true
    });
}

#[test]
fn a_request_without_an_answer_is_found() {
    finds("lost:", |e| remove(e, "notice.queued", any));
}

#[test]
fn an_abandoned_notice_that_nobody_follows_is_found() {
    finds("followed:", |e| {
        remove(e, "notice.queued", |r| !r["data"]["instead_of"].is_null())
    });
}

#[test]
fn a_follower_who_was_tried_before_is_found() {
    finds("followed:", |e| {
        change(
            e,
            "notice.queued",
            |r| !r["data"]["instead_of"].is_null(),
            |r| {
                let tried = text(&r["data"]["tried"][0]).to_owned();
                let (contact, channel) = tried.split_once('@').unwrap_or_default();
                r["data"]["contact"] = json!(contact);
                r["data"]["channel"] = json!(channel);
            },
        )
    });
}

#[test]
fn a_suppression_without_a_reason_is_found() {
    finds("notice:", |e| {
        change(e, "notice.suppressed", any, |r| {
            r["data"]["reason"] = json!("");
        })
    });
}

#[test]
fn a_notice_that_never_ended_is_found() {
    finds("lost: notice", |e| remove(e, "notice.delivered", any));
}

#[test]
fn a_delivery_that_nobody_got_is_found() {
    finds("lost: notice", |e| {
        let before = e.arrivals.len();
        e.arrivals.clear();
        before > 0
    });
}

#[test]
fn a_repetition_without_its_label_is_found() {
    finds("label:", |e| {
        change(
            e,
            "notice.attempted",
            |r| r["data"]["possible_duplicate"] == true,
            |r| r["data"]["possible_duplicate"] = json!(false),
        )
    });
}

#[test]
fn a_second_message_without_a_label_is_found() {
    finds("label:", |e| {
        let Some(first) = e.arrivals.iter().find(|a| !a.labelled).cloned() else {
            return false;
        };
        e.arrivals.push(first);
        true
    });
}

#[test]
fn a_message_that_was_not_announced_is_found() {
    finds("announced:", |e| {
        let Some(first) = e.arrivals.first_mut() else {
            return false;
        };
        first.head = 1;
        true
    });
}

#[test]
fn a_resumption_to_a_wrong_date_is_found() {
    let dated = |r: &Value| !r["data"]["clock"]["basis"]["hours"].is_object();
    finds("clock:", |e| {
        change(e, "obligation.resumed", dated, |r| {
            r["data"]["to"] = json!("2035-01-01");
        })
    });
}

#[test]
fn a_stop_that_nobody_remembers_is_found() {
    let reminder = |r: &Value| text(&r["data"]["step"]).starts_with("stopped:");
    finds("duty:", |e| {
        at_rest(e, "timer.armed", reminder, |records, place| {
            records[place]["data"]["step"] = json!("before:7wd");
        })
    });
}

#[test]
fn a_reminder_while_the_clock_stands_still_is_found() {
    let standing = |r: &Value| text(&r["data"]["kind"]) == "still_stopped";
    finds("clock:", |e| {
        change(e, "notice.requested", standing, |r| {
            r["data"]["kind"] = json!("reminder");
        })
    });
}
