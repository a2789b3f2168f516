//! What became of answers that were given by link, and of acts of who is signed in, for the page that
//! follows them.

use std::collections::{BTreeMap, VecDeque};

use duban_model::{Body, Record, RecordId, Service};

use crate::access::CONSOLE_SOURCE;
use crate::answer::ANSWER_SOURCE;

/// Answers whose fate is remembered, in answers; nobody looks for older ones.
pub const ANSWERS_KEPT: usize = 2_000;

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerFate {
    /// It was decided on.
    Taken,
    /// It was not taken: the rule that refused it.
    Refused(String),
}

/// The last answers.
#[derive(Debug, Default)]
pub struct Answers {
    fates: BTreeMap<RecordId, Option<AnswerFate>>,
    /// The answer that a fact on the log is.
    facts: BTreeMap<RecordId, RecordId>,
    order: VecDeque<(RecordId, Option<RecordId>)>,
}

/// Whether a fact was sent by a page.
fn is_ours(source: &str) -> bool {
    [ANSWER_SOURCE, CONSOLE_SOURCE].contains(&source)
}

/// How an answer is called in addresses, by its id as an event.
pub(crate) fn answer_key(id: &str) -> RecordId {
    RecordId::derive(&[b"answer", id.as_bytes()])
}

impl Answers {
    /// What became of an answer; nothing while that is not known.
    pub fn fate(&self, key: RecordId) -> Option<&AnswerFate> {
        self.fates.get(&key)?.as_ref()
    }

    /// Takes a record into account.
    pub(super) fn take(&mut self, service: Service, record: &Record) {
        match &record.body {
            Body::RejectionRecorded(why) if service == Service::Intake => {
                if why.event_source.as_deref().is_some_and(is_ours)
                    && let Some(id) = &why.event_id
                {
                    let key = answer_key(id);
                    self.remember(key, None);
                    self.settle(key, AnswerFate::Refused(why.code.clone()));
                }
            }
            body if body.act().is_some() && is_ours(&record.source) => {
                if let Some(id) = &record.origin {
                    self.remember(answer_key(id), Some(record.id));
                }
            }
            body if service == Service::Rules => {
                let Some(key) = record.cause.and_then(|cause| self.facts.get(&cause)) else {
                    return;
                };
                let fate = match body {
                    Body::RejectionRecorded(why) => AnswerFate::Refused(why.code.clone()),
                    _ => AnswerFate::Taken,
                };
                self.settle(*key, fate);
            }
            _ => {}
        }
    }

    fn remember(&mut self, key: RecordId, fact: Option<RecordId>) {
        if self.order.len() == ANSWERS_KEPT
            && let Some((oldest, fact)) = self.order.pop_front()
        {
            self.fates.remove(&oldest);
            if let Some(fact) = fact {
                self.facts.remove(&fact);
            }
        }
        self.order.push_back((key, fact));
        self.fates.entry(key).or_default();
        if let Some(fact) = fact {
            self.facts.insert(fact, key);
        }
    }

    /// The first word about an answer counts.
    fn settle(&mut self, key: RecordId, fate: AnswerFate) {
        if let Some(there) = self.fates.get_mut(&key) {
            there.get_or_insert(fate);
        }
    }
}
