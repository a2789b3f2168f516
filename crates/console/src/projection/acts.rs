//! What people of the office did: who decided what about which duty, when and why, and whether it
//! was taken. For those who check it afterwards, within a bound.

use std::collections::{BTreeMap, VecDeque};

use duban_model::fact::TaskAct;
use duban_model::silence::SilenceSet;
use duban_model::{Body, LedgerId, Record, RecordId, RecordType, Service, Tenant, Timestamp, Zone};

use super::sentence::minute;
use crate::light::span_in_chinese;

/// Acts of the office kept in memory, in acts; older ones stand on the log.
pub const ACTS_KEPT: usize = 20_000;
/// The longest reason kept of an act, in bytes; the whole one stands on the log.
pub const ACT_TEXT_BYTES: usize = 600;

/// What sort of act, as a page filters them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActSort {
    /// 核实
    Verified,
    /// 退回
    Returned,
    /// 批准延期
    Extended,
    /// 不批准延期
    ExtensionRefused,
    /// 免办
    Waived,
    /// 启动
    Triggered,
    /// 停止、恢复、重新计时
    Clocked,
    /// Ledgers, calendars and directories put in force.
    Deployed,
    /// 静默 and maintenance, set or lifted.
    Silenced,
    /// A notice tried again.
    Retried,
}

impl ActSort {
    /// All of them, in the order in which a page lists them.
    pub const ALL: [ActSort; 10] = [
        ActSort::Verified,
        ActSort::Returned,
        ActSort::Extended,
        ActSort::ExtensionRefused,
        ActSort::Waived,
        ActSort::Triggered,
        ActSort::Clocked,
        ActSort::Deployed,
        ActSort::Silenced,
        ActSort::Retried,
    ];

    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            ActSort::Verified => "verified",
            ActSort::Returned => "returned",
            ActSort::Extended => "extended",
            ActSort::ExtensionRefused => "extension-refused",
            ActSort::Waived => "waived",
            ActSort::Triggered => "triggered",
            ActSort::Clocked => "clocked",
            ActSort::Deployed => "deployed",
            ActSort::Silenced => "silenced",
            ActSort::Retried => "retried",
        }
    }

    /// Its name on pages.
    pub fn chinese(self) -> &'static str {
        match self {
            ActSort::Verified => "核实",
            ActSort::Returned => "退回",
            ActSort::Extended => "批准延期",
            ActSort::ExtensionRefused => "不批准延期",
            ActSort::Waived => "免办",
            ActSort::Triggered => "启动",
            ActSort::Clocked => "停止或恢复计时",
            ActSort::Deployed => "部署",
            ActSort::Silenced => "静默",
            ActSort::Retried => "重发通知",
        }
    }

    /// The sort of a fact; nothing if it is no act of the office.
    fn of(kind: RecordType) -> Option<ActSort> {
        Some(match kind {
            RecordType::TaskVerified => ActSort::Verified,
            RecordType::TaskReturned => ActSort::Returned,
            RecordType::TaskExtensionApproved => ActSort::Extended,
            RecordType::TaskExtensionRefused => ActSort::ExtensionRefused,
            RecordType::TaskWaived => ActSort::Waived,
            RecordType::TaskTriggered => ActSort::Triggered,
            RecordType::TaskStopped | RecordType::TaskResumed | RecordType::TaskRestarted => {
                ActSort::Clocked
            }
            RecordType::DefinitionDeployed
            | RecordType::CalendarDeployed
            | RecordType::DirectoryDeployed => ActSort::Deployed,
            RecordType::SilenceSet | RecordType::SilenceLifted => ActSort::Silenced,
            RecordType::NoticeRetryRequested => ActSort::Retried,
            _ => return None,
        })
    }
}

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has decided on it yet.
    Waiting,
    /// It was taken.
    Taken,
    /// It was refused: the rule, and what it found.
    Refused(String, String),
}

/// One act.
#[derive(Clone, Debug)]
pub struct Act {
    /// The fact on the log.
    pub record: RecordId,
    /// When the log took notice.
    pub at: Timestamp,
    /// For which office.
    pub tenant: Tenant,
    /// About which ledger, if about one.
    pub ledger: Option<LedgerId>,
    /// What sort.
    pub sort: ActSort,
    /// Who, as the fact says it; empty if it does not.
    pub by: String,
    /// Why, as it was said; empty if nothing was.
    pub reason: String,
    /// More of what was decided: a date, files, what is silenced.
    pub what: String,
    /// The task and unit, if it is about some.
    pub task: String,
    /// The unit; empty if it is about none or all.
    pub unit: String,
    /// The first duty that it changed, by its place in the projection.
    pub duty: Option<u32>,
    /// How many it changed.
    pub duties: u32,
    /// Who sent the fact: the console, an answer by link, another system.
    pub source: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// The acts kept, in the order of the log.
#[derive(Debug, Default)]
pub struct Acts {
    kept: VecDeque<Act>,
    first: u64,
    by_record: BTreeMap<RecordId, u64>,
}

fn cut(text: &str) -> String {
    duban_model::record::cut(text, ACT_TEXT_BYTES).to_owned()
}

impl Acts {
    /// The acts, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Act> {
        self.kept.iter().rev()
    }

