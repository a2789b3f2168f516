//! `duban notices retry`: has a notice that was given up queued again, to whoever is to be told now.

use std::time::Duration;

use duban_model::fact::NoticeRetryRequested;
use duban_model::{Body, Envelope, NoticeId, Record, RecordType};

use crate::args_told::{NoticeState, Retry};
use crate::reading::Reading;
use crate::told::{Ledger, Told};
use crate::{Ended, Fault};

/// The source of these events.
const SOURCE: &str = "urn:duban:notices";
/// How often the log is looked at for what became of it.
const LOOKS: u32 = 100;
/// How long between two looks, in milliseconds.
const LOOK_MILLIS: u64 = 200;
/// Once it is queued, so many looks are spent on waiting for its outcome.
const OUTCOME_LOOKS: u32 = 25;

/// What became of the request.
#[derive(Default)]
struct Answer {
    queued: Option<NoticeId>,
    refused: Option<String>,
    /// The new notice in the ledger of notices, from then on.
    ledger: Ledger,
}

impl Answer {
    fn note(&mut self, record: &Record, event: &Envelope, retry: &NoticeRetryRequested) {
        match &record.body {
            Body::NoticeQueued(r) if r.instead_of.as_ref() == Some(&retry.notice) => {
                self.queued = Some(r.notice.clone());
            }
            Body::RejectionRecorded(r)
                if r.event_source.as_deref() == Some(SOURCE)
                    && r.event_id.as_ref() == Some(&event.id) =>
            {
                self.refused = Some(format!(
                    "[{}] {}; expected {}. {}",
                    r.code, r.found, r.expected, r.remedy
                ));
            }
            _ => {}
        }
    }

    fn told(&self) -> Option<&Told> {
        let told = self.ledger.rows().iter();
        told.rev()
            .find(|told| Some(&told.notice) == self.queued.as_ref())
    }
}

pub(crate) async fn run(args: Retry) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    if !reading.is_served() {
        return Err(format!(
            "no server runs on {}: nobody would send it; start it with `duban serve --data {}`, then try again",
            args.place.data.display(),
            args.place.data.display()
        )
        .into());
    }
    let mut ledger = Ledger::default();
    let (mut head, mut asked) = (0, 0u32);
    reading
        .frames(|stored| {
            head = stored.seq;
            ledger.note(&stored.frame, |told| told.notice == args.notice);
            asked += stored
                .frame
                .records
                .iter()
                .map(|record| match &record.body {
                    Body::NoticeRetryRequested(r) => u32::from(r.notice == args.notice),
                    _ => 0,
                })
                .sum::<u32>();
        })
        .await?;
    let Some(told) = ledger.rows().first() else {
        return Err(format!(
            "`{}` is no notice on this log; `duban incidents` names those that were given up",
            args.notice
        )
        .into());
    };
    if told.state != NoticeState::Abandoned {
        return Err(format!(
            "notice {} is {} ({}); only one that was given up can be tried again",
            args.notice,
            told.state.as_str(),
            told.state.chinese()
        )
        .into());
    }
    let retry = NoticeRetryRequested {
        notice: args.notice.clone(),
        by: args.by.clone(),
        reason: args.reason.clone(),
    };
    let event = Envelope {
        // Two who ask at once ask for the same.
        id: format!("retry/{}/{}", args.notice, asked + 1),
        source: SOURCE.to_owned(),
        kind: RecordType::NoticeRetryRequested,
        time: None,
        tenant: told.tenant.clone(),
        ledger: None,
        body: Body::NoticeRetryRequested(retry.clone()),
    };
    reading.submit(&event).await?;
    let mut answer = Answer::default();
    let mut looks = LOOKS;
    while looks > 0 {
        let knew = answer.queued.is_some();
        reading
            .frames_after(head, |stored| {
                head = stored.seq;
                for record in &stored.frame.records {
                    answer.note(record, &event, &retry);
                }
                answer.ledger.note(&stored.frame, |told| {
                    told.instead_of.as_ref() == Some(&retry.notice)
                });
            })
            .await?;
        if let Some(refused) = &answer.refused {
            eprintln!("refused: {refused}");
            return Ok(Ended::Findings);
        }
        let is_open =
            |told: &Told| matches!(told.state, NoticeState::Queued | NoticeState::Attempted);
        if answer.told().is_some_and(|told| !is_open(told)) {
            break;
        }
        looks -= 1;
        if !knew && answer.queued.is_some() {
            looks = looks.min(OUTCOME_LOOKS);
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
    }
    let Some(told) = answer.told() else {
        return Err(
            "stored, and not decided yet; `duban notices --state queued` will show it".into(),
        );
    };
    let channel = told.channel.map(duban_model::directory::Channel::chinese);
    crate::say!(
        "已重新排队:通知 {},发给 {} {}({}),{}{}",
        told.notice,
        told.contact,
        told.contact_title,
        channel.unwrap_or_default(),
        told.state.chinese(),
        if told.detail.is_empty() {
            String::new()
        } else {
            format!(":{}", told.detail)
        }
    );
    Ok(Ended::Well)
}
