//! The watchdog: every duty that is owed has a next action in the future, or waits for a named thing.
//!
//! It is folded from the records alone and shares nothing with the deciders it watches: what a duty
//! is owed by, what its owner has armed, what the scheduler has noted and fired. Small enough to run
//! beside the services, it keeps no texts where the ids of duties are hashes.

use std::collections::BTreeMap;

use duban_model::decision::When;
use duban_model::{Body, Frame, Record, RecordId, Service, Timestamp};

/// What is under way for so long is not missing yet, in milliseconds: a timer that has just been
/// armed and not been noted, or has just fired and not been answered.
pub(crate) const GRACE_MILLIS: i64 = 5 * 60 * 1000;

/// How a duty's id is kept.
pub(crate) trait Key: Ord + Clone {
    /// Of this id.
    fn of(id: &str) -> Self;
}

impl Key for String {
    fn of(id: &str) -> Self {
        id.to_owned()
    }
}

impl Key for RecordId {
    fn of(id: &str) -> Self {
        RecordId::derive(&[id.as_bytes()])
    }
}

/// Where a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// It waits for its trigger.
    Waiting,
    /// Somebody owes it, or the office is to verify it.
    Owed,
    /// Nothing more is expected.
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Duty {
    stands: Stands,
    /// It has no date yet: reopened, it waits again.
    undated: bool,
    /// When something was last written about it.
    touched: Timestamp,
}

/// What the watchdog finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing<K> {
    /// A duty is owed and nothing will ever happen about it.
    NextAction {
        duty: K,
        /// Since when.
        since: Timestamp,
    },
    /// A duty waits for an instant of which the scheduler does not know.
    Noted {
        duty: K,
        /// The instant.
        at: Timestamp,
    },
    /// An instant has passed and nothing was fired.
    Firing {
        owner: Service,
        timer: K,
        /// The instant.
        due: Timestamp,
    },
}

impl<K> Missing<K> {
    /// Since when.
    pub(crate) fn since(&self) -> Timestamp {
        match self {
            Missing::NextAction { since, .. } => *since,
            Missing::Noted { at, .. } => *at,
            Missing::Firing { due, .. } => *due,
        }
    }
}

/// Duties and timers as the log tells them.
#[derive(Debug)]
pub(crate) struct Watchdog<K> {
    duties: BTreeMap<K, Duty>,
    /// What the rules have armed and the scheduler has not noted so: few at any time.
    armed: BTreeMap<K, Timestamp>,
    /// What the scheduler has noted and not fired.
    noted: BTreeMap<(Service, K), Timestamp>,
    /// The latest instant written.
    latest: Timestamp,
    /// Time is moved by records: no other clock says what is late.
    is_virtual: bool,
}

impl<K: Key> Default for Watchdog<K> {
    fn default() -> Self {
        Watchdog {
            duties: BTreeMap::new(),
            armed: BTreeMap::new(),
            noted: BTreeMap::new(),
            latest: Timestamp::default(),
            is_virtual: false,
        }
    }
}

impl<K: Key> Watchdog<K> {
    /// Takes the next frame of the log into account.
    pub(crate) fn note(&mut self, frame: &Frame) {
        for record in &frame.records {
            self.latest = self.latest.max(record.loggedat);
            self.note_record(record);
        }
    }

    /// The instant by which lateness is judged: the clock's, or on a virtual clock the log's.
    pub(crate) fn now(&self, clock: Timestamp) -> Timestamp {
        if self.is_virtual {
            self.latest
        } else {
            self.latest.max(clock)
        }
    }

