//! What an owner of timers would notice.

use std::borrow::Cow;

use duban_model::Zone;
use duban_model::decider::seal;
use duban_model::decision::TimerDisarmed;
use duban_model::fact::ClockAdvanced;
use duban_model::state::{digest_rows, drain_changes, load_rows};

use super::*;

struct Desk {
    state: SchedulerState,
    latest: Timestamp,
    counter: u8,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Desk {
    fn new() -> Self {
        Self {
            state: SchedulerState::default(),
            latest: Timestamp::default(),
            counter: 0,
        }
    }

    fn input(&mut self, input: &Input<'_>) -> Vec<Record> {
        let mut out = Drafts::default();
        Scheduler::decide(&self.state, input, &mut out);
        let records = seal(Service::Scheduler, input, out, &mut self.latest);
        for record in &records {
            Scheduler::apply(&mut self.state, record);
        }
        // State is the fold of own records: rows rebuilt after every input decide the same.
        let rows = drain_changes(&mut self.state);
        assert!(
            records.is_empty()
                || !rows.is_empty()
                || matches!(
                    records[0].body,
                    Body::TimerDropped(_) | Body::SchedulerContinue(_)
                )
        );
        records
    }

    fn record(&mut self, body: Body) -> Vec<Record> {
        self.counter += 1;
        let record = Record {
            id: RecordId([self.counter; 16]),
            source: Cow::Borrowed("duban/rules"),
            tenant: "tongliao".to_owned(),
            ledger: None,
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

    fn arm(&mut self, id: &str, when: When) -> Vec<Record> {
        self.record(Body::TimerArmed(TimerArmed {
            timer: id.to_owned(),
            owner: Service::Rules,
            when,
            step: "x".to_owned(),
        }))
    }

    fn due(&mut self, now: &str) -> Vec<(String, String)> {
        let records = self.input(&Input::Due { now: at(now) });
        records
            .iter()
            .filter_map(|r| match &r.body {
                Body::TimerFired(f) => Some((f.timer.clone(), f.due.shown_in(Zone::SHANGHAI))),
                _ => None,
            })
            .collect()
    }
}

#[test]
fn timers_fire_once_in_the_order_of_due_and_id() {
    let mut desk = Desk::new();
    for (id, when) in [
        ("b", "2021-07-01T09:10:00+08:00"),
        ("a", "2021-07-01T09:10:00+08:00"),
        ("c", "2021-06-30T09:10:00+08:00"),
        ("d", "2021-07-02T09:10:00+08:00"),
    ] {
        desk.arm(id, When::At(at(when)));
    }
    assert!(
        desk.due("2021-06-30T09:09:59+08:00").is_empty(),
        "never early"
    );
    let fired: Vec<_> = desk
        .due("2021-07-01T09:10:00+08:00")
        .into_iter()
        .map(|f| f.0)
        .collect();
    assert_eq!(fired, ["c", "a", "b"]);
    assert!(desk.due("2021-07-01T09:10:00+08:00").is_empty());
    assert_eq!(
        Scheduler::earliest_due(&desk.state),
        Some(at("2021-07-02T09:10:00+08:00"))
    );
}

#[test]
fn arming_again_moves_a_timer_and_disarming_drops_it() {
    let mut desk = Desk::new();
    desk.arm("a", When::At(at("2021-07-01T09:10:00+08:00")));
    desk.arm("a", When::At(at("2021-08-01T09:10:00+08:00")));
    assert!(desk.due("2021-07-15T00:00:00+08:00").is_empty());
    let disarm = Body::TimerDisarmed(TimerDisarmed {
        timer: "a".to_owned(),
        owner: Service::Rules,
    });
    assert_eq!(desk.record(disarm.clone()).len(), 1);
    assert!(
        desk.record(disarm).is_empty(),
        "dropping twice is no decision"
    );
    assert!(desk.due("2022-01-01T00:00:00+08:00").is_empty());
}

#[test]
fn a_quarterly_schedule_fires_on_shanghai_clocks_and_goes_on() {
    let mut desk = Desk::new();
    desk.arm(
        "q",
        When::Cron {
            expression: "0 10 9 1 JAN,APR,JUL,OCT *".to_owned(),
            zone: Zone::SHANGHAI,
            after: at("2021-06-28T00:00:00+08:00"),
            missed: MissedPolicy::FireAll,
        },
    );
    assert_eq!(
        desk.due("2021-07-01T09:10:00+08:00"),
        [("q".to_owned(), "2021-07-01T09:10:00+08:00".to_owned())]
    );
    assert!(desk.due("2021-09-30T23:00:00+08:00").is_empty());
    // Nothing ran for two quarters: with FireAll each fires, one a proposal.
    assert_eq!(
        desk.due("2022-02-01T00:00:00+08:00")[0].1,
        "2021-10-01T09:10:00+08:00"
    );
    assert_eq!(
        desk.due("2022-02-01T00:00:00+08:00")[0].1,
        "2022-01-01T09:10:00+08:00"
    );
    assert!(desk.due("2022-02-01T00:00:00+08:00").is_empty());
}

#[test]
fn fire_last_records_what_was_missed() {
    let mut desk = Desk::new();
    desk.arm(
        "d",
        When::Cron {
            expression: "0 0 9 * * *".to_owned(),
            zone: Zone::SHANGHAI,
            after: at("2021-06-28T10:00:00+08:00"),
            missed: MissedPolicy::FireLast,
        },
    );
    let records = desk.input(&Input::Due {
        now: at("2021-07-02T10:00:00+08:00"),
    });
    assert_eq!(records.len(), 2);
    let Body::TimerMissed(missed) = &records[0].body else {
        panic!("{records:?}")
    };
    assert_eq!(
        (missed.count, missed.first, missed.last),
        (
            3,
            at("2021-06-29T09:00:00+08:00"),
            at("2021-07-01T09:00:00+08:00")
        )
    );
    let Body::TimerFired(fired) = &records[1].body else {
        panic!("{records:?}")
    };
    assert_eq!(
        (fired.due, fired.next),
        (
            at("2021-07-02T09:00:00+08:00"),
            Some(at("2021-07-03T09:00:00+08:00"))
        )
    );
}

#[test]
fn a_virtual_instant_with_many_timers_goes_on_by_continuation() {
    let mut desk = Desk::new();
    for i in 0..450 {
        desk.counter = 0;
        desk.arm(
            &format!("t{i:03}"),
            When::At(at("2021-07-01T09:10:00+08:00")),
        );
    }
    let mut records = desk.record(Body::ClockAdvanced(ClockAdvanced {
        to: at("2021-07-01T09:10:00+08:00"),
        fire: true,
    }));
    let mut fired = 0;
    loop {
        fired += records
            .iter()
            .filter(|r| matches!(r.body, Body::TimerFired(_)))
            .count();
        let Some(last) = records
            .pop()
            .filter(|r| matches!(r.body, Body::SchedulerContinue(_)))
        else {
            break;
        };
        records = desk.input(&Input::Record(&last));
    }
    assert_eq!(fired, 450);
    assert!(desk.state.is_empty());
}

#[test]
fn a_rebuilt_scheduler_decides_the_same() {
    let mut desk = Desk::new();
    let mut rows = std::collections::BTreeMap::new();
    for i in 0..50 {
        let mut out = Drafts::default();
        let record = Record {
            id: RecordId([i; 16]),
            source: Cow::Borrowed("duban/rules"),
            tenant: "t".to_owned(),
            ledger: None,
            subject: None,
            time: None,
            loggedat: Timestamp(0),
            cause: None,
            correlation: RecordId([i; 16]),
            definition: None,
            origin: None,
            body: Body::TimerArmed(TimerArmed {
                timer: format!("t{}", i % 20),
                owner: Service::Rules,
                when: When::At(Timestamp(i64::from(i) * 1000)),
                step: String::new(),
            }),
        };
        let input = Input::Record(&record);
        Scheduler::decide(&desk.state, &input, &mut out);
        for own in seal(Service::Scheduler, &input, out, &mut desk.latest) {
            Scheduler::apply(&mut desk.state, &own);
        }
        for change in drain_changes(&mut desk.state) {
            match change.value {
                Some(value) => {
                    rows.insert(change.key, value);
                }
                None => {
                    rows.remove(&change.key);
                }
            }
        }
        let again: SchedulerState = load_rows(rows.clone()).unwrap();
        assert_eq!(
            digest_rows(&desk.state, |_| true),
            digest_rows(&again, |_| true)
        );
        assert_eq!(
            Scheduler::earliest_due(&desk.state),
            Scheduler::earliest_due(&again)
        );
    }
}
