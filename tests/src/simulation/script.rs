//! A drawn course of events: what producers send and when, good and bad.

use chrono::{Days, NaiveDate};
use duban_model::fact::{
    CalendarDeployed, ClockAdvanced, DefinitionDeployed, DirectoryDeployed, Matter,
    MatterWithdrawn, Publication, PublicationWithdrawn, TaskAct,
};
use duban_model::silence::{SilenceLifted, SilenceSet};
use duban_model::{Body, Directory, Envelope, Timestamp, Zone};

use super::fault::Fault;
use super::ledger::{Drawn, KINDS, LEDGER, Sort, TENANT, UNITS};
use crate::dice::Dice;

/// One event as a producer sends it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When, in true time.
    pub at: Timestamp,
    /// On which subject, after the tenant.
    pub tail: String,
    /// What.
    pub bytes: Vec<u8>,
    /// What is wrong with it, if it was drawn to be wrong.
    pub fault: Option<Fault>,
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

struct Writer<'a> {
    dice: &'a mut Dice,
    drawn: &'a Drawn,
    sent: Vec<Sent>,
    number: u64,
    publications: Vec<(String, String)>,
    /// Duties whose clocks were stopped, by task and unit.
    stopped: Vec<(String, String)>,
    matters: Vec<(String, String)>,
}

/// The first instant of a run: the morning the ledger was issued, or some days later.
pub fn beginning(dice: &mut Dice, drawn: &Drawn) -> Timestamp {
    let day = drawn.issued + Days::new(dice.below(6));
    Zone::SHANGHAI
        .midnight(day)
        .plus_millis(8 * 60 * MINUTE + i64::try_from(dice.below(3_600_000)).unwrap_or(0))
}

/// Draws what is sent from `start` to `end`, in order.
pub fn draw(dice: &mut Dice, drawn: &Drawn, start: Timestamp, end: Timestamp) -> Vec<Sent> {
    let mut writer = Writer {
        dice,
        drawn,
        sent: Vec::new(),
        number: 0,
        publications: Vec::new(),
        stopped: Vec::new(),
        matters: Vec::new(),
    };
    writer.deployments(start);
    let count = 8 + writer.dice.below(25);
    let mut instants: Vec<Timestamp> = (0..count)
        .map(|_| {
            let span = u64::try_from(end.0 - start.0).unwrap_or(1);
            let at =
                start.plus_millis(MINUTE + i64::try_from(writer.dice.below(span)).unwrap_or(0));
            // Some come in the same moment as the timers of a day.
            match writer.dice.below(4) {
                0 => Zone::SHANGHAI
                    .midnight(at.date_in(Zone::SHANGHAI))
                    .plus_millis((9 * 60 + 10) * MINUTE),
                _ => at,
            }
        })
        .filter(|at| *at > start.plus_millis(MINUTE))
        .collect();
    instants.sort();
    for at in instants {
        writer.one(at);
    }
    writer.sent.sort_by_key(|sent| sent.at);
    writer.sent
}

