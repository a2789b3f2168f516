//! What the log tells of each duty beside its state: what counts for it and where that stands, what
//! it was told last, how its dates moved, what was said.

use std::collections::{BTreeMap, VecDeque};

use duban_console::{kind_in_chinese, step_in_chinese};
use duban_model::decision::NoticeRequested;
use duban_model::gathered::Bundles;
use duban_model::{Body, Frame, Record, RecordId, Timestamp};

use crate::narrate::narrate;
use crate::view::View;

/// Facts of which link or note is kept until it is known whether they count; the oldest are forgotten
/// first.
const MAX_FACTS: usize = 200_000;
/// Lines kept of one duty of each sort: the newest.
const MAX_LINES: usize = 50;

/// The latest notice about a duty.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Its id.
    pub notice: String,
    /// When it was queued or suppressed.
    pub at: Timestamp,
    /// What sort, which step, to whom.
    pub what: String,
    /// How it ended.
    pub fate: String,
}

/// What is told of one duty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// Links of the latest submission, with its instant.
    pub submitted: Option<(Timestamp, Vec<String>)>,
    /// Extensions, returns, other dates.
    pub changes: VecDeque<(Timestamp, String)>,
    /// Progress, waivers and the like.
    pub remarks: VecDeque<(Timestamp, String)>,
    /// The latest notice.
    pub told: Option<Told>,
}

/// A publication that some duty notes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// 标题
    pub title: String,
    /// What it is.
    pub kind: String,
    /// Where it stands.
    pub link: Option<String>,
}

/// All of it, folded from the log beside a [`View`].
#[derive(Debug, Default)]
pub(crate) struct Account {
    duties: BTreeMap<String, Lines>,
    /// By office and `unit/publication`.
    publications: BTreeMap<(String, String), Noted>,
    /// Links of publications and notes of acts, by the fact.
    facts: BTreeMap<RecordId, String>,
    order: VecDeque<RecordId>,
    /// Of each duty's latest notice, whose it is.
    notices: BTreeMap<String, String>,
    bundles: Bundles,
}

fn push(lines: &mut VecDeque<(Timestamp, String)>, at: Timestamp, line: String) {
    if lines.len() >= MAX_LINES {
        lines.pop_front();
    }
    lines.push_back((at, line));
}

impl Account {
    /// What is told of a duty.
    pub(crate) fn of(&self, obligation: &str) -> Option<&Lines> {
        self.duties.get(obligation)
    }

    /// A publication of an office, as `unit/publication`.
    pub(crate) fn publication(&self, tenant: &str, publication: &str) -> Option<&Noted> {
        let key = (tenant.to_owned(), publication.to_owned());
        self.publications.get(&key)
    }

    /// Takes a frame into account that the view has noted, up to an instant if one is given.
    pub(crate) fn note(&mut self, frame: &Frame, until: Option<Timestamp>, view: &View) {
        let within = |record: &Record| until.is_none_or(|until| record.loggedat <= until);
        for record in frame.records.iter().filter(|r| within(r)) {
            self.note_record(record, view);
        }
    }

