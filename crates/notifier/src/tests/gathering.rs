//! Windows, hours, silences and maintenance, as a receiver would notice them.

use duban_model::decision::{ObligationFulfilled, TimerArmed, TimerFired};
use duban_model::delivery::{Days, Hours};
use duban_model::gathered::{MAX_COVERED, NoticeBundled};
use duban_model::silence::{SilenceLifted, SilenceSet};

use super::*;

const MINUTE: i64 = 60_000;

impl Desk {
    /// A desk whose office gathers for five minutes, and may disturb people at these hours.
    fn gathering(hours: Option<(&str, &str, Days)>) -> Desk {
        let mut desk = Desk::new();
        desk.at("2021-09-30T10:00:00+08:00");
        let mut directory = desk.state.directories.get("t").unwrap().clone();
        let time = |text: &str| text.parse().unwrap();
        directory.delivery = Delivery {
            window_minutes: 5,
            hours: hours.map(|(from, to, days)| Hours {
                from: time(from),
                to: time(to),
                days,
            }),
        };
        desk.record(Body::DirectoryDeployed(DirectoryDeployed {
            directory,
            by: None,
            reason: None,
            expects: None,
        }));
        desk
    }

    fn at(&mut self, text: &str) {
        self.latest = text.parse().unwrap();
    }

    fn about(
        &mut self,
        to: &str,
        task: &str,
        change: impl FnOnce(&mut NoticeRequested),
    ) -> Vec<Body> {
        let mut request = NoticeRequested {
            obligation: format!("l/{task}/{to}/responsible"),
            task: task.to_owned(),
            unit: to.to_owned(),
            role: Role::Responsible,
            kind: NoticeKind::Reminder,
            step: "due".to_owned(),
            tier: Tier::Contact,
            to: to.to_owned(),
            first: None,
            due: "2021-10-08".parse().ok(),
            covers: Vec::new(),
            missing: Vec::new(),
            reason: "临近完成时限".to_owned(),
            due_at: None,
            occasion: None,
        };
        change(&mut request);
        self.record(Body::NoticeRequested(request))
    }

    fn fires(&mut self, timer: &TimerArmed) -> Vec<Body> {
        let When::At(due) = timer.when else {
            panic!("{timer:?}");
        };
        self.latest = self.latest.max(due);
        self.record(Body::TimerFired(TimerFired {
            timer: timer.timer.clone(),
            owner: Service::Notifier,
            due,
            step: timer.step.clone(),
            next: None,
        }))
    }

    fn silence(&mut self, change: impl FnOnce(&mut SilenceSet)) -> TimerArmed {
        let mut set = SilenceSet {
            silence: "s".to_owned(),
            ledger: None,
            task: None,
            unit: None,
            maintenance: false,
            until: self.latest.plus_millis(60 * MINUTE),
            by: "办公室".to_owned(),
            reason: "机构改革".to_owned(),
        };
        change(&mut set);
        let bodies = self.record(Body::SilenceSet(set));
        assert!(matches!(bodies[0], Body::SilenceNoted(_)), "{bodies:?}");
        timer(&bodies).clone()
    }
}

fn timer(bodies: &[Body]) -> &TimerArmed {
    let armed = bodies.iter().find_map(|body| match body {
        Body::TimerArmed(armed) => Some(armed),
        _ => None,
    });
    armed.unwrap_or_else(|| panic!("no timer among {bodies:?}"))
}

fn bundle(bodies: &[Body]) -> &NoticeBundled {
    match &bodies[0] {
        Body::NoticeBundled(bundle) => bundle,
        other => panic!("{other:?}"),
    }
}

fn attempts(bodies: &[Body]) -> Vec<&str> {
    let attempted = bodies.iter().filter_map(|body| match body {
        Body::NoticeAttempted(attempted) => Some(attempted.notice.as_str()),
        _ => None,
    });
    attempted.collect()
}

fn instant(timer: &TimerArmed) -> String {
    match timer.when {
        When::At(at) => at.shown_in(duban_model::Zone::SHANGHAI),
        When::Cron { .. } => panic!("{timer:?}"),
    }
}

