//! What can be done about a duty: by whom, in which state of it, and what has to be said with it. The
//! rules decide in the end; this says what a page offers.

use chrono::NaiveDate;
use duban_model::Body;
use duban_model::definition::{Came, Fulfilment};
use duban_model::fact::TaskAct;

use crate::answer::{Form, about, links, short};
use crate::light::{Light, Stage};
use crate::projection::{Duty, Ledger, Units};

/// For whom somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A unit's contact.
    Unit,
    /// A unit's head, who signs.
    Head,
    /// The supervising office.
    Office,
}

impl Side {
    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Unit => "unit",
            Side::Head => "sign",
            Side::Office => "office",
        }
    }
}

/// What is done about a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// 签收
    Accept,
    /// 进展
    Progress,
    /// 报送
    Submit,
    /// 申请延期
    Extend,
    /// 转办
    Delegate,
    /// 不是我们的
    Disown,
    /// 核实
    Verify,
    /// 退回
    Return,
    /// 批准延期, asked for or not
    Grant,
    /// 不批准延期
    Refuse,
    /// 免办
    Waive,
    /// 启动
    Trigger,
    /// 停止计时
    Stop,
    /// 恢复计时
    Resume,
}

impl Deed {
    /// All of them.
    pub const ALL: [Deed; 14] = [
        Deed::Accept,
        Deed::Progress,
        Deed::Submit,
        Deed::Extend,
        Deed::Delegate,
        Deed::Disown,
        Deed::Verify,
        Deed::Return,
        Deed::Grant,
        Deed::Refuse,
        Deed::Waive,
        Deed::Trigger,
        Deed::Stop,
        Deed::Resume,
    ];

    /// What the office does with many duties at once.
    pub const IN_BULK: [Deed; 8] = [
        Deed::Verify,
        Deed::Return,
        Deed::Grant,
        Deed::Refuse,
        Deed::Waive,
        Deed::Trigger,
        Deed::Stop,
        Deed::Resume,
    ];

