//! What became of notices, and what services refused.

use duban_model::decision::{
    NoticeAbandoned, NoticeAttempted, NoticeDelivered, NoticeFailed, NoticeQueued,
    NoticeSuppressed, RejectionRecorded,
};
use duban_model::directory::Channel;
use duban_model::fact::{NoticeRetryRequested, Outcome};
use duban_model::{Body, RecordId, Service};

use super::Sample;

impl Sample {
    pub fn queued(&mut self, id: &str, notice: &str, step: &str) {
        let body = Body::NoticeQueued(NoticeQueued {
            notice: notice.to_owned(),
            request: self.request(id, step),
            contact: "city-spj/contact".to_owned(),
            contact_title: "政务公开联络员".to_owned(),
            channel: Channel::Mail,
            address: None,
            subject: String::new(),
            text: String::new(),
            instead_of: None,
            held: None,
            tried: Vec::new(),
        });
        self.write(Service::Notifier, body);
    }

    pub fn suppressed(&mut self, id: &str, notice: &str, reason: &str) {
        let body = Body::NoticeSuppressed(NoticeSuppressed {
            notice: notice.to_owned(),
            request: self.request(id, "due"),
            code: "no-contact".to_owned(),
            reason: reason.to_owned(),
        });
        self.write(Service::Notifier, body);
    }

    pub fn abandoned(&mut self, notice: &str, reason: &str) {
        let body = Body::NoticeAbandoned(NoticeAbandoned {
            notice: notice.to_owned(),
            attempts: 1,
            reason: reason.to_owned(),
        });
        self.write(Service::Notifier, body);
    }

    /// Somebody wants a notice tried again; returns the fact.
    pub fn retried(&mut self, notice: &str) -> RecordId {
        let body = Body::NoticeRetryRequested(NoticeRetryRequested {
            notice: notice.to_owned(),
            by: "王".to_owned(),
            reason: None,
        });
        self.write(Service::Intake, body)
    }

    /// A notice that stands in for one that was given up.
    pub fn queued_instead(&mut self, id: &str, notice: &str, before: &str) {
        let body = Body::NoticeQueued(NoticeQueued {
            notice: notice.to_owned(),
            request: self.request(id, "before:15wd"),
            contact: "city-spj/second".to_owned(),
            contact_title: "第二联络员".to_owned(),
            channel: Channel::Sms,
            address: None,
            subject: String::new(),
            text: String::new(),
            instead_of: Some(before.to_owned()),
            held: None,
            tried: Vec::new(),
        });
        self.write(Service::Notifier, body);
    }

    pub fn attempted(&mut self, notice: &str, attempt: u32) {
        let body = Body::NoticeAttempted(NoticeAttempted {
            notice: notice.to_owned(),
            attempt,
            possible_duplicate: false,
        });
        self.write(Service::Notifier, body);
    }

    pub fn failed(&mut self, notice: &str, attempt: u32) {
        let body = Body::NoticeFailed(NoticeFailed {
            notice: notice.to_owned(),
            attempt,
            outcome: Outcome::Failed,
            detail: "连接超时".to_owned(),
            retry_at: self.now,
        });
        self.write(Service::Notifier, body);
    }

    pub fn delivered(&mut self, notice: &str, attempt: u32) {
        let body = Body::NoticeDelivered(NoticeDelivered {
            notice: notice.to_owned(),
            attempt,
            detail: "250 OK".to_owned(),
        });
        self.write(Service::Notifier, body);
    }

    pub fn refused_by(&mut self, service: Service, fact: RecordId, code: &str) {
        let why = RejectionRecorded {
            code: code.to_owned(),
            found: "x".to_owned(),
            expected: "y".to_owned(),
            remedy: "z".to_owned(),
            event_type: None,
            event_source: Some("urn:site".to_owned()),
            event_id: Some(fact.to_string()),
            excerpt: None,
            seen: None,
        };
        self.written(service, Some(fact), Body::RejectionRecorded(why));
    }
}