impl Writer<'_> {
    fn push(&mut self, at: Timestamp, time: Option<Timestamp>, body: Body) -> usize {
        self.number += 1;
        let event = Envelope {
            id: format!("event-{}", self.number),
            source: "urn:duban:tests:simulation".to_owned(),
            kind: body.record_type(),
            time,
            tenant: TENANT.to_owned(),
            ledger: Some(LEDGER.to_owned()),
            body,
        };
        self.sent.push(Sent {
            at,
            tail: event.kind.as_str().trim_start_matches("duban.").to_owned(),
            bytes: event.to_json().into_bytes(),
            fault: None,
        });
        self.sent.len() - 1
    }

    fn definition(&self) -> Body {
        Body::DefinitionDeployed(DefinitionDeployed {
            ledger: LEDGER.to_owned(),
            files: self.drawn.files.clone(),
            by: None,
            reason: None,
            expects: None,
        })
    }

    /// The texts once more, or changed: another ladder, the last task gone, another date, other
    /// evidence. Which one follows from how much was sent, so that no further die is cast.
    fn changed_definition(&self) -> Body {
        let mut body = self.definition();
        let Body::DefinitionDeployed(deployed) = &mut body else {
            return body;
        };
        let change = |text: &str| match self.sent.len() % 6 {
            1 => text.replace("before:7wd", "before:5wd"),
            2 => match text.rsplit_once("  - id:") {
                Some((tasks, _)) if tasks.contains("  - id:") => tasks.to_owned(),
                _ => text.to_owned(),
            },
            3 => match text.split_once("    due: 20") {
                Some((head, rest)) => {
                    let day = rest.find('\n').unwrap_or(rest.len());
                    let year = self.drawn.issued.format("%y");
                    format!("{head}    due: 20{year}-12-28{}", &rest[day..])
                }
                None => text.to_owned(),
            },
            4 => text.replace("[plan, budget], at_least: 2", "[plan, report], at_least: 1"),
            _ => text.to_owned(),
        };
        for file in &mut deployed.files {
            file.text = change(&file.text);
        }
        body
    }

    /// The directory once more, or changed: a unit renamed, or merged into another.
    fn changed_directory(&self) -> Directory {
        let mut directory = self.drawn.directory.clone();
        match self.sent.len() % 3 {
            1 => {
                if let Some(mut unit) = directory.units.remove("kailu") {
                    unit.formerly.push("kailu".to_owned());
                    directory.units.insert("kailuqu".to_owned(), unit);
                }
            }
            2 => {
                directory.units.remove("naiman");
                if let Some(unit) = directory.units.get_mut("kulun") {
                    unit.formerly.push("naiman".to_owned());
                }
            }
            _ => {}
        }
        directory
    }

    fn deployments(&mut self, start: Timestamp) {
        let drawn = self.drawn;
        // Now and then somebody is too early.
        if self.dice.below(6) == 0 {
            let body = self.definition();
            self.push(start, None, body);
        }
        let calendar = Body::CalendarDeployed(CalendarDeployed {
            calendar: drawn.calendar.clone(),
            by: None,
            reason: None,
            expects: None,
        });
        let directory = Body::DirectoryDeployed(DirectoryDeployed {
            directory: drawn.directory.clone(),
            by: None,
            reason: None,
            expects: None,
        });
        self.push(start.plus_millis(1), None, directory);
        self.push(start.plus_millis(2), None, calendar);
        let definition = self.definition();
        self.push(start.plus_millis(3), None, definition);
    }

    fn one(&mut self, at: Timestamp) {
        if self.drawn.arising && self.dice.below(3) == 0 {
            return self.matter(at);
        }
        if self.dice.below(25) == 0 {
            return self.silence(at);
        }
        match self.dice.below(20) {
            0..6 => self.publication(at),
            6 => self.withdrawal(at),
            7..15 => self.act(at),
            15 => self.again(at, false),
            16 => self.again(at, true),
            17 => {
                let bytes = match self.dice.below(3) {
                    0 => b"{\"specversion\":\"1.0\"".to_vec(),
                    1 => vec![0xff, 0xfe, b'x'],
                    _ => br#"{"specversion":"1.0","id":"x","source":"urn:x","type":"duban.task.accepted","tenant":"office","data":{"task":"1","unit":"kailu","surplus":1}}"#.to_vec(),
                };
                self.sent.push(Sent {
                    at,
                    tail: "task.accepted".to_owned(),
                    bytes,
                    fault: Some(Fault::Undecodable),
                });
            }
            18 => {
                let body = Body::PublicationPublished(publication("p", "nowhere", "plan"));
                let place = self.push(at, Some(at), body);
                self.sent[place].fault = Some(Fault::UnknownUnit);
            }
            _ => self.odd(at),
        }
    }

    /// Somebody keeps notices back for a while, for one unit or for all, or ends that sooner.
    fn silence(&mut self, at: Timestamp) {
        let silence = format!("silence-{}", self.dice.below(3));
        let by = "办公室".to_owned();
        let body = match self.dice.below(3) {
            0 => Body::SilenceLifted(SilenceLifted {
                silence,
                by,
                reason: None,
            }),
            sort => {
                let maintenance = sort == 1;
                let unit = self.dice.one_of(&UNITS).to_string();
                let hours = 1 + self.dice.below(60);
                Body::SilenceSet(SilenceSet {
                    silence,
                    ledger: None,
                    task: None,
                    unit: (!maintenance).then_some(unit),
                    maintenance,
                    until: at.plus_millis(i64::try_from(hours).unwrap_or(1) * 60 * MINUTE),
                    by,
                    reason: "搬迁".to_owned(),
                })
            }
        };
        self.push(at, Some(at), body);
    }

    fn publication(&mut self, at: Timestamp) {
        let unit = *self.dice.one_of(&UNITS);
        let kind = *self.dice.one_of(&KINDS);
        let old = self.dice.below(4) == 0 && !self.publications.is_empty();
        let (name, unit, kind) = if old {
            let (name, unit) = self.dice.one_of(&self.publications).clone();
            (name, unit, kind.to_owned())
        } else {
            let name = format!("p{}", self.number);
            (name, unit.to_owned(), kind.to_owned())
        };
        let body = publication(&name, &unit, &kind);
        let body = if old {
            Body::PublicationUpdated(body)
        } else {
            self.publications.push((name, unit));
            Body::PublicationPublished(body)
        };
        // Mostly at once; at times it claims to have been earlier, or says nothing.
        let time = match self.dice.below(5) {
            0 => Some(at.plus_millis(-i64::try_from(self.dice.below(5)).unwrap_or(0) * DAY)),
            1 => None,
            _ => Some(at),
        };
        self.push(at, time, body);
    }

    fn withdrawal(&mut self, at: Timestamp) {
        if self.publications.is_empty() {
            return self.publication(at);
        }
        let (publication, unit) = self.dice.one_of(&self.publications).clone();
        let body = Body::PublicationWithdrawn(PublicationWithdrawn {
            publication,
            unit,
            reason: None,
            note: None,
        });
        self.push(at, Some(at), body);
    }

    /// Something arises, is told anew, is called off, or is acted on.
    fn matter(&mut self, at: Timestamp) {
        let known = (!self.matters.is_empty()).then(|| self.dice.one_of(&self.matters).clone());
        let what = self.dice.below(10);
        let (Some((matter, unit)), 0..8) = (known, what) else {
            let unit = (*self.dice.one_of(&UNITS)).to_owned();
            let matter = format!("m{}", self.number);
            self.matters.push((matter.clone(), unit.clone()));
            return self.report(at, matter, unit, "incident");
        };
        let body = match what {
            // It turns out to be something else, and perhaps the same again.
            0 => return self.report(at, matter, unit, "case"),
            1 => return self.report(at, matter, unit, "incident"),
            2 => Body::MatterWithdrawn(MatterWithdrawn {
                matter,
                unit,
                reason: None,
                note: None,
            }),
            what => {
                let act = TaskAct {
                    task: "answer".to_owned(),
                    unit: Some(unit),
                    role: None,
                    period: None,
                    occasion: Some(matter),
                    by: Some("somebody".to_owned()),
                    reason: Some("理由".to_owned()),
                    evidence: Vec::new(),
                    due: None,
                    extend: None,
                    contact: None,
                    note: None,
                };
                match what {
                    3 => Body::TaskAccepted(act),
                    4 => Body::TaskStopped(act),
                    5 => Body::TaskResumed(act),
                    6 => Body::TaskRestarted(act),
                    _ => Body::TaskVerified(act),
                }
            }
        };
        self.push(at, Some(at), body);
    }

    fn report(&mut self, at: Timestamp, matter: String, unit: String, kind: &str) {
        let body = Body::MatterReported(Matter {
            title: format!("{kind} {matter}"),
            matter,
            unit,
            kind: kind.to_owned(),
            about: None,
            number: None,
            note: None,
        });
        self.push(at, Some(at), body);
    }

    fn act(&mut self, at: Timestamp) {
        let task = self.dice.one_of(&self.drawn.tasks).clone();
        let unit = if self.dice.below(8) == 0 {
            *self.dice.one_of(&UNITS)
        } else {
            *self.dice.one_of(&task.units)
        };
        let today: NaiveDate = at.date_in(Zone::SHANGHAI);
        let later = today + Days::new(1 + self.dice.below(40));
        let mut act = TaskAct {
            task: task.id.clone(),
            unit: Some(unit.to_owned()),
            role: None,
            period: None,
            by: Some("somebody".to_owned()),
            reason: Some("理由".to_owned()),
            evidence: Vec::new(),
            due: Some(later),
            extend: None,
            contact: None,
            note: None,
            occasion: None,
        };
        let waiting = task.sort == Sort::Waiting;
        if self.dice.below(4) == 0 {
            return self.clock(at, act);
        }
        let body = match self.dice.below(if waiting { 14 } else { 11 }) {
            0 => Body::TaskAccepted(act),
            1 => {
                act.contact = Some("leader".to_owned());
                act.due = None;
                Body::TaskDelegated(act)
            }
            2 if self.dice.below(2) == 0 => Body::TaskDisowned(act),
            2 => Body::TaskProgressed(act),
            3 | 4 => Body::TaskSubmitted(act),
            5 => Body::TaskVerified(act),
            6 => {
                if self.dice.below(2) == 0 {
                    act.due = None;
                }
                Body::TaskReturned(act)
            }
            7 => Body::TaskExtensionRequested(act),
            8 => {
                if self.dice.below(2) == 0 {
                    act.due = None;
                    act.extend = "3wd".parse().ok();
                }
                Body::TaskExtensionApproved(act)
            }
            9 => Body::TaskExtensionRefused(act),
            10 => Body::TaskWaived(act),
            11 => Body::TaskTriggered(act),
            _ => {
                act.unit = None;
                Body::TaskTriggered(act)
            }
        };
        self.push(at, Some(at), body);
    }

    /// A clock is stopped, goes on, or begins anew.
    fn clock(&mut self, at: Timestamp, mut act: TaskAct) {
        let body = match self.dice.below(5) {
            0 | 1 => {
                let unit = act.unit.clone().unwrap_or_default();
                self.stopped.push((act.task.clone(), unit));
                Body::TaskStopped(act)
            }
            2 | 3 => {
                if let Some((task, unit)) = self.stopped.pop() {
                    (act.task, act.unit) = (task, Some(unit));
                }
                Body::TaskResumed(act)
            }
            _ => Body::TaskRestarted(act),
        };
        self.push(at, Some(at), body);
    }

    /// The same once more, or its id with other content.
    fn again(&mut self, at: Timestamp, other: bool) {
        let place = self.dice.below(self.sent.len() as u64);
        let mut sent = self.sent[usize::try_from(place).expect("small")].clone();
        sent.at = at;
        if other {
            let Ok(mut event) = serde_json::from_slice::<serde_json::Value>(&sent.bytes) else {
                return;
            };
            event["ledger"] = "another".into();
            sent.bytes = event.to_string().into_bytes();
            sent.fault = Some(Fault::OtherContent);
        } else {
            sent.fault = sent.fault.or(Some(Fault::SentTwice));
        }
        self.sent.push(sent);
    }

    /// What a running, live installation refuses or takes without effect.
    fn odd(&mut self, at: Timestamp) {
        match self.dice.below(4) {
            0 => {
                let body = Body::ClockAdvanced(ClockAdvanced { to: at, fire: true });
                self.push(at, None, body);
            }
            1 => {
                let body = self.changed_definition();
                self.push(at, None, body);
            }
            2 => {
                let body = Body::DirectoryDeployed(DirectoryDeployed {
                    directory: self.changed_directory(),
                    by: None,
                    reason: None,
                    expects: None,
                });
                self.push(at, None, body);
            }
            _ => {
                let body = Body::PublicationPublished(publication("q", "kailu", "plan"));
                let place = self.push(at, Some(at), body);
                // Offered on a subject of another right.
                "task.accepted".clone_into(&mut self.sent[place].tail);
            }
        }
    }
}

fn publication(name: &str, unit: &str, kind: &str) -> Publication {
    Publication {
        publication: name.to_owned(),
        unit: unit.to_owned(),
        kind: kind.to_owned(),
        title: format!("{kind} {name}"),
        url: None,
        category: None,
        issuer: None,
        number: None,
        written: None,
        validity: None,
        formats: Vec::new(),
        about: None,
        note: None,
    }
}