    /// Its name in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Deed::Accept => "accept",
            Deed::Progress => "progress",
            Deed::Submit => "submit",
            Deed::Extend => "extend",
            Deed::Delegate => "delegate",
            Deed::Disown => "disown",
            Deed::Verify => "verify",
            Deed::Return => "return",
            Deed::Grant => "grant",
            Deed::Refuse => "refuse",
            Deed::Waive => "waive",
            Deed::Trigger => "trigger",
            Deed::Stop => "stop",
            Deed::Resume => "resume",
        }
    }

    /// The deed with this name in forms.
    pub fn parse(name: &str) -> Option<Deed> {
        Deed::ALL.into_iter().find(|deed| deed.as_str() == name)
    }

    /// Its name on pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Deed::Accept => "签收",
            Deed::Progress => "报告进展",
            Deed::Submit => "报送",
            Deed::Extend => "申请延期",
            Deed::Delegate => "转办",
            Deed::Disown => "不是我们的",
            Deed::Verify => "核实销号",
            Deed::Return => "退回",
            Deed::Grant => "批准延期",
            Deed::Refuse => "不批准延期",
            Deed::Waive => "免办",
            Deed::Trigger => "启动",
            Deed::Stop => "停止计时",
            Deed::Resume => "恢复计时",
        }
    }

    /// Whether it is done for this side.
    pub fn is_for(self, side: Side) -> bool {
        match side {
            Side::Unit => matches!(
                self,
                Deed::Accept
                    | Deed::Progress
                    | Deed::Submit
                    | Deed::Extend
                    | Deed::Delegate
                    | Deed::Disown
            ),
            Side::Head => matches!(self, Deed::Accept | Deed::Submit),
            Side::Office => Deed::IN_BULK.contains(&self),
        }
    }

    /// Whether a reason must be given.
    pub fn needs_reason(self) -> bool {
        matches!(
            self,
            Deed::Progress
                | Deed::Extend
                | Deed::Disown
                | Deed::Return
                | Deed::Grant
                | Deed::Refuse
                | Deed::Waive
                | Deed::Stop
        )
    }

    /// Whether a date must be given.
    pub fn needs_date(self) -> bool {
        matches!(self, Deed::Extend | Deed::Grant | Deed::Trigger)
    }

    /// Whether a date may be given.
    pub fn takes_date(self) -> bool {
        self.needs_date() || self == Deed::Return
    }

    /// Whether the state of a duty allows it, as far as a page knows.
    pub fn fits(self, duty: &Duty, by: Option<&Fulfilment>) -> bool {
        let running = matches!(duty.stage, Stage::Open | Stage::Accepted | Stage::Returned);
        let submitted = duty.stage == Stage::Submitted;
        match self {
            Deed::Accept => duty.stage == Stage::Open,
            Deed::Progress => running,
            Deed::Submit => running && is_complete(duty, by),
            Deed::Extend => {
                running && duty.due.is_some() && !duty.stopped && duty.light() != Light::Red
            }
            Deed::Delegate | Deed::Verify => running || submitted,
            Deed::Disown => running && duty.disowned().is_none(),
            Deed::Return => {
                submitted
                    || duty.stage == Stage::Fulfilled
                    || (running && duty.disowned().is_some())
            }
            Deed::Grant => running && duty.due.is_some() && !duty.stopped,
            Deed::Refuse => running && duty.extension().is_some(),
            Deed::Waive => running || submitted || duty.stage == Stage::Waiting,
            Deed::Trigger => duty.stage == Stage::Waiting,
            Deed::Stop => running && duty.due.is_some() && !duty.stopped,
            Deed::Resume => (running || submitted) && duty.stopped,
        }
    }

    /// The fact that says so, unsigned; or what is wrong with what was filled in, in words. `files`
    /// are kept already.
    pub fn body(self, duty: &Duty, today: Option<NaiveDate>, form: &Form) -> Result<Body, String> {
        let filled = &form.filled;
        short([&filled.said, &filled.reason])?;
        if self.needs_reason() && filled.reason.is_empty() {
            return Err(match self {
                Deed::Progress => "没有填写进展",
                _ => "没有填写理由",
            }
            .to_owned());
        }
        let due = if filled.due.is_empty() || !self.takes_date() {
            None
        } else {
            let day = filled.due.parse::<NaiveDate>();
            Some(day.map_err(|_| format!("“{}”不是日期", shortened(&filled.due)))?)
        };
        if self.needs_date() && due.is_none() {
            return Err("没有选择日期".to_owned());
        }
        if let (Deed::Extend | Deed::Grant, Some(day), Some(now)) = (self, due, duty.due)
            && day <= now
        {
            return Err(format!("延到的日期{day}不晚于现行完成时限{now}"));
        }
        if let (Deed::Trigger | Deed::Return, Some(day), Some(today)) = (self, due, today)
            && day < today
        {
            return Err(format!("日期{day}早于今天{today}"));
        }
        let act = TaskAct {
            reason: Some(filled.reason.clone()).filter(|reason| !reason.is_empty()),
            due,
            ..about(duty)
        };
        Ok(match self {
            Deed::Accept => Body::TaskAccepted(act),
            Deed::Progress => Body::TaskProgressed(act),
            Deed::Submit => {
                let mut evidence = links(&filled.links)?;
                evidence.extend(form.files.iter().cloned());
                if evidence.is_empty() && filled.said.is_empty() {
                    return Err("报送没有内容:请填写佐证网址、上传文件或写明办理情况".to_owned());
                }
                let reason = Some(filled.said.clone()).filter(|said| !said.is_empty());
                Body::TaskSubmitted(TaskAct {
                    evidence,
                    reason,
                    ..act
                })
            }
            Deed::Extend => Body::TaskExtensionRequested(act),
            Deed::Delegate => {
                if filled.contact.is_empty() {
                    return Err("没有选择转办给哪位同事".to_owned());
                }
                Body::TaskDelegated(TaskAct {
                    contact: Some(filled.contact.clone()),
                    ..act
                })
            }
            Deed::Disown => Body::TaskDisowned(act),
            Deed::Verify => Body::TaskVerified(act),
            Deed::Return => Body::TaskReturned(act),
            Deed::Grant => Body::TaskExtensionApproved(act),
            Deed::Refuse => Body::TaskExtensionRefused(act),
            Deed::Waive => Body::TaskWaived(act),
            Deed::Trigger => Body::TaskTriggered(act),
            Deed::Stop => Body::TaskStopped(act),
            Deed::Resume => Body::TaskResumed(act),
        })
    }
}

/// What was filled in, short enough to be repeated.
fn shortened(text: &str) -> String {
    text.chars().take(20).collect()
}

/// Whether what must be public before a submission is.
pub(crate) fn is_complete(duty: &Duty, by: Option<&Fulfilment>) -> bool {
    match by {
        Some(Fulfilment::PublicationsThenSubmission(list)) => (0..)
            .zip(list)
            .all(|(number, requirement)| duty.meets(number, requirement)),
        Some(Fulfilment::Submission | Fulfilment::Publications(_)) | None => true,
    }
}

/// The people of the unit that owes, to whom a duty may be handed: id and title.
pub(crate) fn colleagues(units: &Units, ledger: &Ledger, duty: &Duty) -> Vec<(String, String)> {
    let people = units.people(&ledger.tenant, &duty.unit).iter();
    let now = duty.delegate().map(|(id, _)| id);
    people
        .filter(|person| Some(person.id.as_str()) != now)
        .map(|person| (person.id.clone(), person.title.clone()))
        .collect()
}
