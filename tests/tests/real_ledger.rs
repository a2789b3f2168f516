//! The real ledger of 2021, in memory: every notice of its year is expected by name, from the
//! calendar file and the wording of `workflows/tongliao-2021/ledger.yaml`, not from the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{Datelike, Days, NaiveDate, NaiveTime};
use duban_calendar::Calendar;
use duban_model::decision::{NoticeKind, NoticeRequested};
use duban_model::{Body, Envelope, Record, Service, Timestamp, Zone};
use duban_rules::ObligationState;
use duban_tests::scenario::{Folder, House, read};

const ZONE: Zone = Zone::SHANGHAI;

fn workflows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// 09:10 of a day, the time that ledger.yaml names.
fn office_hour(day: NaiveDate) -> Timestamp {
    ZONE.instant(day, NaiveTime::from_hms_opt(9, 10, 0).expect("a time"))
}

/// An event with the instant of its arrival.
fn event(id: &str, at: Timestamp, body: Body) -> (Timestamp, Envelope) {
    let event = Envelope {
        id: id.to_owned(),
        source: "urn:test:real".to_owned(),
        kind: body.record_type(),
        time: None,
        tenant: "tongliao".to_owned(),
        ledger: None,
        body,
    };
    (at, event)
}

/// The ledger in force from the first instant of 2021-06-28, played to the end of January.
fn played(events: &[Envelope]) -> House {
    let folder = Folder::read(
        &workflows().join("tongliao-2021"),
        &workflows().join("calendars/cn-workdays.csv"),
    )
    .expect("the real ledger");
    let start = ZONE.midnight(date("2021-06-28"));
    let mut list = vec![
        event("calendar", start, folder.calendar_event()),
        event("directory", start, folder.directory_event()),
        event("definition", start, folder.definition_event()),
    ];
    list.extend(events.iter().map(|e| (e.time.unwrap_or(start), e.clone())));
    list.sort_by_key(|(at, _)| *at);
    let mut house = House::new("tongliao", false);
    for (at, event) in &list {
        house.arrive(*at, event).expect("an event is decided");
    }
    house
        .pass(ZONE.midnight(date("2022-02-01")).plus_millis(-1))
        .expect("time passes");
    house.finish().expect("the states are rebuilt");
    house
}

fn sample() -> Vec<Envelope> {
    read(&workflows().join("tongliao-2021/sample-events.ndjson"))
        .expect("the sample events")
        .lines()
        .map(|line| Envelope::parse(line.as_bytes()).expect(line))
        .collect()
}

fn of<'a, T: 'a>(
    house: &'a House,
    pick: impl Fn(&'a Body) -> Option<&'a T> + 'a,
) -> impl Iterator<Item = (&'a Record, &'a T)> {
    house
        .records()
        .iter()
        .filter_map(move |(_, record)| Some((&**record, pick(&record.body)?)))
}

fn requests(house: &House) -> impl Iterator<Item = (&Record, &NoticeRequested)> {
    of(house, |body| match body {
        Body::NoticeRequested(r) => Some(r),
        _ => None,
    })
}

fn rejections(house: &House) -> Vec<String> {
    of(house, |body| match body {
        Body::RejectionRecorded(r) => Some(r),
        _ => None,
    })
    .map(|(record, r)| {
        let id = r.event_id.as_deref().unwrap_or_default();
        format!("{} {id}: [{}] {}", record.loggedat, r.code, r.found)
    })
    .collect()
}

/// `n` working days before or after a date, day by day.
fn walk(calendar: &Calendar, from: NaiveDate, n: u32, forward: bool) -> NaiveDate {
    let (mut day, mut left) = (from, n);
    while left > 0 {
        day = if forward {
            day + Days::new(1)
        } else {
            day - Days::new(1)
        };
        if calendar.is_working_day(day).expect("a year with data") {
            left -= 1;
        }
    }
    day
}

/// Before, after, and by which the last step repeats: as ledger.yaml words each ladder.
struct Wording {
    before: &'static [u32],
    after: &'static [(u32, &'static str)],
}

