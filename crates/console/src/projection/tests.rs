//! Lights, counts, notices and bounds, from records made by hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_model::definition::{Came, Fulfilment, Tier};

use super::*;
use crate::light::{Counts, Light, Stage};
use crate::sample::{Sample, day, task};

#[test]
fn lights_follow_the_records_and_counts_keep_in_step() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let expect = |sample: &Sample, light: Light| {
        let duty = sample.projection.duty(&id).unwrap();
        assert_eq!(duty.light(), light);
        let ledger = sample.projection.ledger("tongliao-2021").unwrap();
        assert_eq!((ledger.counts.of(light), ledger.counts.total()), (1, 1));
        assert_eq!(ledger.task("10").unwrap().counts, ledger.counts);
    };
    expect(&sample, Light::Green);
    sample.due_soon(&id);
    expect(&sample, Light::Yellow);
    sample.overdue(&id);
    expect(&sample, Light::Red);
    sample.extended(&id, day(60));
    expect(&sample, Light::Green);
    sample.submitted(&id, false);
    expect(&sample, Light::Green);
    sample.returned(&id, "材料不全", day(70));
    expect(&sample, Light::Yellow);
    sample.overdue(&id);
    expect(&sample, Light::Red);
    sample.waived(&id);
    expect(&sample, Light::Grey);
}

#[test]
fn a_late_fulfilment_is_done_and_said_to_be_late() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.overdue(&id);
    sample.fulfilled(&id, true);
    let ledger = sample.projection.ledger("tongliao-2021").unwrap();
    assert_eq!((ledger.counts.of(Light::Done), ledger.counts.late), (1, 1));
    assert!(sample.projection.duty(&id).unwrap().done_late());
    // Evidence went away: it is red again, and no longer counted as late.
    sample.reopened(&id);
    let ledger = sample.projection.ledger("tongliao-2021").unwrap();
    assert_eq!((ledger.counts.of(Light::Red), ledger.counts.late), (1, 0));
}

#[test]
fn reopening_keeps_the_yellow_light() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.due_soon(&id);
    sample.fulfilled(&id, false);
    sample.reopened(&id);
    assert_eq!(sample.projection.duty(&id).unwrap().light(), Light::Yellow);
}

#[test]
fn a_waiting_duty_is_grey_until_it_is_triggered() {
    let mut sample = Sample::new();
    let id = sample.open("34", "city-spj", None);
    assert_eq!(sample.projection.duty(&id).unwrap().light(), Light::Grey);
    sample.triggered(&id, day(40));
    let duty = sample.projection.duty(&id).unwrap();
    assert_eq!((duty.light(), duty.due), (Light::Green, Some(day(40))));
}

#[test]
fn duties_of_a_ledger_not_known_yet_find_their_place_when_it_is() {
    let mut sample = Sample::empty();
    let id = sample.open("10", "city-spj", Some(day(30)));
    assert_eq!(
        sample.projection.ledger("tongliao-2021").unwrap().title,
        "tongliao-2021"
    );
    sample.adopt("通辽台账", 3);
    let ledger = sample.projection.ledger("tongliao-2021").unwrap();
    assert_eq!(ledger.title, "通辽台账");
    // Row 10 is not among the three: it stays, at the end, with its duty.
    assert_eq!(ledger.tasks.len(), 4);
    assert_eq!(ledger.task("10").unwrap().duties.len(), 1);
    assert_eq!(ledger.counts.total(), 1);
    assert!(sample.projection.duty(&id).is_some());
    // A record about what was never opened changes nothing.
    sample.overdue("tongliao-2021/99/nobody/lead");
    assert_eq!(sample.projection.duties().len(), 1);
}

