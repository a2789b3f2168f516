//! The closed list of record types: one line each, the only place that ties a CloudEvents `type`
//! to the shape of its data.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::decision::{
    CalendarAdopted, CalendarNoted, ContactPreferenceNoted, Continuation, DefinitionAdopted,
    DirectoryAdopted, DuplicateRecorded, LedgerNoted, LedgerRevised, NoticeAbandoned,
    NoticeAttempted, NoticeDelivered, NoticeFailed, NoticeQueued, NoticeRequested,
    NoticeSuppressed, ObligationActed, ObligationClocked, ObligationDated, ObligationFulfilled,
    ObligationLit, ObligationOpened, ObligationRedated, ObligationReladdered, ObligationReturned,
    ObligationSubmitted, ObligationTicked, ObligationTransferred, ObligationUnticked,
    PublicationForgotten, PublicationNoted, RejectionRecorded, TimerArmed, TimerDisarmed,
    TimerDropped, TimerFired, TimerMissed, TimerNoted,
};
use crate::fact::{
    CalendarDeployed, ClockAdvanced, ContactPreferred, DefinitionDeployed, DeliveryReported,
    DirectoryDeployed, Matter, MatterWithdrawn, NoticeRetryRequested, Publication,
    PublicationWithdrawn, TaskAct,
};
use crate::gathered::{NoticeBundled, NoticeDropped, NoticeHeld, NoticeReleased};
use crate::silence::{SilenceEnded, SilenceLifted, SilenceNoted, SilenceSet};

macro_rules! record_types {
    ($( $(#[$doc:meta])* $variant:ident($data:ty) = $name:literal $group:ident; )*) => {
        /// The type of a record, as CloudEvents `type` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RecordType { $( $(#[$doc])* $variant, )* }

        impl RecordType {
            /// Every type there is.
            pub const ALL: &'static [RecordType] = &[ $( RecordType::$variant, )* ];

            /// The CloudEvents `type`.
            pub fn as_str(self) -> &'static str {
                match self { $( RecordType::$variant => $name, )* }
            }

            /// The type with this name.
            pub fn parse(name: &str) -> Option<RecordType> {
                match name { $( $name => Some(RecordType::$variant), )* _ => None }
            }

            /// Who writes it, and whether it belongs to the domain or to delivery.
            pub fn class(self) -> Class {
                match self { $( RecordType::$variant => Class::$group, )* }
            }
        }

        /// A record's data, by type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body { $( $(#[$doc])* $variant($data), )* }

        impl Body {
            /// Its type.
            pub fn record_type(&self) -> RecordType {
                match self { $( Body::$variant(_) => RecordType::$variant, )* }
            }

            /// Reads data of a known type.
            pub fn parse(kind: RecordType, data: &RawValue) -> Result<Body, serde_json::Error> {
                let text = data.get();
                Ok(match kind { $( RecordType::$variant => Body::$variant(serde_json::from_str(text)?), )* })
            }

            /// Its data as compact JSON.
            pub fn to_json(&self) -> String {
                match self { $( Body::$variant(data) => compact(data), )* }
            }
        }

        impl Serialize for Body {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Body::$variant(data) => data.serialize(serializer), )* }
            }
        }
    };
}

fn compact<T: Serialize>(data: &T) -> String {
    // These are structs of strings, numbers and string-keyed maps: nothing JSON cannot hold.
    serde_json::to_string(data).expect("record data serialises")
}

/// What a type is, for the checksum and for who may submit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Comes from outside, through the intake.
    Fact,
    /// A decision about duties.
    Domain,
    /// Depends on the world's answers or on how inputs arrived, not on duties: attempts, outcomes,
    /// duplicates, continuations. Left out of the checksum.
    Passing,
}