    fn note_record(&mut self, record: &Record) {
        let at = record.loggedat;
        match &record.body {
            Body::ClockAdvanced(_) => self.is_virtual = true,
            Body::TimerArmed(r) if r.owner == Service::Rules => {
                let timer = K::of(&r.timer);
                self.touch(&timer, at);
                // Duties wait for instants; what goes by a schedule is none.
                if let When::At(due) = r.when {
                    self.armed.insert(timer, due);
                }
            }
            Body::TimerDisarmed(r) if r.owner == Service::Rules => {
                self.armed.remove(&K::of(&r.timer));
            }
            Body::TimerNoted(r) => {
                let timer = K::of(&r.timer);
                if r.owner == Service::Rules && self.armed.get(&timer) == Some(&r.due) {
                    self.armed.remove(&timer);
                }
                self.noted.insert((r.owner, timer), r.due);
            }
            Body::TimerDropped(r) => {
                self.noted.remove(&(r.owner, K::of(&r.timer)));
            }
            Body::TimerFired(r) => {
                let key = (r.owner, K::of(&r.timer));
                // Its owner has a moment to answer.
                self.touch(&key.1, at);
                match r.next {
                    Some(next) => self.noted.insert(key, next),
                    None => self.noted.remove(&key),
                };
            }
            Body::ObligationOpened(r) => {
                let stands = if r.due.is_some() {
                    Stands::Owed
                } else {
                    Stands::Waiting
                };
                let duty = Duty {
                    stands,
                    undated: r.due.is_none(),
                    touched: at,
                };
                self.duties.insert(K::of(&r.obligation), duty);
            }
            Body::ObligationReopened(r) => self.stand(&r.obligation, at, |duty| {
                if duty.undated {
                    Stands::Waiting
                } else {
                    Stands::Owed
                }
            }),
            Body::ObligationReturned(r) => self.stand(&r.obligation, at, |_| Stands::Owed),
            Body::ObligationSubmitted(r) => self.stand(&r.obligation, at, |_| Stands::Owed),
            Body::ObligationTriggered(r) => self.date(&r.obligation, at),
            Body::ObligationRedated(r) => self.date(&r.obligation, at),
            Body::ObligationFulfilled(r) => self.end(&r.obligation, at),
            Body::ObligationWaived(r) | Body::ObligationWithdrawn(r) => self.end(&r.obligation, at),
            Body::ObligationLapsed(r) => self.end(&r.obligation, at),
            // It goes on under another id, as it stood.
            Body::ObligationTransferred(r) => {
                if let Some(mut duty) = self.duties.remove(&K::of(&r.from)) {
                    duty.touched = at;
                    self.duties.insert(K::of(&r.to), duty);
                }
            }
            _ => {}
        }
    }

    fn touch(&mut self, duty: &K, at: Timestamp) {
        if let Some(duty) = self.duties.get_mut(duty) {
            duty.touched = at;
        }
    }

    fn stand(&mut self, duty: &str, at: Timestamp, stands: impl FnOnce(&Duty) -> Stands) {
        let duty = self.duties.entry(K::of(duty)).or_insert(Duty {
            stands: Stands::Ended,
            undated: false,
            touched: at,
        });
        duty.stands = stands(duty);
        duty.touched = at;
    }

    /// It has a date from now on.
    fn date(&mut self, duty: &str, at: Timestamp) {
        self.stand(duty, at, |duty| match duty.stands {
            Stands::Waiting => Stands::Owed,
            other => other,
        });
        if let Some(duty) = self.duties.get_mut(&K::of(duty)) {
            duty.undated = false;
        }
    }

    fn end(&mut self, duty: &str, at: Timestamp) {
        let key = K::of(duty);
        match self.duties.get(&key) {
            // What is remembered of it is where it goes when it is opened again.
            Some(ended) if ended.undated => self.stand(duty, at, |_| Stands::Ended),
            _ => {
                self.duties.remove(&key);
            }
        }
    }