fn wording(ladder: &str) -> Wording {
    let (before, after): (&[u32], &[(u32, &str)]) = match ladder {
        "fixed" => (
            &[30, 15, 7, 3, 1],
            &[
                (1, "contact"),
                (3, "leader"),
                (5, "office"),
                (10, "leading_group"),
            ],
        ),
        "support" => (
            &[30, 15, 7, 3, 1],
            &[
                (1, "contact"),
                (2, "lead"),
                (3, "leader"),
                (5, "office"),
                (10, "leading_group"),
            ],
        ),
        "period" => (
            &[7, 1],
            &[
                (1, "contact"),
                (5, "leader"),
                (10, "office"),
                (15, "leading_group"),
            ],
        ),
        "period_support" => (
            &[7, 1],
            &[
                (1, "contact"),
                (3, "lead"),
                (5, "leader"),
                (10, "office"),
                (15, "leading_group"),
            ],
        ),
        "encouraged" => (&[30, 7, 1], &[]),
        "hint" => (&[1], &[]),
        "silence" => (&[2], &[(1, "contact"), (5, "leader"), (10, "office")]),
        other => panic!("ledger.yaml has a ladder {other} that this test does not know"),
    };
    Wording { before, after }
}

/// (instant, step, tier) of every notice, and the steps that one notice at the start stands for.
type Notices = BTreeSet<(Timestamp, String, String)>;

fn expected(
    calendar: &Calendar,
    ladder: &str,
    due: NaiveDate,
    opened: Timestamp,
    until: Timestamp,
) -> (Notices, Vec<String>) {
    let wording = wording(ladder);
    let mut all = Vec::new();
    for n in wording.before {
        let day = walk(calendar, due, *n, false);
        all.push((
            office_hour(day),
            format!("before:{n}wd"),
            "contact".to_owned(),
        ));
    }
    all.push((office_hour(due), "due".to_owned(), "contact".to_owned()));
    for (n, tier) in wording.after {
        let day = walk(calendar, due, *n, true);
        all.push((
            office_hour(day),
            format!("overdue:{n}wd"),
            (*tier).to_owned(),
        ));
    }
    if let Some((last, _)) = wording.after.last() {
        for n in (1..).map(|round| last + 20 * round) {
            let at = office_hour(walk(calendar, due, n, true));
            if at > until {
                break;
            }
            all.push((at, format!("overdue:{n}wd"), "office".to_owned()));
        }
    }
    // What lies before the start is told in one notice to the contact: here all of it is reminders.
    let missed: Vec<String> = all
        .iter()
        .filter(|(at, ..)| *at < opened)
        .map(|(_, step, _)| step.clone())
        .collect();
    let mut notices: Notices = all
        .into_iter()
        .filter(|(at, ..)| *at >= opened && *at <= until)
        .collect();
    if !missed.is_empty() {
        let today = office_hour(opened.date_in(ZONE));
        notices.insert((today, "catchup".to_owned(), "contact".to_owned()));
    }
    (notices, missed)
}

#[test]
fn without_any_event_every_notice_of_the_year_is_the_one_that_the_ledger_words() {
    let house = played(&[]);
    assert_eq!(rejections(&house), Vec::<String>::new());
    let calendar = Calendar::from_csv(
        "cn",
        &read(&workflows().join("calendars/cn-workdays.csv")).expect("the calendar"),
    )
    .expect("the calendar");
    let until = house.clock();
    let definition = &house
        .rules()
        .ledger("tongliao-2021")
        .expect("it is in force")
        .definition;

    let mut found: BTreeMap<&str, (Notices, Vec<String>)> = BTreeMap::new();
    for (record, r) in requests(&house) {
        let (notices, covers) = found.entry(&r.obligation).or_default();
        let notice = (record.loggedat, r.step.clone(), r.tier.as_str().to_owned());
        assert!(
            notices.insert(notice),
            "{} is told {} twice",
            r.obligation,
            r.step
        );
        covers.extend(r.covers.clone());
    }
    let mut waiting = 0;
    for (id, o) in house.rules().obligations() {
        let (_, task) = definition.task(&o.task).expect("its task");
        let Some(due) = o.due else {
            assert_eq!(
                (o.task.as_str(), o.state),
                ("32", ObligationState::Waiting),
                "{id}"
            );
            assert!(
                !found.contains_key(id.as_str()),
                "{id} waits and is told nothing"
            );
            waiting += 1;
            continue;
        };
        let ladder = &task.owners[o.owner as usize].ladder;
        let wanted = expected(&calendar, ladder, due, o.opened, until);
        assert_eq!(
            found.get(id.as_str()),
            Some(&wanted),
            "{id}, ladder {ladder}, due {due}"
        );
        if matches!(o.task.as_str(), "10" | "34") {
            assert_eq!(due, date("2021-06-30"));
            assert_eq!(
                wanted.1,
                ["before:30wd", "before:15wd", "before:7wd", "before:3wd"]
            );
            assert!(wanted.0.contains(&(
                office_hour(date("2021-06-28")),
                "catchup".to_owned(),
                "contact".to_owned()
            )));
        }
    }
    assert!(waiting > 0, "task 32 waits");

    // 31 October 2021 is a Sunday, and stays the date.
    assert_eq!(date("2021-10-31").weekday(), chrono::Weekday::Sun);
    let sunday: BTreeSet<&str> = requests(&house)
        .filter(|(record, r)| record.loggedat == office_hour(date("2021-10-31")) && r.step == "due")
        .map(|(_, r)| r.task.as_str())
        .collect();
    assert!(sunday.contains("35") && sunday.contains("36"), "{sunday:?}");

    // 鼓励: never red, never escalated, lapsed on the day after.
    let red = of(&house, |body| match body {
        Body::ObligationOverdue(r) => Some(r),
        _ => None,
    });
    assert_eq!(
        red.filter(|(_, r)| r.obligation.contains("/29/")).count(),
        0
    );
    for (id, o) in house.rules().obligations().filter(|(_, o)| o.task == "29") {
        assert_eq!(
            (o.state, o.overdue),
            (ObligationState::Lapsed, false),
            "{id}"
        );
    }
    let escalated =
        requests(&house).filter(|(_, r)| r.task == "29" && r.kind == NoticeKind::Escalation);
    assert_eq!(escalated.count(), 0);
}