    /// Takes a fact into account, if it is an act of the office.
    pub(super) fn take(&mut self, record: &Record, zone: impl FnOnce(&str) -> Zone) {
        let Some(sort) = ActSort::of(record.record_type()) else {
            return;
        };
        let mut act = Act {
            record: record.id,
            at: record.loggedat,
            tenant: record.tenant.clone(),
            ledger: record.ledger.clone(),
            sort,
            by: String::new(),
            reason: String::new(),
            what: String::new(),
            task: String::new(),
            unit: String::new(),
            duty: None,
            duties: 0,
            source: record.source.to_string(),
            outcome: Outcome::Waiting,
        };
        let zone = record.ledger.as_deref().map_or(Zone::SHANGHAI, zone);
        describe(&mut act, &record.body, zone);
        if self.kept.len() == ACTS_KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.by_record.remove(&oldest.record);
            self.first += 1;
        }
        let place = self.first + self.kept.len() as u64;
        self.by_record.insert(record.id, place);
        self.kept.push_back(act);
    }

    /// What a service decided on an act.
    pub(super) fn decide(
        &mut self,
        service: Service,
        record: &Record,
        duty: impl FnOnce(&str) -> Option<u32>,
    ) {
        let of = record.cause.and_then(|cause| self.by_record.get(&cause));
        let offset = of.and_then(|place| usize::try_from(place - self.first).ok());
        let Some(act) = offset.and_then(|offset| self.kept.get_mut(offset)) else {
            return;
        };
        match &record.body {
            Body::RejectionRecorded(why) => {
                // What one service took, another may have nothing to do with.
                if act.outcome == Outcome::Waiting {
                    act.outcome = Outcome::Refused(why.code.clone(), cut(&why.found));
                }
            }
            // Copies that others keep of what the rules decided decide nothing.
            _ if matches!(service, Service::Rules | Service::Notifier) => {
                act.outcome = Outcome::Taken;
                let duty = record.body.obligation().and_then(duty);
                if let Some(duty) = duty.filter(|duty| act.duty != Some(*duty)) {
                    act.duty.get_or_insert(duty);
                    act.duties += 1;
                }
            }
            _ => {}
        }
    }
}

/// What a fact says of itself.
fn describe(act: &mut Act, body: &Body, zone: Zone) {
    let said = |text: &Option<String>| text.as_deref().map(cut).unwrap_or_default();
    if let Some(done) = body.act() {
        act.by = said(&done.by);
        act.reason = said(&done.reason);
        act.task.clone_from(&done.task);
        act.unit = done.unit.clone().unwrap_or_default();
        act.what = decided(act.sort, body, done);
        return;
    }
    match body {
        Body::DefinitionDeployed(r) => {
            act.by = said(&r.by);
            act.reason = said(&r.reason);
            act.ledger = Some(r.ledger.clone());
            let names: Vec<&str> = r.files.iter().map(|file| file.name.as_str()).collect();
            act.what = format!("台账 {}:{}", r.ledger, names.join("、"));
        }
        Body::CalendarDeployed(r) => {
            act.by = said(&r.by);
            act.reason = said(&r.reason);
            act.what = format!("工作日历 {}", r.calendar.id());
        }
        Body::DirectoryDeployed(r) => {
            act.by = said(&r.by);
            act.reason = said(&r.reason);
            act.what = format!("单位名录:{}个单位", r.directory.units.len());
        }
        Body::SilenceSet(r) => {
            act.by = cut(&r.by);
            act.reason = cut(&r.reason);
            act.ledger = r.ledger.clone().or(act.ledger.take());
            act.task = r.task.clone().unwrap_or_default();
            act.unit = r.unit.clone().unwrap_or_default();
            act.what = silenced(r, zone);
        }
        Body::SilenceLifted(r) => {
            act.by = cut(&r.by);
            act.reason = said(&r.reason);
            act.what = format!("解除 {}", r.silence);
        }
        Body::NoticeRetryRequested(r) => {
            act.by = cut(&r.by);
            act.reason = said(&r.reason);
            act.what = format!("通知 {}", r.notice);
        }
        _ => {}
    }
}

fn decided(sort: ActSort, body: &Body, act: &TaskAct) -> String {
    let day = act.due.map(|due| due.to_string());
    match (sort, body) {
        (ActSort::Extended, _) => match (day, act.extend) {
            (Some(day), _) => format!("延至{day}"),
            (None, Some(span)) => format!("延长{}", span_in_chinese(span)),
            (None, None) => String::new(),
        },
        (ActSort::Triggered, _) => day.map_or_else(String::new, |day| format!("完成时限{day}")),
        (ActSort::Returned, _) => day.map_or_else(String::new, |day| format!("限{day}前补正")),
        (_, Body::TaskStopped(_)) => "停止计时".to_owned(),
        (_, Body::TaskResumed(_)) => "恢复计时".to_owned(),
        (_, Body::TaskRestarted(_)) => {
            day.map_or_else(|| "重新计时".to_owned(), |day| format!("重新计时,至{day}"))
        }
        _ => String::new(),
    }
}

fn silenced(set: &SilenceSet, zone: Zone) -> String {
    let until = minute(set.until, zone);
    if set.maintenance {
        format!("系统维护,至{until}")
    } else {
        format!("静默至{until}")
    }
}
