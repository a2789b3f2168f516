//! The course of each notice, checked from record to record: queued, announced, reported, ended.
//!
//! Whoever could take records out of the middle of a log and mend its chain would still have to
//! leave every notice a course that the notifier could have written.

use std::collections::BTreeMap;

use duban_model::fact::Outcome;
use duban_model::{Body, NoticeId};

/// How far one notice has come.
#[derive(Clone, Debug, Default)]
struct Course {
    attempts: u32,
    /// The last attempt is not reported.
    under_way: bool,
    /// An earlier attempt may have arrived: whatever is sent now bears a label.
    may_have_arrived: bool,
    /// How it ended, if it did.
    end: Option<&'static str>,
    /// The notices that it stands for, which end as it does.
    covers: Vec<NoticeId>,
}

/// A step that does not follow from the ones before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutOfCourse {
    pub expected: String,
    pub found: String,
}

/// The courses of all notices on a log.
#[derive(Debug, Default)]
pub(crate) struct Courses(BTreeMap<String, Course>);

impl Courses {
    /// How many notices there are, suppressed ones too.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the next record of the log.
    pub(crate) fn follow(&mut self, body: &Body) -> Result<(), OutOfCourse> {
        match body {
            Body::NoticeQueued(r) => {
                if let Some(other) = &r.instead_of {
                    self.ended(other, "abandoned", &r.notice)?;
                }
                self.begin(&r.notice, None)
            }
            Body::NoticeSuppressed(r) => self.begin(&r.notice, Some("suppressed")),
            Body::NoticeAttempted(r) => {
                let course = self.running(&r.notice, "attempted")?;
                let expected = course.attempts + 1;
                if r.attempt != expected {
                    return strange(
                        format!("attempt {expected} at notice {}", r.notice),
                        format!("attempt {}", r.attempt),
                    );
                }
                course.may_have_arrived |= course.under_way;
                if course.may_have_arrived && !r.possible_duplicate {
                    return strange(
                        format!(
                            "attempt {expected} at notice {} labelled a possible duplicate, since \
                             an earlier one may have arrived",
                            r.notice
                        ),
                        "no label".to_owned(),
                    );
                }
                course.attempts = r.attempt;
                course.under_way = true;
                Ok(())
            }
            Body::NoticeFailed(r) => {
                let course = self.running(&r.notice, "failed")?;
                if r.attempt != course.attempts || !course.under_way {
                    return strange(
                        format!("attempt {} of notice {}", course.attempts, r.notice),
                        format!("the failure of attempt {}", r.attempt),
                    );
                }
                course.under_way = false;
                course.may_have_arrived |= r.outcome == Outcome::Unknown;
                Ok(())
            }
            Body::NoticeDelivered(r) => {
                let course = self.running(&r.notice, "delivered")?;
                // The answer to an earlier attempt may come late, and then ends the notice.
                if r.attempt == 0 || r.attempt > course.attempts {
                    return strange(
                        format!(
                            "at most attempt {} of notice {}, the last announced",
                            course.attempts, r.notice
                        ),
                        format!("the delivery of attempt {}", r.attempt),
                    );
                }
                course.end = Some("delivered");
                self.end_covered(&r.notice, "delivered");
                Ok(())
            }
            Body::NoticeAbandoned(r) => {
                let course = self.running(&r.notice, "abandoned")?;
                if r.attempts != course.attempts {
                    return strange(
                        format!("{} attempts at notice {}", course.attempts, r.notice),
                        format!("{} attempts", r.attempts),
                    );
                }
                course.end = Some("abandoned");
                self.end_covered(&r.notice, "abandoned");
                Ok(())
            }
            // What stands for several is announced and reported under an id of its own.
            Body::NoticeBundled(r) => {
                for covered in &r.covers {
                    self.running(covered, "bundled")?.end = Some("bundled");
                }
                self.begin(&r.notice, None)?;
                let course = self.running(&r.notice, "bundled")?;
                course.covers.clone_from(&r.covers);
                Ok(())
            }
            Body::NoticeHeld(r) => self.running(&r.notice, "held").map(|_| ()),
            Body::NoticeDropped(r) => {
                self.running(&r.notice, "dropped")?.end = Some("dropped");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end_covered(&mut self, bundle: &str, end: &'static str) {
        let course = self.0.get_mut(bundle);
        let covers = course.map(|course| std::mem::take(&mut course.covers));
        for covered in covers.unwrap_or_default() {
            if let Some(course) = self.0.get_mut(&covered) {
                course.end = Some(end);
            }
        }
    }

    fn begin(&mut self, notice: &str, end: Option<&'static str>) -> Result<(), OutOfCourse> {
        let course = Course {
            end,
            ..Course::default()
        };
        match self.0.insert(notice.to_owned(), course) {
            None => Ok(()),
            Some(before) => strange(
                format!("notice {notice} queued or suppressed once"),
                format!(
                    "a second time, after {} attempts{}",
                    before.attempts,
                    before.end.map(|end| format!(", {end}")).unwrap_or_default()
                ),
            ),
        }
    }

    /// The course of a notice that goes on.
    fn running(&mut self, notice: &str, what: &str) -> Result<&mut Course, OutOfCourse> {
        match self.0.get_mut(notice) {
            None => strange(
                format!("notice {notice} queued before it is {what}"),
                "no such record before it".to_owned(),
            ),
            Some(Course { end: Some(end), .. }) => strange(
                format!("nothing more of notice {notice}, which was {end}"),
                what.to_owned(),
            ),
            Some(course) => Ok(course),
        }
    }

    /// Whether a notice that another one stands in for ended so.
    fn ended(&self, notice: &str, how: &str, by: &str) -> Result<(), OutOfCourse> {
        let end = self.0.get(notice).map(|course| course.end);
        if end == Some(Some(how)) {
            return Ok(());
        }
        strange(
            format!("notice {notice} {how} before notice {by} stands in for it"),
            match end {
                None => "no such notice before it".to_owned(),
                Some(None) => "a notice that goes on".to_owned(),
                Some(Some(end)) => format!("a notice that was {end}"),
            },
        )
    }
}

fn strange<T>(expected: String, found: String) -> Result<T, OutOfCourse> {
    Err(OutOfCourse { expected, found })
}