#[test]
fn each_task_has_the_duties_that_its_owners_make() {
    let house = played(&[]);
    let definition = &house
        .rules()
        .ledger("tongliao-2021")
        .expect("it is in force")
        .definition;
    assert_eq!(definition.rows().count(), 36);
    assert_eq!(
        definition.tasks.len(),
        64,
        "with the rules that belong to rows"
    );
    let mut owed = 0;
    for task in definition.rows() {
        let units: usize = task.owners.iter().map(|o| o.units.len()).sum();
        owed += units;
        let mut by_period: BTreeMap<Option<String>, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for (_, o) in house
            .rules()
            .obligations()
            .filter(|(_, o)| o.task == task.id)
        {
            by_period
                .entry(o.period.map(|p| p.to_string()))
                .or_default()
                .insert((&o.unit, o.role.as_str()));
        }
        let periods: Vec<Option<&str>> = by_period.keys().map(|p| p.as_deref()).collect();
        assert!(
            periods == [None] || periods == [Some("2021Q3"), Some("2021Q4")],
            "task {} has {periods:?}",
            task.id
        );
        for (period, duties) in &by_period {
            assert_eq!(duties.len(), units, "task {} {period:?}", task.id);
        }
    }
    // As workflows/tongliao-2021/README.md says.
    assert_eq!(owed, 984);
}

#[test]
fn the_sample_events_are_all_taken_and_some_are_late_and_some_never_come() {
    let events = sample();
    let house = played(&events);
    assert_eq!(rejections(&house), Vec::<String>::new());
    let taken = house
        .records()
        .iter()
        .filter(|(service, r)| {
            *service == Service::Intake && r.source.starts_with("urn:duban:made-up:")
        })
        .count();
    assert_eq!(taken, events.len());

    let done: Vec<bool> = house
        .rules()
        .obligations()
        .filter_map(|(_, o)| Some(o.done.as_ref()?.late))
        .collect();
    let late = done.iter().filter(|late| **late).count();
    assert!(
        late > 0 && late < done.len(),
        "{late} of {} are late",
        done.len()
    );
    let top: BTreeSet<&str> = requests(&house)
        .filter(|(_, r)| r.tier.as_str() == "leading_group")
        .map(|(_, r)| r.unit.as_str())
        .collect();
    assert!(!top.is_empty(), "nobody was escalated to the leading group");
    // README.md: these send nothing at all.
    let silent = ["ban-zalute", "ban-kezuohou", "city-wlj"];
    assert!(silent.iter().all(|unit| top.contains(unit)), "{top:?}");
    // Task 32 was started by an event, and only then was anybody told.
    let started = ZONE.midnight(date("2021-10-12"));
    for (record, r) in requests(&house).filter(|(_, r)| r.task == "32") {
        assert!(
            record.loggedat > started,
            "{} at {}",
            r.obligation,
            record.loggedat
        );
    }

    // The same again is the same.
    assert_eq!(house.checksum(), played(&events).checksum());
}