record_types! {
    /// A unit made something public.
    PublicationPublished(Publication) = "duban.publication.published" Fact;
    /// A publication changed.
    PublicationUpdated(Publication) = "duban.publication.updated" Fact;
    /// A publication was taken down.
    PublicationWithdrawn(PublicationWithdrawn) = "duban.publication.withdrawn" Fact;
    /// Something arose that must be dealt with (事由).
    MatterReported(Matter) = "duban.matter.reported" Fact;
    /// A matter is none any more.
    MatterWithdrawn(MatterWithdrawn) = "duban.matter.withdrawn" Fact;
    /// 签收
    TaskAccepted(TaskAct) = "duban.task.accepted" Fact;
    /// 进展
    TaskProgressed(TaskAct) = "duban.task.progressed" Fact;
    /// 报送
    TaskSubmitted(TaskAct) = "duban.task.submitted" Fact;
    /// 核实
    TaskVerified(TaskAct) = "duban.task.verified" Fact;
    /// 退回
    TaskReturned(TaskAct) = "duban.task.returned" Fact;
    /// 申请延期
    TaskExtensionRequested(TaskAct) = "duban.task.extension_requested" Fact;
    /// 批准延期
    TaskExtensionApproved(TaskAct) = "duban.task.extension_approved" Fact;
    /// 不批准延期
    TaskExtensionRefused(TaskAct) = "duban.task.extension_refused" Fact;
    /// 停止计时
    TaskStopped(TaskAct) = "duban.task.stopped" Fact;
    /// 恢复计时
    TaskResumed(TaskAct) = "duban.task.resumed" Fact;
    /// 重新计时
    TaskRestarted(TaskAct) = "duban.task.restarted" Fact;
    /// 免办
    TaskWaived(TaskAct) = "duban.task.waived" Fact;
    /// 启动
    TaskTriggered(TaskAct) = "duban.task.triggered" Fact;
    /// Definition texts put in force.
    DefinitionDeployed(DefinitionDeployed) = "duban.definition.deployed" Fact;
    /// A calendar put in force.
    CalendarDeployed(CalendarDeployed) = "duban.calendar.deployed" Fact;
    /// A directory put in force.
    DirectoryDeployed(DirectoryDeployed) = "duban.directory.deployed" Fact;
    /// Somebody wants an abandoned notice to be tried again.
    NoticeRetryRequested(NoticeRetryRequested) = "duban.notice.retry_requested" Fact;
    /// A contact chose among the channels that the office allows.
    ContactPreferred(ContactPreferred) = "duban.contact.preferred" Fact;
    /// Notices are not sent for a while.
    SilenceSet(SilenceSet) = "duban.silence.set" Fact;
    /// A silence ends sooner.
    SilenceLifted(SilenceLifted) = "duban.silence.lifted" Fact;
    /// The effect runner's report of one send.
    DeliveryReported(DeliveryReported) = "duban.delivery.reported" Fact;
    /// Virtual time moved.
    ClockAdvanced(ClockAdvanced) = "duban.clock.advanced" Fact;

    /// An input was refused.
    RejectionRecorded(RejectionRecorded) = "duban.rejection.recorded" Domain;
    /// An input came again.
    DuplicateRecorded(DuplicateRecorded) = "duban.duplicate.recorded" Passing;

    /// A definition came into force.
    DefinitionAdopted(DefinitionAdopted) = "duban.definition.adopted" Domain;
    /// A calendar came into force.
    CalendarAdopted(CalendarAdopted) = "duban.calendar.adopted" Domain;
    /// A directory came into force.
    DirectoryAdopted(DirectoryAdopted) = "duban.directory.adopted" Domain;
    /// A publication matters.
    PublicationNoted(PublicationNoted) = "duban.publication.noted" Domain;
    /// A publication no longer matters.
    PublicationForgotten(PublicationForgotten) = "duban.publication.forgotten" Domain;
    /// A duty came into being.
    ObligationOpened(ObligationOpened) = "duban.obligation.opened" Domain;
    /// 签收
    ObligationAccepted(ObligationActed) = "duban.obligation.accepted" Domain;
    /// 进展
    ObligationProgressed(ObligationActed) = "duban.obligation.progressed" Domain;
    /// 报送
    ObligationSubmitted(ObligationSubmitted) = "duban.obligation.submitted" Domain;
    /// 退回
    ObligationReturned(ObligationReturned) = "duban.obligation.returned" Domain;
    /// 销号
    ObligationFulfilled(ObligationFulfilled) = "duban.obligation.fulfilled" Domain;
    /// It is open again, because evidence went away.
    ObligationReopened(ObligationActed) = "duban.obligation.reopened" Domain;
    /// Evidence counts.
    ObligationTicked(ObligationTicked) = "duban.obligation.ticked" Domain;
    /// Evidence counts no longer.
    ObligationUnticked(ObligationUnticked) = "duban.obligation.unticked" Domain;
    /// 申请延期
    ObligationExtensionRequested(ObligationDated) = "duban.obligation.extension_requested" Domain;
    /// 批准延期
    ObligationExtended(ObligationDated) = "duban.obligation.extended" Domain;
    /// 不批准延期
    ObligationExtensionRefused(ObligationActed) = "duban.obligation.extension_refused" Domain;
    /// 停止计时
    ObligationStopped(ObligationClocked) = "duban.obligation.stopped" Domain;
    /// 恢复计时
    ObligationResumed(ObligationClocked) = "duban.obligation.resumed" Domain;
    /// 重新计时
    ObligationRestarted(ObligationClocked) = "duban.obligation.restarted" Domain;
    /// 免办
    ObligationWaived(ObligationActed) = "duban.obligation.waived" Domain;
    /// 启动
    ObligationTriggered(ObligationDated) = "duban.obligation.triggered" Domain;
    /// It turned yellow.
    ObligationDueSoon(ObligationLit) = "duban.obligation.due_soon" Domain;
    /// It turned red.
    ObligationOverdue(ObligationLit) = "duban.obligation.overdue" Domain;
    /// An encouraged duty's date passed.
    ObligationLapsed(ObligationLit) = "duban.obligation.lapsed" Domain;
    /// 撤销: a definition or directory no longer has it.
    ObligationWithdrawn(ObligationActed) = "duban.obligation.withdrawn" Domain;
    /// A definition moved its date.
    ObligationRedated(ObligationRedated) = "duban.obligation.redated" Domain;
    /// Its ladder was derived anew, and some steps of it were done.
    ObligationReladdered(ObligationReladdered) = "duban.obligation.reladdered" Domain;
    /// It went over to its unit's successor.
    ObligationTransferred(ObligationTransferred) = "duban.obligation.transferred" Domain;
    /// A running ledger's duties stand under what is in force.
    LedgerRevised(LedgerRevised) = "duban.ledger.revised" Domain;
    /// Somebody is to be told.
    NoticeRequested(NoticeRequested) = "duban.notice.requested" Domain;
    /// Rules' long act goes on.
    RulesContinue(Continuation) = "duban.rules.continue" Passing;

    /// A service wants to be woken.
    TimerArmed(TimerArmed) = "duban.timer.armed" Domain;
    /// A timer is no longer wanted.
    TimerDisarmed(TimerDisarmed) = "duban.timer.disarmed" Domain;
    /// The scheduler took a timer.
    TimerNoted(TimerNoted) = "duban.timer.noted" Domain;
    /// The scheduler let go of a timer.
    TimerDropped(TimerDropped) = "duban.timer.dropped" Domain;
    /// A timer's instant came.
    TimerFired(TimerFired) = "duban.timer.fired" Domain;
    /// Cron occurrences passed unfired.
    TimerMissed(TimerMissed) = "duban.timer.missed" Domain;
    /// The scheduler's long act goes on.
    SchedulerContinue(Continuation) = "duban.scheduler.continue" Passing;

    /// The notifier keeps what it needs of a ledger.
    LedgerNoted(LedgerNoted) = "duban.ledger.noted" Domain;
    /// A contact's choice of channels holds from now on.
    ContactPreferenceNoted(ContactPreferenceNoted) = "duban.contact.preference_noted" Domain;
    /// The notifier keeps a calendar.
    CalendarNoted(CalendarNoted) = "duban.calendar.noted" Domain;
    /// The notifier keeps a silence.
    SilenceNoted(SilenceNoted) = "duban.silence.noted" Domain;
    /// A silence is over.
    SilenceEnded(SilenceEnded) = "duban.silence.ended" Domain;
    /// A message is ready.
    NoticeQueued(NoticeQueued) = "duban.notice.queued" Domain;
    /// A message is not sent.
    NoticeSuppressed(NoticeSuppressed) = "duban.notice.suppressed" Domain;
    /// A message waits for others, for the hours of its receiver, or for the end of maintenance.
    NoticeHeld(NoticeHeld) = "duban.notice.held" Passing;
    /// A held message waits no longer.
    NoticeReleased(NoticeReleased) = "duban.notice.released" Passing;
    /// Held messages leave as one.
    NoticeBundled(NoticeBundled) = "duban.notice.bundled" Passing;
    /// A held message is not sent, since it no longer holds.
    NoticeDropped(NoticeDropped) = "duban.notice.dropped" Passing;
    /// A send is announced.
    NoticeAttempted(NoticeAttempted) = "duban.notice.attempted" Passing;
    /// A send succeeded.
    NoticeDelivered(NoticeDelivered) = "duban.notice.delivered" Passing;
    /// A send failed for now.
    NoticeFailed(NoticeFailed) = "duban.notice.failed" Passing;
    /// No more sends.
    NoticeAbandoned(NoticeAbandoned) = "duban.notice.abandoned" Passing;
    /// The notifier's long act goes on.
    NotifierContinue(Continuation) = "duban.notifier.continue" Passing;
}

