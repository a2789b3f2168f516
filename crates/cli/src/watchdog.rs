//! The watchdog: every duty that is owed has a next action in the future, or waits for a named thing.
//!
//! It is folded from the records alone and shares nothing with the deciders it watches: what a duty
//! is owed by, what its owner has armed, what the scheduler has noted and fired. Small enough to run
//! beside the services, it keeps no texts where the ids of duties are hashes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use duban_model::decision::When;
use duban_model::{Body, Frame, Record, Service, Timestamp};

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

/// By their hashes: two of 100,000 ids have the same one in a few of ten thousand million installations.
impl Key for u64 {
    fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(id.as_bytes());
        hasher.finish()
    }
}

/// Where a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stands {
    /// It waits for its trigger.
    Waiting,
    /// Somebody owes it, or the office is to verify it.
    Owed,
    /// Nothing more is expected.
    Ended,
}

/// A duty in eight bytes, since there may be 100,000: an instant in milliseconds leaves room above.
#[derive(Clone, Copy, Debug)]
struct Duty(i64);

/// Bits below the instant: two for where it stands, one for whether it has a date.
const BITS: u32 = 3;
const UNDATED: i64 = 0b100;

impl Duty {
    fn new(stands: Stands, undated: bool, touched: Timestamp) -> Duty {
        let undated = if undated { UNDATED } else { 0 };
        Duty(touched.0 << BITS | undated | stands as i64)
    }

    fn stands(self) -> Stands {
        match self.0 & 0b11 {
            0 => Stands::Waiting,
            1 => Stands::Owed,
            _ => Stands::Ended,
        }
    }

    /// It has no date yet: reopened, it waits again.
    fn undated(self) -> bool {
        self.0 & UNDATED != 0
    }

    /// When something was last written about it.
    fn touched(self) -> Timestamp {
        Timestamp(self.0 >> BITS)
    }
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
    /// What the scheduler has noted and not fired: for the rules, whose timers are duties, and for
    /// other services, which have few.
    noted: BTreeMap<K, Timestamp>,
    others_noted: BTreeMap<(Service, K), Timestamp>,
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
            others_noted: BTreeMap::new(),
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
                self.put(r.owner, timer, Some(r.due));
            }
            Body::TimerDropped(r) => {
                self.put(r.owner, K::of(&r.timer), None);
            }
            Body::TimerFired(r) => {
                let timer = K::of(&r.timer);
                // Its owner has a moment to answer.
                self.touch(&timer, at);
                self.put(r.owner, timer, r.next);
            }
            Body::ObligationOpened(r) => {
                let stands = if r.due.is_some() {
                    Stands::Owed
                } else {
                    Stands::Waiting
                };
                let duty = Duty::new(stands, r.due.is_none(), at);
                self.duties.insert(K::of(&r.obligation), duty);
            }
            Body::ObligationReopened(r) => self.stand(&r.obligation, at, |duty| {
                if duty.undated() {
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
                if let Some(duty) = self.duties.remove(&K::of(&r.from)) {
                    let duty = Duty::new(duty.stands(), duty.undated(), at);
                    self.duties.insert(K::of(&r.to), duty);
                }
            }
            _ => {}
        }
    }

    fn touch(&mut self, duty: &K, at: Timestamp) {
        if let Some(duty) = self.duties.get_mut(duty) {
            *duty = Duty::new(duty.stands(), duty.undated(), at);
        }
    }

    /// What the scheduler waits for in an owner's name, from now on.
    fn put(&mut self, owner: Service, timer: K, due: Option<Timestamp>) {
        match (owner, due) {
            (Service::Rules, Some(due)) => drop(self.noted.insert(timer, due)),
            (Service::Rules, None) => drop(self.noted.remove(&timer)),
            (owner, Some(due)) => drop(self.others_noted.insert((owner, timer), due)),
            (owner, None) => drop(self.others_noted.remove(&(owner, timer))),
        }
    }

    fn stand(&mut self, duty: &str, at: Timestamp, stands: impl FnOnce(Duty) -> Stands) {
        let duty = self
            .duties
            .entry(K::of(duty))
            .or_insert(Duty::new(Stands::Ended, false, at));
        *duty = Duty::new(stands(*duty), duty.undated(), at);
    }

    /// It has a date from now on.
    fn date(&mut self, duty: &str, at: Timestamp) {
        self.stand(duty, at, |duty| match duty.stands() {
            Stands::Waiting => Stands::Owed,
            other => other,
        });
        if let Some(duty) = self.duties.get_mut(&K::of(duty)) {
            *duty = Duty::new(duty.stands(), false, at);
        }
    }

    fn end(&mut self, duty: &str, at: Timestamp) {
        let key = K::of(duty);
        match self.duties.get(&key) {
            // What is remembered of it is where it goes when it is opened again.
            Some(ended) if ended.undated() => self.stand(duty, at, |_| Stands::Ended),
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
            if duty.stands() != Stands::Owed || is_young(duty.touched()) {
                continue;
            }
            if let Some(at) = self.armed.get(key) {
                all.push(Missing::Noted {
                    duty: key.clone(),
                    at: *at,
                });
            } else if !self.noted.contains_key(key) {
                all.push(Missing::NextAction {
                    duty: key.clone(),
                    since: duty.touched(),
                });
            }
        }
        let of_rules = self.noted.iter();
        let of_rules = of_rules.map(|(timer, due)| (Service::Rules, timer, due));
        let of_others = self.others_noted.iter();
        let of_others = of_others.map(|((owner, timer), due)| (*owner, timer, due));
        for (owner, timer, due) in of_rules.chain(of_others) {
            if now.0 - due.0 > GRACE_MILLIS {
                all.push(Missing::Firing {
                    owner,
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
    use duban_model::{FrameHead, Position, RecordId};

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