#[test]
fn a_notice_is_followed_from_request_to_its_end() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let fate = |sample: &Sample| sample.projection.notices().newest().next().unwrap().fate;
    let notice = sample.requested(&id, "before:15wd");
    assert_eq!(fate(&sample), Fate::Requested);
    sample.queued(&id, &notice, "before:15wd");
    assert_eq!(fate(&sample), Fate::Queued);
    sample.attempted(&notice, 1);
    assert_eq!(fate(&sample), Fate::Attempted);
    sample.failed(&notice, 1);
    assert_eq!(fate(&sample), Fate::Failed);
    sample.attempted(&notice, 2);
    sample.delivered(&notice, 2);
    assert_eq!(fate(&sample), Fate::Delivered);
    assert_eq!(sample.projection.notices().total(), 1);
    let duty = sample.projection.duty(&id).unwrap();
    assert_eq!(duty.notices.len(), 1);
    let lines = sample.lines(&id);
    let texts: Vec<_> = lines.iter().map(|l| l.text.as_str()).collect();
    assert!(
        texts.iter().any(|t| t.contains("提前15个工作日")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|t| t.contains("第1次发送未成功")),
        "{texts:?}"
    );
    let other = sample.requested(&id, "due");
    sample.suppressed(&id, &other, "没有联系方式");
    assert_eq!(fate(&sample), Fate::Suppressed);
    assert_eq!(sample.projection.totals().unreached, 1);
}

#[test]
fn the_notices_kept_are_bounded_and_old_places_stay_right() {
    let mut notices = Notices::default();
    let mut shared = Shared::default();
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let request = sample.request(&id, "due");
    for n in 0..=NOTICES_KEPT as u64 {
        let record = RecordId::derive(&[&n.to_le_bytes()]);
        let notice = Notice::requested(record, Timestamp(0), &request, (None, None), &mut shared);
        assert_eq!(notices.push(notice), n);
    }
    assert_eq!(notices.newest().count(), NOTICES_KEPT);
    assert!(notices.at(0).is_none());
    let second = RecordId::derive(&[&1u64.to_le_bytes()]);
    assert_eq!(notices.at(1).map(|n| n.id), Some(second));
    assert_eq!(notices.get_mut(second).map(|n| n.id), Some(second));
}

#[test]
fn histories_notices_and_rejections_are_bounded() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    for _ in 0..1_000 {
        sample.requested(&id, "overdue:5wd");
        sample.rejected("unknown-unit");
    }
    let duty = sample.projection.duty(&id).unwrap();
    assert_eq!(duty.history.len(), FIRST_LINES + LAST_LINES);
    assert_eq!(duty.history.left_out(), 801);
    assert_eq!(duty.notices.len(), NOTICES_PER_DUTY);
    assert_eq!(sample.projection.rejections().count(), REJECTIONS_KEPT);
    assert_eq!(sample.projection.totals().rejections, 1_000);
}

#[test]
fn a_frame_seen_before_changes_nothing() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    let frame = Arc::clone(&sample.last);
    let seq = sample.projection.seq();
    sample.projection.apply(seq, &frame);
    assert_eq!(sample.projection.seq(), seq);
    assert_eq!(sample.projection.duty(&id).unwrap().history.len(), 1);
}

#[test]
fn only_the_rules_directory_names_the_units() {
    let mut sample = Sample::empty();
    sample.directory(Service::Notifier);
    assert!(sample.projection.units().find("city-spj").is_none());
    sample.directory(Service::Rules);
    assert_eq!(
        sample.projection.units().short("tongliao", "city-spj"),
        "市行政审批和政务服务局"
    );
}

#[test]
fn evidence_is_named_and_linked_by_what_was_published() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.published("city-spj", "p1", "https://example.cn/p1");
    sample.noted("city-spj/p1", "办事指南");
    sample.ticked(&id, "city-spj/p1");
    let row = sample
        .projection
        .publications()
        .get("tongliao", "city-spj/p1")
        .unwrap();
    assert_eq!(row.url.as_deref(), Some("https://example.cn/p1"));
    let duty = sample.projection.duty(&id).unwrap();
    assert_eq!(duty.ticked(0), 1);
    let lines = sample.lines(&id);
    let line = lines.last().unwrap();
    assert_eq!(line.matter, Matter::Evidence);
    assert!(line.text.contains("《办事指南》"), "{}", line.text);
}

