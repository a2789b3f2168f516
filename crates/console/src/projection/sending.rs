//! What the projection takes in of notices: asked for, queued, sent, given up, tried again.

use std::slice::from_ref;
use std::sync::Arc;

use duban_model::decision::{NoticeKind, NoticeRequested};
use duban_model::{Body, NoticeId, Record, RecordId};

use super::history::Place;
use super::notice::{Fate, Notice};
use super::shared::Shared;
use super::{Projection, notice_id};

/// The rule by which a notice is not sent because nobody is there to be told.
const NOBODY: &str = "no-contact";

impl Projection {
    /// Takes in a record about notices; `sent` are those that a message stands for.
    pub(super) fn take_notice(&mut self, record: &Record, at: Place, sent: &[NoticeId]) {
        match &record.body {
            Body::NoticeRequested(r) => {
                self.ask(record.id, record, r);
                self.about(&r.obligation, record, at);
            }
            Body::NoticeQueued(r) => {
                let id = notice_id(&r.notice);
                self.ask(id, record, &r.request);
                if r.instead_of.is_some() {
                    // Somebody else is being told; whether that one is reached is open again.
                    self.totals.unreached = self.totals.unreached.saturating_sub(1);
                }
                if let Some(before) = &r.instead_of {
                    self.notices.follow(notice_id(before), id);
                }
                if let Some(notice) = self.notices.get_mut(id) {
                    notice.stand(Fate::Queued, record.loggedat);
                    let contact = self.shared.text(&r.contact);
                    let title = self.shared.text(&r.contact_title);
                    notice.contact = Some((contact, title, r.channel));
                }
                self.notices.settle(id);
                self.about(&r.request.obligation, record, at);
            }
            Body::NoticeSuppressed(r) => {
                let id = notice_id(&r.notice);
                self.ask(id, record, &r.request);
                self.totals.unreached += 1;
                if let Some(notice) = self.notices.get_mut(id) {
                    notice.stand(Fate::Suppressed, record.loggedat);
                    notice.detail = self.shared.text(&r.reason);
                    notice.nobody = r.code == NOBODY;
                }
                if r.code == NOBODY {
                    self.notices.miss(id);
                }
                self.about(&r.request.obligation, record, at);
            }
            Body::NoticeBundled(r) => {
                let notices = &self.notices;
                let duty = |id: &String| notices.get(notice_id(id)).and_then(|n| n.duty);
                let places = r.covers.iter().filter_map(duty);
                self.bundled.remember(notice_id(&r.notice), places);
                self.send(&r.covers, record, at, |_, _| {});
            }
            Body::NoticeHeld(r) => self.send(from_ref(&r.notice), record, at, |_, _| {}),
            Body::NoticeReleased(r) => self.send(from_ref(&r.notice), record, at, |_, _| {}),
            Body::NoticeDropped(r) => {
                self.send(from_ref(&r.notice), record, at, |notice, shared| {
                    notice.stand(Fate::Dropped, record.loggedat);
                    notice.detail = shared.text(&r.reason);
                });
            }
            Body::NoticeAttempted(r) => self.send(sent, record, at, |notice, _| {
                notice.stand(Fate::Attempted, record.loggedat);
                notice.attempts = r.attempt;
                notice.possible_duplicate |= r.possible_duplicate;
            }),
            Body::NoticeDelivered(r) => {
                self.totals.delivered += sent.len() as u64;
                self.send(sent, record, at, |notice, shared| {
                    notice.stand(Fate::Delivered, record.loggedat);
                    notice.detail = shared.text(&r.detail);
                });
            }
            Body::NoticeFailed(r) => self.send(sent, record, at, |notice, shared| {
                notice.stand(Fate::Failed, record.loggedat);
                notice.detail = shared.text(&r.detail);
            }),
            Body::NoticeAbandoned(r) => {
                self.totals.unreached += sent.len() as u64;
                self.send(sent, record, at, |notice, shared| {
                    notice.stand(Fate::Abandoned, record.loggedat);
                    notice.detail = shared.text(&r.reason);
                });
                for notice in sent {
                    self.notices.miss(notice_id(notice));
                }
            }
            Body::NoticeRetryRequested(r) => {
                self.notices.ask_again(record.id, notice_id(&r.notice));
            }
            _ => {}
        }
    }

    /// Takes up a notice, unless it is there already.
    fn ask(&mut self, id: RecordId, record: &Record, request: &NoticeRequested) {
        if self.notices.get(id).is_some() {
            return;
        }
        let place = self.duties.place(&request.obligation);
        let duty = place.and_then(|place| self.duties.at_mut(place));
        let of = (place, duty.as_ref().map(|duty| duty.ledger));
        let notice = Notice::requested(id, record.loggedat, request, of, &mut self.shared);
        let (escalates, tier) = (notice.kind == NoticeKind::Escalation, notice.tier);
        let told = Arc::clone(&notice.to);
        let at = self.notices.push(notice);
        self.notices.put_into(&told, at);
        if let (Some(duty), Some(place)) = (duty, place) {
            duty.note_notice(at);
            let open = !duty.stage.is_final();
            let agenda = &mut self.ledgers[duty.ledger as usize].agenda;
            agenda.note_notice(at);
            if escalates && open {
                agenda.escalate(place, tier);
            }
        }
    }

    /// Something became of a send of these notices.
    fn send(
        &mut self,
        notices: &[String],
        record: &Record,
        at: Place,
        change: impl Fn(&mut Notice, &mut Shared),
    ) {
        for notice in notices {
            let Some(notice) = self.notices.get_mut(notice_id(notice)) else {
                continue;
            };
            change(notice, &mut self.shared);
            let duty = notice.duty.and_then(|place| self.duties.at(place));
            if let Some(obligation) = duty.map(|duty| duty.id.clone()) {
                self.about(&obligation, record, at);
            }
        }
    }
}
