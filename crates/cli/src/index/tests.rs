//! The index explains as a view of the whole log does, and takes little memory.

use duban_journal::MemoryLog;
use duban_model::Zone;
use duban_model::definition::Role;

use super::*;
use crate::folder;
use crate::play::{play, pump, read_events, span, timeline};

/// The sample year on a log in memory, with a view and an index of it.
async fn sample_year() -> (View, LiveIndex) {
    let folder = folder::read_shipped();
    let events = read_events(folder::shipped::EVENTS).0;
    let definition = folder.definition.as_ref().unwrap();
    let to = definition.ends;
    let (from, until) = span(Zone::SHANGHAI, definition.issued, to).unwrap();
    let list = timeline(Some(&folder), &events, from).unwrap();
    let mut house = pump();
    let mut frames = Vec::new();
    play(&mut house, &definition.tenant, &list, until, |frame| {
        frames.push(frame);
    });
    let log = Log::Memory(MemoryLog::new());
    let index = LiveIndex::new(log.clone());
    let mut view = View::new();
    let mut last: BTreeMap<Service, u64> = BTreeMap::new();
    for frame in &frames {
        let before = last.get(&frame.head.service).copied().unwrap_or(0);
        let seq = log.append(Arc::clone(frame), before).await.unwrap();
        last.insert(frame.head.service, seq);
        view.note(frame, None);
        index.note(seq, frame);
    }
    (view, index)
}

#[tokio::test]
async fn every_obligation_of_the_sample_year_is_explained_as_by_the_whole_log() {
    let (view, index) = sample_year().await;
    let (mut compared, mut with_misses) = (0, 0);
    for (id, _) in view.state().obligations() {
        let whole = view.explain(id).unwrap();
        let read = index.explained(id).await.unwrap().unwrap();
        assert_eq!(read, whole, "{id}");
        compared += 1;
        let (_, misses) = whole.last().unwrap();
        with_misses += usize::from(misses.iter().any(|line| line.contains("未计入")));
    }
    assert!(
        compared > 900 && with_misses > 50,
        "{compared}, {with_misses}"
    );
    assert_eq!(
        index.explained("tongliao-2021/1/nobody/lead").await,
        Ok(None)
    );
}

#[tokio::test]
async fn what_is_not_looked_at_is_said() {
    let (view, index) = sample_year().await;
    let (id, obligation) = view.state().obligations().next().unwrap();
    let unit = hash(&obligation.unit);
    {
        let mut index = index.index.write().unwrap();
        let trail = index.publications.now.by_unit.entry(unit).or_default();
        for seq in 0..=FRAMES_OF_A_UNIT as u64 {
            push_newest(trail, 1_000_000 + seq, FRAMES_OF_A_UNIT);
        }
    }
    let parts = index.explained(id).await.unwrap().unwrap();
    let (_, misses) = parts.last().unwrap();
    assert_eq!(misses.last().unwrap(), OLDER_LEFT_OUT);
}

/// The frame that opens a hundred duties and arms their timers.
fn opening(first: u64) -> Frame {
    use duban_model::decision::{ObligationOpened, TimerArmed, When};
    use duban_model::{FrameHead, Position, Timestamp};
    let at = Timestamp(1_700_000_000_000);
    let record = |n: u64, body: Body| {
        let id = RecordId::derive(&[&n.to_le_bytes()]);
        Arc::new(Record {
            id,
            source: Service::Rules.source().into(),
            tenant: "shi".to_owned(),
            ledger: Some("l000".to_owned()),
            subject: None,
            time: None,
            loggedat: at,
            cause: Some(id),
            correlation: id,
            definition: Some("0123456789abcdef".to_owned()),
            origin: None,
            body,
        })
    };
    let records = (first..first + 100).flat_map(|n| {
        let obligation = format!("l000/{}/u{:04}/responsible", n / 1_000, n % 1_000);
        let opened = Body::ObligationOpened(ObligationOpened {
            obligation: obligation.clone(),
            at,
            task: (n / 1_000).to_string(),
            unit: format!("u{:04}", n % 1_000),
            role: Role::Responsible,
            owner: 0,
            period: None,
            due: at.utc().date_naive().succ_opt(),
            due_at: None,
            occasion: None,
        });
        let armed = Body::TimerArmed(TimerArmed {
            owner: Service::Rules,
            timer: obligation,
            when: When::At(at),
            step: "before:7wd".to_owned(),
        });
        [record(2 * n, opened), record(2 * n + 1, armed)]
    });
    Frame::new(
        FrameHead {
            service: Service::Rules,
            incarnation: 1,
            number: 1,
            through: Position::START,
            release: "test".to_owned(),
            previous: None,
        },
        records.collect(),
    )
}

#[test]
fn a_pending_duty_takes_a_key_and_a_few_bytes() {
    let mut index = Index::default();
    for number in 0..100 {
        index.note(1_000_000 + number, &opening(100 * number));
    }
    // One frame holds all there is about it, and its number stands in the entry itself. A tree
    // keeps its leaves more than half full.
    assert_eq!(index.obligations.len(), 10_000);
    assert!(index.obligations.values().all(|trail| trail.len() == 1));
    assert!(2 * size_of::<(u64, Trail)>() <= 80);
    assert!(index.acts.now.facts.is_empty() && index.publications.now.facts.is_empty());
}
