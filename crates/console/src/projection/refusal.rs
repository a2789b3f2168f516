//! Refused events that did not come again and pass: what somebody may still have to look after.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::body::Class;
use duban_model::decision::RejectionRecorded;
use duban_model::{Body, Record, Service, Tenant, Timestamp};

/// Refused events that the pages remember until they come again, in events; the oldest go first.
pub const REFUSED_KEPT: usize = 1_000;
/// A refused event that was never sent again matters for so long, in milliseconds: 30 days. Nobody
/// can say otherwise that it does not matter any more.
pub const REFUSED_MILLIS: i64 = 30 * 24 * 3600 * 1000;

/// By source and id of the event, or by a number where those could not be read.
type Key = (String, String);

/// One refused event.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When it was refused first.
    pub since: Timestamp,
    /// Whose input it was.
    pub tenant: Tenant,
    /// Why it was refused last.
    pub why: RejectionRecorded,
    /// How often it came.
    pub count: u64,
}

/// The refused events that did not come again and pass.
#[derive(Debug)]
pub struct Refusals {
    most: usize,
    open: BTreeMap<Key, Refused>,
    order: BTreeSet<(Timestamp, Key)>,
    unnamed: u64,
}

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals::keeping(REFUSED_KEPT)
    }
}

impl Refusals {
    /// None yet; of more than this, in events, the oldest are forgotten.
    pub fn keeping(most: usize) -> Refusals {
        Refusals {
            most,
            open: BTreeMap::new(),
            order: BTreeSet::new(),
            unnamed: 0,
        }
    }

    /// Takes a record of a service into account.
    pub fn note(&mut self, service: Service, record: &Record) {
        // The notifier refuses what a person asked for a moment ago, who was told so.
        if !matches!(service, Service::Intake | Service::Rules) {
            return;
        }
        match &record.body {
            Body::RejectionRecorded(why) => self.refuse(record, why),
            body if !self.open.is_empty() && body.record_type().class() == Class::Fact => {
                // The same event came again and was taken.
                if let Some(id) = &record.origin {
                    let key = (record.source.to_string(), id.clone());
                    if let Some(passed) = self.open.remove(&key) {
                        self.order.remove(&(passed.since, key));
                    }
                }
            }
            _ => {}
        }
    }

    fn refuse(&mut self, record: &Record, why: &RejectionRecorded) {
        let key = match (&why.event_source, &why.event_id) {
            (Some(source), Some(id)) => (source.clone(), id.clone()),
            _ => {
                self.unnamed += 1;
                (String::new(), self.unnamed.to_string())
            }
        };
        if let Some(refused) = self.open.get_mut(&key) {
            refused.why.clone_from(why);
            refused.count += 1;
            return;
        }
        if self.open.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.open.remove(&oldest);
        }
        self.order.insert((record.loggedat, key.clone()));
        let refused = Refused {
            since: record.loggedat,
            tenant: record.tenant.clone(),
            why: why.clone(),
            count: 1,
        };
        self.open.insert(key, refused);
    }

    /// Those that still matter at an instant, the oldest first.
    pub fn open(&self, now: Timestamp) -> impl Iterator<Item = &Refused> {
        let all = self.order.iter().filter_map(|(_, key)| self.open.get(key));
        all.filter(move |refused| now.0 - refused.since.0 <= REFUSED_MILLIS)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use duban_model::RecordId;
    use duban_model::fact::NoticeRetryRequested;

    use super::*;

    fn record(n: u8, body: Body) -> Record {
        Record {
            id: RecordId::derive(&[&[n]]),
            source: Cow::Borrowed("urn:site"),
            tenant: "t".to_owned(),
            ledger: None,
            subject: None,
            time: None,
            loggedat: Timestamp(i64::from(n)),
            cause: None,
            correlation: RecordId::default(),
            definition: None,
            origin: Some("e1".to_owned()),
            body,
        }
    }

    fn refused(n: u8, id: Option<&str>) -> Record {
        let why = RejectionRecorded {
            code: "unknown-unit".to_owned(),
            found: "x".to_owned(),
            expected: "y".to_owned(),
            remedy: "z".to_owned(),
            event_type: None,
            event_source: id.map(|_| "urn:site".to_owned()),
            event_id: id.map(ToOwned::to_owned),
            excerpt: None,
            seen: None,
        };
        record(n, Body::RejectionRecorded(why))
    }

    #[test]
    fn a_refused_event_is_open_until_it_comes_again_and_passes_or_is_old() {
        let mut refusals = Refusals::keeping(3);
        refusals.note(Service::Intake, &refused(1, Some("e1")));
        refusals.note(Service::Rules, &refused(2, Some("e1")));
        refusals.note(Service::Notifier, &refused(3, Some("e2")));
        let now = Timestamp(10);
        let open: Vec<_> = refusals.open(now).collect();
        assert_eq!(
            (open.len(), open[0].count, open[0].since),
            (1, 2, Timestamp(1))
        );
        assert_eq!(refusals.open(Timestamp(2 + REFUSED_MILLIS)).count(), 0);
        let passed = Body::NoticeRetryRequested(NoticeRetryRequested {
            notice: "n".to_owned(),
            by: "王".to_owned(),
            reason: None,
        });
        refusals.note(Service::Intake, &record(4, passed));
        assert_eq!(refusals.open(now).count(), 0);
        // What bears no name of its own is each a refusal of its own, within the bound.
        for n in 5..10 {
            refusals.note(Service::Intake, &refused(n, None));
        }
        let open: Vec<_> = refusals.open(now).map(|refused| refused.since.0).collect();
        assert_eq!(open, [7, 8, 9]);
    }
}