    fn keep(&mut self, id: RecordId, text: &str) {
        if self.order.len() >= MAX_FACTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.facts.remove(&oldest);
        }
        self.order.push_back(id);
        self.facts.insert(id, text.to_owned());
    }

    fn lines(&mut self, obligation: &str) -> &mut Lines {
        if !self.duties.contains_key(obligation) {
            self.duties.insert(obligation.to_owned(), Lines::default());
        }
        self.duties
            .get_mut(obligation)
            .expect("it was put there just now")
    }

    fn note_record(&mut self, record: &Record, view: &View) {
        let sent = self.bundles.concerned(&record.body);
        match &record.body {
            Body::PublicationPublished(p) | Body::PublicationUpdated(p) => {
                if let Some(url) = &p.url {
                    self.keep(record.id, url);
                }
            }
            Body::PublicationNoted(r) => {
                let link = record.cause.and_then(|cause| self.facts.get(&cause));
                let link = link.cloned();
                let key = (record.tenant.clone(), r.publication.clone());
                let noted = self.publications.entry(key).or_default();
                noted.title.clone_from(&r.title);
                noted.kind.clone_from(&r.kind);
                noted.link = link.or(noted.link.take());
            }
            Body::PublicationForgotten(r) => {
                let key = (record.tenant.clone(), r.publication.clone());
                self.publications.remove(&key);
            }
            Body::NoticeQueued(r) => {
                let whom = format!(
                    "{} {}",
                    view.name(&record.tenant, &r.request.to),
                    r.contact_title
                );
                self.told(record, &r.notice, &r.request, &whom, "待发送");
            }
            Body::NoticeSuppressed(r) => {
                let whom = view.name(&record.tenant, &r.request.to);
                let fate = format!("未发:{}", r.reason);
                self.told(record, &r.notice, &r.request, &whom, &fate);
            }
            Body::NoticeAttempted(_) => self.fate(&sent, "发送中"),
            Body::NoticeDelivered(_) => self.fate(&sent, "已送达"),
            Body::NoticeFailed(_) => self.fate(&sent, "发送失败,将再试"),
            Body::NoticeAbandoned(_) => self.fate(&sent, "未能送达"),
            Body::NoticeDropped(r) => {
                let fate = format!("未发:{}", r.reason);
                self.fate(std::slice::from_ref(&r.notice), &fate);
            }
            body => {
                if let Some(act) = body.act() {
                    if let Some(note) = &act.note {
                        self.keep(record.id, note);
                    }
                } else if body.obligation().is_some() {
                    self.note_duty(record, view);
                }
            }
        }
    }

    fn note_duty(&mut self, record: &Record, view: &View) {
        let Some(id) = record.body.obligation() else {
            return;
        };
        let at = record.loggedat;
        let said = || {
            let zone = view.zone(record.ledger.as_deref().unwrap_or_default());
            narrate(record, zone, &|unit| view.name(&record.tenant, unit))
        };
        match &record.body {
            Body::ObligationTransferred(r) => {
                // Its history goes with it.
                let mut lines = self.duties.remove(&r.from).unwrap_or_default();
                if let Some(told) = &lines.told {
                    self.notices.insert(told.notice.clone(), r.to.clone());
                }
                push(&mut lines.remarks, at, r.reason.clone());
                self.duties.insert(r.to.clone(), lines);
            }
            Body::ObligationSubmitted(r) => {
                self.lines(id).submitted = Some((r.at.at, r.evidence.clone()));
            }
            Body::ObligationReturned(_) => {
                let lines = self.lines(id);
                lines.submitted = None;
                push(&mut lines.changes, at, said());
            }
            Body::ObligationExtensionRequested(_)
            | Body::ObligationExtended(_)
            | Body::ObligationExtensionRefused(_)
            | Body::ObligationTriggered(_)
            | Body::ObligationStopped(_)
            | Body::ObligationResumed(_)
            | Body::ObligationRestarted(_)
            | Body::ObligationRedated(_) => push(&mut self.lines(id).changes, at, said()),
            Body::ObligationProgressed(_) => {
                let note = record.cause.and_then(|cause| self.facts.get(&cause));
                let note = note.map(|note| format!(",{note}")).unwrap_or_default();
                push(&mut self.lines(id).remarks, at, said() + &note);
            }
            Body::ObligationReopened(_)
            | Body::ObligationDelegated(_)
            | Body::ObligationDisowned(_)
            | Body::ObligationWaived(_)
            | Body::ObligationWithdrawn(_) => push(&mut self.lines(id).remarks, at, said()),
            _ => {}
        }
    }

    fn told(
        &mut self,
        record: &Record,
        notice: &str,
        request: &NoticeRequested,
        whom: &str,
        fate: &str,
    ) {
        let what = format!(
            "{}({}),发给{}",
            kind_in_chinese(request.kind),
            step_in_chinese(&request.step),
            whom.trim()
        );
        let told = Told {
            notice: notice.to_owned(),
            at: record.loggedat,
            what,
            fate: fate.to_owned(),
        };
        let before = self.lines(&request.obligation).told.replace(told);
        if let Some(before) = before {
            self.notices.remove(&before.notice);
        }
        self.notices
            .insert(notice.to_owned(), request.obligation.clone());
    }

    fn fate(&mut self, notices: &[String], fate: &str) {
        for notice in notices {
            if let Some(obligation) = self.notices.get(notice)
                && let Some(told) = self
                    .duties
                    .get_mut(obligation)
                    .and_then(|lines| lines.told.as_mut())
            {
                fate.clone_into(&mut told.fate);
            }
        }
    }
}