    /// Everything that should be going on and is not, by this clock.
    pub(crate) fn check(&self, clock: Timestamp) -> Vec<Missing<K>> {
        let now = self.now(clock);
        let is_young = |at: Timestamp| (0..=GRACE_MILLIS).contains(&(now.0 - at.0));
        let mut all = Vec::new();
        for (key, duty) in &self.duties {
            if duty.stands != Stands::Owed || is_young(duty.touched) {
                continue;
            }
            if let Some(at) = self.armed.get(key) {
                all.push(Missing::Noted {
                    duty: key.clone(),
                    at: *at,
                });
            } else if !self.noted.contains_key(&(Service::Rules, key.clone())) {
                all.push(Missing::NextAction {
                    duty: key.clone(),
                    since: duty.touched,
                });
            }
        }
        for ((owner, timer), due) in &self.noted {
            if now.0 - due.0 > GRACE_MILLIS {
                all.push(Missing::Firing {
                    owner: *owner,
                    timer: timer.clone(),
                    due: *due,
                });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use duban_model::decision::{ObligationOpened, TimerArmed, TimerFired, TimerNoted};
    use duban_model::definition::Role;
    use duban_model::{FrameHead, Position};

    use super::*;

    const HOUR: i64 = 3600 * 1000;

    fn noted(bodies: Vec<(i64, Body)>) -> Watchdog<String> {
        let mut watchdog = Watchdog::default();
        for (at, body) in bodies {
            let record = Record {
                id: RecordId::default(),
                source: Cow::Borrowed("duban/rules"),
                tenant: "t".to_owned(),
                ledger: None,
                subject: None,
                time: None,
                loggedat: Timestamp(at),
                cause: None,
                correlation: RecordId::default(),
                definition: None,
                origin: None,
                body,
            };
            let head = FrameHead {
                service: Service::Rules,
                incarnation: 1,
                number: 1,
                through: Position::START,
                release: "test".to_owned(),
                previous: None,
            };
            watchdog.note(&Frame::new(head, vec![Arc::new(record)]));
        }
        watchdog
    }

    fn opened(due: Option<&str>) -> Body {
        Body::ObligationOpened(ObligationOpened {
            obligation: "o".to_owned(),
            at: Timestamp(0),
            task: "1".to_owned(),
            unit: "u".to_owned(),
            role: Role::Responsible,
            owner: 0,
            period: None,
            due: due.map(|due| due.parse().unwrap()),
            due_at: None,
            occasion: None,
        })
    }

    fn armed(at: i64) -> Body {
        Body::TimerArmed(TimerArmed {
            timer: "o".to_owned(),
            owner: Service::Rules,
            when: When::At(Timestamp(at)),
            step: "due".to_owned(),
        })
    }

    fn taken(due: i64) -> Body {
        Body::TimerNoted(TimerNoted {
            timer: "o".to_owned(),
            owner: Service::Rules,
            due: Timestamp(due),
            when: When::At(Timestamp(due)),
            step: "due".to_owned(),
            armed: RecordId::default(),
        })
    }

    #[test]
    fn a_duty_without_a_next_action_is_missed_and_one_that_waits_is_not() {
        let due = Some("2021-07-01");
        let duty = "o".to_owned();
        let check = |bodies, at| noted(bodies).check(Timestamp(at));
        assert_eq!(check(vec![(0, opened(None))], HOUR), []);
        // What has just happened may still be answered.
        assert_eq!(check(vec![(0, opened(due))], GRACE_MILLIS), []);
        assert_eq!(
            check(vec![(0, opened(due))], HOUR),
            [Missing::NextAction {
                duty: duty.clone(),
                since: Timestamp(0)
            }]
        );
        let goes_on = || vec![(0, opened(due)), (0, armed(9 * HOUR)), (0, taken(9 * HOUR))];
        assert_eq!(check(goes_on(), HOUR), []);
        // Its instant came, and nobody fired it.
        assert_eq!(
            check(goes_on(), 10 * HOUR),
            [Missing::Firing {
                owner: Service::Rules,
                timer: duty.clone(),
                due: Timestamp(9 * HOUR)
            }]
        );
        // The scheduler has another instant than the rules.
        assert_eq!(
            check(
                vec![
                    (0, opened(due)),
                    (0, armed(9 * HOUR)),
                    (0, taken(20 * HOUR))
                ],
                HOUR
            ),
            [Missing::Noted {
                duty: duty.clone(),
                at: Timestamp(9 * HOUR)
            }]
        );
        // It fired, and the rules never answered.
        let fired = Body::TimerFired(TimerFired {
            timer: "o".to_owned(),
            owner: Service::Rules,
            due: Timestamp(9 * HOUR),
            step: "due".to_owned(),
            next: None,
        });
        let mut lost = goes_on();
        lost.push((9 * HOUR, fired));
        assert_eq!(
            check(lost, 10 * HOUR),
            [Missing::NextAction {
                duty,
                since: Timestamp(9 * HOUR)
            }]
        );
    }
}
