//! How much memory the projection takes for one duty of which nothing is known but its opening.
//! A process of its own, so that nothing else grows meanwhile.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use duban_console::{Duty, Notice, Projection};
use duban_model::decision::{ObligationOpened, TimerArmed, When};
use duban_model::definition::Role;
use duban_model::{Body, Frame, FrameHead, Position, Record, RecordId, Service, Timestamp};

/// Duties made before anything is measured, then those measured.
const FIRST: u32 = 10_000;
const DUTIES: u32 = 100_000;
/// Duties opened in one frame.
const IN_A_FRAME: u32 = 100;
/// What the whole projection may take for one, in bytes.
const MOST: u64 = 250;

fn record(body: Body, number: u64, ledger: &str) -> Arc<Record> {
    let id = RecordId::derive(&[&number.to_le_bytes()]);
    Arc::new(Record {
        id,
        source: Cow::Borrowed(Service::Rules.source()),
        tenant: "shi".to_owned(),
        ledger: Some(ledger.to_owned()),
        subject: None,
        time: None,
        loggedat: Timestamp(1_700_000_000_000),
        cause: Some(id),
        correlation: id,
        definition: Some("0123456789abcdef".to_owned()),
        origin: None,
        body,
    })
}

/// Opens one duty and arms its timer.
fn opened(n: u32) -> [Arc<Record>; 2] {
    let (ledger, rest) = (n / 5_000, n % 5_000);
    let (task, unit) = (rest / 50, rest % 50 * 20);
    let ledger = format!("l{ledger:03}");
    let obligation = format!("{ledger}/{task}/u{unit:03}/responsible");
    let at = Timestamp(1_700_000_000_000);
    let due = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + Days::new(u64::from(task));
    [
        record(
            Body::ObligationOpened(ObligationOpened {
                obligation: obligation.clone(),
                at,
                task: task.to_string(),
                unit: format!("u{unit:03}"),
                role: Role::Responsible,
                owner: 0,
                period: None,
                due: Some(due),
                due_at: None,
                occasion: None,
            }),
            u64::from(n) * 2,
            &ledger,
        ),
        record(
            Body::TimerArmed(TimerArmed {
                owner: Service::Rules,
                timer: obligation,
                when: When::At(at.plus_millis(86_400_000)),
                step: "before:7wd".to_owned(),
            }),
            u64::from(n) * 2 + 1,
            &ledger,
        ),
    ]
}

fn fold(projection: &mut Projection, duties: std::ops::Range<u32>) {
    for first in duties.step_by(IN_A_FRAME as usize) {
        let frame = Frame::new(
            FrameHead {
                service: Service::Rules,
                incarnation: 1,
                number: 1,
                through: Position::START,
                release: "test".to_owned(),
                previous: None,
            },
            (first..first + IN_A_FRAME).flat_map(opened).collect(),
        );
        let seq = projection.seq() + 1;
        projection.apply(seq, &frame);
    }
}

/// Resident memory of this process without files, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1_024
}

#[test]
fn a_duty_that_was_only_opened_takes_little() {
    let mut projection = Projection::new();
    fold(&mut projection, 0..FIRST);
    let before = resident();
    fold(&mut projection, FIRST..FIRST + DUTIES);
    let each = (resident() - before) / u64::from(DUTIES);
    assert_eq!(projection.duties().len(), (FIRST + DUTIES) as usize);
    assert!(
        each <= MOST,
        "{each} bytes a duty, of which Duty itself {}; Notice takes {}",
        size_of::<Duty>(),
        size_of::<Notice>()
    );
}