#[test]
fn the_clock_is_the_latest_instant_and_knows_that_it_is_virtual() {
    let mut sample = Sample::new();
    assert!(!sample.projection.virtual_time());
    let later = sample.now.plus_millis(86_400_000);
    sample.clock(later);
    assert!(sample.projection.virtual_time());
    assert_eq!(sample.projection.now(), Some(later));
}

#[test]
fn a_history_is_worded_with_what_was_in_force_then() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.published("city-spj", "p1", "https://example.cn/p1");
    sample.noted("city-spj/p1", "办事指南");
    sample.ticked(&id, "city-spj/p1");
    let first: Vec<_> = sample.lines(&id).into_iter().map(|l| l.text).collect();
    assert!(
        first[1].contains("计入「办事指南」:《办事指南》"),
        "{first:?}"
    );
    // The publication gets another title, the unit another name, the requirement is another one.
    sample.noted("city-spj/p1", "办事指南(修订)");
    sample.ticked(&id, "city-spj/p1");
    let mut other = task(10, "公开政务服务信息");
    if let Fulfilment::Publications(list) = &mut other.owners[0].fulfilled_by {
        list[0].name = "办事流程".to_owned();
    }
    sample.adopt_tasks("台账", vec![other]);
    sample.directory_naming(Service::Rules, "市政务服务局");
    sample.ticked(&id, "city-spj/p1");
    sample.forgotten("city-spj/p1");
    sample.ticked(&id, "city-spj/p1");
    sample.requested(&id, "due");
    let texts: Vec<_> = sample.lines(&id).into_iter().map(|l| l.text).collect();
    assert_eq!(texts[..2], first);
    assert!(
        texts[2].contains("计入「办事指南」:《办事指南(修订)》"),
        "{texts:?}"
    );
    assert!(
        texts[3].contains("计入「办事流程」:《办事指南(修订)》"),
        "{texts:?}"
    );
    assert!(
        texts[4].contains("计入「办事流程」:city-spj/p1"),
        "{texts:?}"
    );
    assert!(texts[5].contains("应告知市政务服务局"), "{texts:?}");
}

#[test]
fn every_record_that_is_told_has_its_sentence() {
    let mut sample = Sample::new();
    let id = sample.open("10", "city-spj", Some(day(30)));
    sample.due_soon(&id);
    sample.overdue(&id);
    sample.extended(&id, day(60));
    sample.submitted(&id, false);
    sample.returned(&id, "材料不全", day(70));
    sample.fulfilled(&id, true);
    sample.reopened(&id);
    sample.triggered(&id, day(40));
    sample.ticked(&id, "city-spj/p1");
    for attempt in 1..10 {
        let notice = sample.requested(&id, "due");
        sample.queued(&id, &notice, "due");
        sample.attempted(&notice, attempt);
        sample.failed(&notice, attempt);
        sample.delivered(&notice, attempt);
    }
    let suppressed = sample.requested(&id, "due");
    sample.suppressed(&id, &suppressed, "没有联系方式");
    sample.waived(&id);
    // `lines` asks for the sentence of each: 20 at the beginning, the rest at the end.
    let lines = sample.lines(&id);
    assert_eq!(lines.len(), 10 + 9 * 5 + 2 + 1);
    assert!(lines.is_sorted_by_key(|line| line.at));
    assert_eq!(lines.last().unwrap().matter, Matter::Duty);
    let english = sample.lines_in(&id, Tongue::English);
    assert_eq!(english.len(), lines.len());
    for (line, english) in lines.iter().zip(&english) {
        assert_eq!((line.record, line.matter), (english.record, english.matter));
        assert_ne!(line.text, english.text);
        let first = english.text.chars().next();
        assert!(first.is_some_and(|c| c.is_ascii_uppercase()), "{english:?}");
    }
    let said = |part: &str| english.iter().any(|line| line.text.contains(part));
    for part in [
        "Duty opened: ",
        "Turns yellow: due ",
        "Reminder, on the date: ",
        "Attempt 3 ",
        "Waived",
    ] {
        assert!(said(part), "{part} in {english:?}");
    }
}