#[test]
fn what_comes_to_one_person_within_the_window_leaves_as_one_message_and_what_presses_stands_first()
{
    let mut desk = Desk::gathering(None);
    let first = desk.about("full", "1", |_| {});
    assert!(attempts(&first).is_empty(), "{first:?}");
    let window = timer(&first).clone();
    assert_eq!(instant(&window), "2021-09-30T10:05:00+08:00");
    let notices: Vec<String> = (2..=30)
        .map(|task| {
            desk.latest = desk.latest.plus_millis(5_000);
            let bodies = desk.about("full", &task.to_string(), |request| {
                if task == 30 {
                    request.kind = NoticeKind::Escalation;
                    request.reason = "已过5个工作日".to_owned();
                }
            });
            assert!(matches!(&bodies[..], [Body::NoticeQueued(q)] if q.held.is_some()));
            queued(&bodies).notice.clone()
        })
        .collect();
    // Somebody else has a window of their own.
    let other = desk.about("headless", "1", |_| {});
    assert_ne!(timer(&other).timer, window.timer);

    let out = desk.fires(&window);
    let message = bundle(&out).clone();
    assert_eq!(message.covers.len(), 30);
    assert_eq!(message.covers[0], notices[28]);
    assert_eq!(message.contact, "full/a");
    let lines: Vec<&str> = message.text.lines().collect();
    assert_eq!(
        lines[4],
        "1. 【督办】第30项 (某局,责任单位),完成时限2021-10-08:已过5个工作日"
    );
    assert!(message.text.contains("30. 【提醒】"), "{}", message.text);
    assert_eq!(
        message.subject,
        "【汇总】30项责任事项通知(督办1项、提醒29项)"
    );
    assert_eq!(attempts(&out), [message.notice.as_str()]);

    let done = desk.report(&message.notice, 1, Outcome::Delivered);
    assert!(matches!(&done[..], [Body::NoticeDelivered(_)]));
    assert_eq!(
        desk.state.pending().count(),
        1,
        "only the other person's is left"
    );
    // The same end once more, as after a restart, finds nothing.
    assert!(desk.fires(&window).is_empty());
}

#[test]
fn one_alone_leaves_as_it_is_and_more_than_a_message_holds_leave_in_the_next() {
    let mut desk = Desk::gathering(None);
    let bodies = desk.about("full", "1", |_| {});
    let notice = queued(&bodies).notice.clone();
    let out = desk.fires(timer(&bodies));
    assert_eq!(attempts(&out), [notice.as_str()]);
    assert_eq!(out.len(), 1);

    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("full", "0", |_| {})).clone();
    for task in 1..=MAX_COVERED {
        desk.about("full", &task.to_string(), |_| {});
    }
    let out = desk.fires(&window);
    let next = timer(&out).clone();
    assert_eq!(instant(&next), "2021-09-30T10:10:00+08:00");
    let message = out.iter().find_map(|body| match body {
        Body::NoticeBundled(bundle) => Some(bundle.covers.len()),
        _ => None,
    });
    assert_eq!(message, Some(MAX_COVERED));
    assert_eq!(attempts(&desk.fires(&next)).len(), 1);
}

#[test]
fn whoever_cannot_be_reached_with_a_message_gives_way_for_each_notice_in_it() {
    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("pair", "1", |_| {})).clone();
    desk.about("pair", "2", |_| {});
    let out = desk.fires(&window);
    let message = bundle(&out).clone();
    let out = desk.report(&message.notice, 1, Outcome::Refused);
    let next: Vec<&NoticeQueued> = out
        .iter()
        .filter_map(|body| match body {
            Body::NoticeQueued(queued) => Some(queued),
            _ => None,
        })
        .collect();
    assert_eq!(next.len(), 2);
    for (next, covered) in next.iter().zip(&message.covers) {
        assert_eq!(next.instead_of.as_ref(), Some(covered));
        assert_eq!(next.contact, "pair/b");
    }
    // They are gathered again, for the next person.
    let window = timer(&out).clone();
    assert_eq!(
        out.iter()
            .filter(|body| matches!(body, Body::TimerArmed(_)))
            .count(),
        1
    );
    let out = desk.fires(&window);
    assert_eq!(bundle(&out).contact, "pair/b");
    assert!(bundle(&out).text.contains("原收件人未能收到"));
}

#[test]
fn a_message_that_fails_for_now_is_tried_again_as_it_was() {
    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("full", "1", |_| {})).clone();
    desk.about("full", "2", |_| {});
    let message = bundle(&desk.fires(&window)).clone();
    let out = desk.report(&message.notice, 1, Outcome::Unknown);
    let out = desk.fires(timer(&out));
    assert!(matches!(&out[..], [Body::NoticeAttempted(a)]
        if a.notice == message.notice && a.attempt == 2 && a.possible_duplicate));
    desk.report(&message.notice, 2, Outcome::Delivered);
    assert_eq!(desk.state.pending().count(), 0);
}