impl RecordType {
    /// True for a record that is its own service's next input.
    pub fn is_continuation(self) -> bool {
        matches!(
            self,
            RecordType::RulesContinue
                | RecordType::SchedulerContinue
                | RecordType::NotifierContinue
        )
    }
}

impl Body {
    /// What a person did about a duty, if this is such an act: signing, reporting, submitting,
    /// verifying, returning, asking for, giving or refusing an extension, stopping, resuming or
    /// restarting its clock, waiving, triggering.
    pub fn act(&self) -> Option<&TaskAct> {
        match self {
            Body::TaskAccepted(act)
            | Body::TaskProgressed(act)
            | Body::TaskSubmitted(act)
            | Body::TaskVerified(act)
            | Body::TaskReturned(act)
            | Body::TaskExtensionRequested(act)
            | Body::TaskExtensionApproved(act)
            | Body::TaskExtensionRefused(act)
            | Body::TaskStopped(act)
            | Body::TaskResumed(act)
            | Body::TaskRestarted(act)
            | Body::TaskWaived(act)
            | Body::TaskTriggered(act) => Some(act),
            _ => None,
        }
    }

    /// The obligation that a decision or notice names, if it names one.
    pub fn obligation(&self) -> Option<&str> {
        Some(match self {
            Body::ObligationOpened(r) => &r.obligation,
            Body::ObligationAccepted(r)
            | Body::ObligationProgressed(r)
            | Body::ObligationReopened(r)
            | Body::ObligationExtensionRefused(r)
            | Body::ObligationWaived(r)
            | Body::ObligationWithdrawn(r) => &r.obligation,
            Body::ObligationRedated(r) => &r.obligation,
            Body::ObligationReladdered(r) => &r.obligation,
            Body::ObligationTransferred(r) => &r.to,
            Body::ObligationSubmitted(r) => &r.obligation,
            Body::ObligationReturned(r) => &r.obligation,
            Body::ObligationFulfilled(r) => &r.obligation,
            Body::ObligationTicked(r) => &r.obligation,
            Body::ObligationUnticked(r) => &r.obligation,
            Body::ObligationExtensionRequested(r)
            | Body::ObligationExtended(r)
            | Body::ObligationTriggered(r) => &r.obligation,
            Body::ObligationStopped(r)
            | Body::ObligationResumed(r)
            | Body::ObligationRestarted(r) => &r.obligation,
            Body::ObligationDueSoon(r) | Body::ObligationOverdue(r) | Body::ObligationLapsed(r) => {
                &r.obligation
            }
            Body::NoticeRequested(r) => &r.obligation,
            Body::NoticeQueued(r) => &r.request.obligation,
            Body::NoticeSuppressed(r) => &r.request.obligation,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_and_follows_the_naming_rule() {
        for kind in RecordType::ALL {
            assert_eq!(RecordType::parse(kind.as_str()), Some(*kind));
            let parts: Vec<_> = kind.as_str().split('.').collect();
            assert_eq!((parts.len(), parts[0]), (3, "duban"), "{}", kind.as_str());
        }
    }

    #[test]
    fn whatever_is_named_a_task_event_is_an_act() {
        let text = r#"{"task": "1"}"#;
        let data: Box<RawValue> = serde_json::from_str(text).unwrap();
        for kind in RecordType::ALL {
            let is_named_so = kind.as_str().starts_with("duban.task.");
            let body = Body::parse(*kind, &data);
            let act = body.as_ref().ok().and_then(Body::act);
            assert_eq!(act.is_some(), is_named_so, "{}", kind.as_str());
        }
    }
}