/// Names of the records in the code of a file, from a place in it on.
fn bodies(code: &str) -> BTreeSet<&str> {
    let code = code.split("_ => return None").next().unwrap();
    let names = code.split("Body::").skip(1);
    names
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap())
        .collect()
}

#[test]
fn every_record_with_a_chinese_sentence_has_an_english_one_without_chinese() {
    let chinese = include_str!("sentence.rs");
    let english = include_str!("sentence_english.rs");
    let (told, sentences) = chinese.split_once("/// The sentence of a record").unwrap();
    assert_eq!(bodies(told), bodies(sentences), "told, and worded");
    assert_eq!(bodies(sentences), bodies(english), "Chinese, and English");
    assert!(bodies(english).len() > 30);
    // What a stopped clock leaves is Chinese on the record, and is put into English word by word.
    let (before, after) = english
        .split_once("/// What a stopped clock leaves")
        .unwrap();
    let (_, after) = after.split_once("\n}\n").unwrap();
    let is_chinese = |c: &char| ('\u{3000}'..='\u{9fff}').contains(c);
    let found: String = [before, after]
        .concat()
        .chars()
        .filter(is_chinese)
        .collect();
    assert_eq!(found, "");
}

/// The counts are kept as records are folded; counted anew they are the same.
#[test]
fn what_is_counted_on_the_way_is_what_is_there() {
    let mut sample = Sample::full();
    let ids: Vec<String> = sample
        .projection
        .duties()
        .iter()
        .map(|duty| duty.id.to_string())
        .collect();
    for (n, id) in ids.iter().enumerate().step_by(3) {
        match n % 5 {
            0 => sample.extension_asked(id, day(90)),
            1 => sample.extended(id, day(95)),
            2 => sample.submitted(id, n % 2 == 0),
            3 => sample.returned(id, "佐证不全", day(99)),
            _ => sample.reopened(id),
        }
        sample.escalated(id, Tier::Leader);
        if n % 4 == 0 {
            sample.fulfilled(id, true);
        }
    }
    let projection = &sample.projection;
    let ledger = &projection.ledgers()[0];
    let agenda = ledger.agenda_of_all_units();
    let mut by_unit: BTreeMap<_, Counts> = BTreeMap::new();
    let mut by_due: BTreeMap<_, Counts> = BTreeMap::new();
    for duty in projection.duties().iter() {
        let (light, late) = (duty.light(), duty.done_late());
        by_unit
            .entry(duty.unit.clone())
            .or_default()
            .add(light, late);
        if let Some(due) = duty.due {
            by_due.entry(due).or_default().add(light, late);
        }
    }
    assert_eq!(agenda.by_unit(), &by_unit);
    assert_eq!(agenda.by_due(), &by_due);
    let count =
        |fits: &dyn Fn(&Duty) -> bool| projection.duties().iter().filter(|d| fits(d)).count();
    for what in Awaited::ALL {
        assert_eq!(
            agenda.awaiting(what).len(),
            count(&|duty| what.is_of(duty)),
            "{what:?}"
        );
    }
    for stage in Stage::ALL {
        let there = count(&|duty| duty.stage == stage) as u64;
        assert_eq!(agenda.at_stage(stage), there, "{stage:?}");
    }
    let escalated: Vec<u32> = agenda
        .escalated()
        .flat_map(|(_, places)| places)
        .copied()
        .collect();
    let open = |place: &u32| !projection.duty_at(*place).unwrap().stage.is_final();
    assert!(escalated.len() > 100 && escalated.iter().all(open));
}
