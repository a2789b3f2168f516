//! Subjects: which texts may become part of one, and what ours look like.

use duban_model::frame::Service;
use duban_model::record::MAX_EVENT_BYTES;

use crate::fault::SubmitError;

/// The longest subject of an inbox message, in bytes.
pub(crate) const MAX_SUBJECT_BYTES: usize = 200;

/// What every inbox subject begins with.
pub(crate) const INBOX_PREFIX: &str = "duban.in.";

/// The one subject of a service's frames.
pub(crate) fn log_subject(partition: u16, service: Service) -> String {
    format!("duban.log.{partition}.{service}")
}

/// The one subject of a service's lease.
pub(crate) fn lease_subject(partition: u16, service: Service) -> String {
    format!("duban.lease.{partition}.{service}")
}

/// The service whose frames come on this subject.
pub(crate) fn service_of(subject: &str) -> Option<Service> {
    subject.rsplit('.').next()?.parse().ok()
}

/// An inbox subject without its prefix: `tenant.noun.verb`.
pub(crate) fn inbox_words(subject: &str) -> Option<String> {
    subject
        .strip_prefix(INBOX_PREFIX)
        .filter(|words| !words.is_empty())
        .map(str::to_owned)
}

/// Checks size and subject of a submission, and builds the subject.
///
/// Every log does this alike, so that what one accepts the others accept.
pub(crate) fn inbox_subject(tenant: &str, tail: &str, bytes: usize) -> Result<String, SubmitError> {
    if bytes > MAX_EVENT_BYTES {
        return Err(SubmitError::TooLarge {
            bytes,
            limit: MAX_EVENT_BYTES,
        });
    }
    if !is_token(tenant) {
        return Err(SubmitError::BadSubject(format!(
            "tenant `{}` is not one subject token (no dots, wildcards, spaces or control characters)",
            tenant.escape_debug()
        )));
    }
    if !tail.split('.').all(is_token) {
        return Err(SubmitError::BadSubject(format!(
            "`{}` is not a noun and a verb such as publication.published",
            tail.escape_debug()
        )));
    }
    let subject = format!("{INBOX_PREFIX}{tenant}.{tail}");
    if subject.len() > MAX_SUBJECT_BYTES {
        return Err(SubmitError::BadSubject(format!(
            "a subject of {} bytes; at most {MAX_SUBJECT_BYTES}",
            subject.len()
        )));
    }
    Ok(subject)
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_built_and_read_back() {
        let subject = inbox_subject("tongliao", "publication.published", 10).unwrap();
        assert_eq!(subject, "duban.in.tongliao.publication.published");
        assert_eq!(
            inbox_words(&subject).as_deref(),
            Some("tongliao.publication.published")
        );
        assert_eq!(inbox_words("duban.in."), None);
        assert_eq!(inbox_words("duban.log.0.rules"), None);
        for service in Service::ALL {
            assert_eq!(service_of(&log_subject(3, service)), Some(service));
        }
    }

    #[test]
    fn what_cannot_be_part_of_a_subject_is_refused() {
        for tenant in ["", "a.b", "*", ">", "a b", "a\n", "a\u{0}"] {
            assert!(
                matches!(
                    inbox_subject(tenant, "task.accepted", 1),
                    Err(SubmitError::BadSubject(_))
                ),
                "{tenant:?}"
            );
        }
        for tail in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "publication.*",
            "publication.>",
            "a b",
        ] {
            assert!(
                matches!(
                    inbox_subject("tongliao", tail, 1),
                    Err(SubmitError::BadSubject(_))
                ),
                "{tail:?}"
            );
        }
        let long = "x".repeat(MAX_SUBJECT_BYTES);
        assert!(inbox_subject("tongliao", &long, 1).is_err());
    }

    #[test]
    fn any_subject_is_read_or_refused() {
        let pieces = [
            "duban.in.",
            "duban",
            ".",
            "..",
            "*",
            ">",
            "规",
            "\u{0}",
            " ",
            "tongliao",
            "rules",
            "\u{202e}",
        ];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let text = format!("{a}{b}{c}");
                    let _ = (service_of(&text), inbox_words(&text));
                    if let Ok(subject) = inbox_subject(a, &format!("{b}.{c}"), 1) {
                        assert_eq!(inbox_words(&subject), Some(format!("{a}.{b}.{c}")));
                    }
                }
            }
        }
    }
}