#[test]
fn nobody_is_disturbed_outside_the_hours_but_for_what_is_urgent() {
    let mut desk = Desk::gathering(Some(("08:30:00", "17:30:00", Days::Working)));
    desk.at("2021-09-30T17:28:00+08:00");
    let bodies = desk.about("full", "1", |_| {});
    let held = queued(&bodies).held.as_ref();
    assert_eq!(
        held.and_then(|held| held.because.as_deref()),
        Some("quiet-hours")
    );
    // No calendar of the year is there: by the day of the week.
    assert_eq!(instant(timer(&bodies)), "2021-10-01T08:30:00+08:00");
    let urgent = desk.about("full", "2", |request| request.due_at = Some(Timestamp(1)));
    assert_eq!(attempts(&urgent).len(), 1);
    // After an outage into the evening the window's end comes too late, and waits for the morning.
    let window = timer(&bodies).clone();
    desk.at("2021-10-01T22:00:00+08:00");
    let out = desk.fires(&window);
    assert!(attempts(&out).is_empty(), "{out:?}");
    assert_eq!(instant(timer(&out)), "2021-10-04T08:30:00+08:00");
    let window = timer(&out).clone();
    assert_eq!(attempts(&desk.fires(&window)).len(), 1);
}

#[test]
fn a_retry_waits_for_the_morning_and_its_night_is_not_held_against_it() {
    let mut desk = Desk::gathering(Some(("08:30:00", "17:30:00", Days::Every)));
    desk.at("2021-09-30T17:20:00+08:00");
    let window = timer(&desk.about("full", "1", |_| {})).clone();
    let notice = attempts(&desk.fires(&window))[0].to_owned();
    let mut attempt = 1;
    loop {
        let out = desk.report(&notice, attempt, Outcome::Failed);
        if matches!(out[0], Body::NoticeAbandoned(_)) {
            break;
        }
        let retry = timer(&out).clone();
        let mut out = desk.fires(&retry);
        if let Some(Body::TimerArmed(armed)) = out.last() {
            let armed = armed.clone();
            assert!(instant(&armed).contains("T08:30:00"), "{armed:?}");
            out = desk.fires(&armed);
        }
        assert_eq!(attempts(&out), [notice.as_str()]);
        attempt += 1;
    }
    // 24 hours of waiting, of which nine fit into a day.
    assert!(
        desk.latest > "2021-10-02T12:00:00+08:00".parse().unwrap(),
        "{}",
        desk.latest
    );
}

#[test]
fn what_was_settled_before_it_left_is_not_sent() {
    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("full", "1", |_| {})).clone();
    let kept = queued(&desk.about("full", "2", |_| {})).notice.clone();
    desk.about("full", "1", |request| request.kind = NoticeKind::Extended);
    let fulfilled = ObligationFulfilled {
        obligation: "l/1/full/responsible".to_owned(),
        how: "verified".to_owned(),
        by: None,
        at: desk.latest,
        late: false,
    };
    let out = desk.record(Body::ObligationFulfilled(fulfilled));
    assert!(
        matches!(&out[..], [Body::NoticeDropped(dropped)] if dropped.code == "settled"),
        "{out:?}"
    );
    let out = desk.fires(&window);
    assert_eq!(bundle(&out).covers.len(), 2);
    assert!(bundle(&out).covers.contains(&kept));
}

#[test]
fn a_silence_keeps_a_units_notices_back_with_its_reason_and_hides_nothing_from_the_office() {
    let mut desk = Desk::gathering(None);
    desk.note_ledger("headless");
    let end = desk.silence(|set| set.unit = Some("full".to_owned()));
    let out = desk.about("full", "1", |_| {});
    let [Body::NoticeSuppressed(suppressed)] = &out[..] else {
        panic!("{out:?}");
    };
    assert_eq!(suppressed.code, "silenced");
    assert_eq!(
        suppressed.reason,
        "办公室设置静默至2021-09-30T11:00:00+08:00:机构改革"
    );
    let office = desk.about("full", "1", |request| request.to = "headless".to_owned());
    assert!(matches!(office[0], Body::NoticeQueued(_)));
    let out = desk.fires(&end);
    assert!(matches!(&out[..], [Body::SilenceEnded(ended)] if ended.by.is_none()));
    assert!(matches!(
        desk.about("full", "1", |_| {})[0],
        Body::NoticeQueued(_)
    ));
}

#[test]
fn a_silence_set_while_a_notice_waits_keeps_that_one_back_too() {
    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("full", "1", |_| {})).clone();
    desk.silence(|set| set.task = Some("1".to_owned()));
    let out = desk.fires(&window);
    assert!(matches!(&out[..], [Body::NoticeDropped(dropped)] if dropped.code == "silenced"));
    assert_eq!(desk.state.pending().count(), 0);
}

#[test]
fn maintenance_holds_everything_and_lets_it_go_gathered_when_it_is_lifted() {
    let mut desk = Desk::gathering(None);
    let before = timer(&desk.about("full", "1", |_| {})).clone();
    desk.silence(|set| set.maintenance = true);
    let urgent = desk.about("full", "2", |request| request.due_at = Some(Timestamp(1)));
    assert!(attempts(&urgent).is_empty());
    let out = desk.fires(&before);
    assert!(attempts(&out).is_empty());
    assert_eq!(instant(timer(&out)), "2021-09-30T11:00:00+08:00");
    let out = desk.record(Body::SilenceLifted(SilenceLifted {
        silence: "s".to_owned(),
        by: "值班员".to_owned(),
        reason: None,
    }));
    assert!(matches!(out[0], Body::SilenceEnded(_)));
    let now = timer(&out).clone();
    assert_eq!(bundle(&desk.fires(&now)).covers.len(), 2);
    // Lifting what is not there is refused, and says what there is.
    let out = desk.record(Body::SilenceLifted(SilenceLifted {
        silence: "s".to_owned(),
        by: "值班员".to_owned(),
        reason: None,
    }));
    assert!(matches!(&out[..], [Body::RejectionRecorded(r)] if r.code == "no-silence"));
}

#[test]
fn robots_are_kept_off_the_full_hour_each_by_its_own_share() {
    let mut desk = Desk::gathering(Some(("09:00:00", "18:00:00", Days::Every)));
    desk.at("2021-09-30T07:00:00+08:00");
    let mut directory = desk.state.directories.get("t").unwrap().clone();
    for unit in directory.units.values_mut() {
        for contact in &mut unit.contacts {
            contact.channels = vec![Channel::WecomRobot];
        }
    }
    desk.record(Body::DirectoryDeployed(DirectoryDeployed {
        directory,
        by: None,
        reason: None,
        expects: None,
    }));
    let instants: BTreeSet<String> = ["full", "headless", "pair"]
        .map(|unit| instant(timer(&desk.about(unit, "1", |_| {}))))
        .into();
    assert_eq!(instants.len(), 3, "{instants:?}");
    assert!(
        instants.iter().all(|at| at.starts_with("2021-09-30T09:0")),
        "{instants:?}"
    );
}

#[test]
fn what_waits_is_the_same_after_its_rows_were_loaded_again() {
    let mut desk = Desk::gathering(None);
    let window = timer(&desk.about("full", "1", |_| {})).clone();
    desk.about("full", "2", |_| {});
    desk.state.loaded();
    assert_eq!(bundle(&desk.fires(&window)).covers.len(), 2);
    desk.state.loaded();
    assert_eq!(desk.state.pending().count(), 3);
}

#[test]
fn a_message_names_every_duty_in_it_in_as_many_words_as_its_channel_has_room_for() {
    for (channel, bytes, named) in [
        (Channel::Mail, 24 * 1024, 36),
        (Channel::DingtalkRobot, 15_000, 36),
        (Channel::WecomRobot, 3_300, 36),
        (Channel::WecomApp, 1_500, 20),
        (Channel::Sms, 300, 4),
    ] {
        let mut desk = Desk::gathering(None);
        let mut directory = desk.state.directories.get("t").unwrap().clone();
        let unit = directory.units.get_mut("full").unwrap();
        unit.contacts[0].channels = vec![channel];
        desk.record(Body::DirectoryDeployed(DirectoryDeployed {
            directory,
            by: None,
            reason: None,
            expects: None,
        }));
        let window = timer(&desk.about("full", "1", |_| {})).clone();
        for task in 2..=36 {
            desk.about("full", &task.to_string(), |request| {
                request.missing = vec!["规划计划的历史版本".to_owned(); 3];
            });
        }
        let out = desk.fires(&window);
        let text = bundle(&out).text.clone();
        let lines = text.lines().filter(|line| line.contains(". 【提醒】第"));
        let said: usize = lines.clone().map(|line| line.len() + 1).sum();
        assert!(said <= bytes, "{channel:?}: {said} bytes\n{text}");
        let count = lines.count();
        assert!(count >= named, "{channel:?}: {count}\n{text}");
        let left = format!("另有{}项", 36 - count);
        assert_eq!(text.contains(&left), count < 36, "{channel:?}\n{text}");
    }
}
