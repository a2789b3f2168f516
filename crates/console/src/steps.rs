//! Ladder steps, kinds of notices, rungs and periods in the language of a page.

use duban_model::calendar::{Period, PeriodKind, Span, SpanUnit};
use duban_model::decision::NoticeKind;
use duban_model::definition::{StepWhen, Tier};
use duban_model::term::Term;

use crate::light::{kind_in_chinese, period_in_chinese, step_in_chinese, tier_in_chinese};
use crate::tongue::Tongue;

/// A ladder step.
pub(crate) fn step(step: &str, tongue: Tongue) -> String {
    match tongue {
        Tongue::Chinese => step_in_chinese(step),
        Tongue::English => step_in_english(step),
    }
}

/// A kind of notice.
pub(crate) fn kind(kind: NoticeKind, tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Chinese => kind_in_chinese(kind),
        Tongue::English => kind_in_english(kind),
    }
}

/// A rung of escalation.
pub(crate) fn tier(tier: Tier, tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Chinese => tier_in_chinese(tier),
        Tongue::English => tier_in_english(tier),
    }
}

/// A period.
pub(crate) fn period(period: Period, tongue: Tongue) -> String {
    match tongue {
        Tongue::Chinese => period_in_chinese(period),
        Tongue::English => period_in_english(period),
    }
}

/// `1 working day`, `3 working days`.
fn counted(n: u32, one: &str) -> String {
    let end = if n == 1 { "" } else { "s" };
    format!("{n} {one}{end}")
}

/// A span as people say it.
pub(crate) fn span_in_english(span: Span) -> String {
    match span.unit() {
        SpanUnit::WorkingDays => counted(span.n(), "working day"),
        SpanUnit::CalendarDays => counted(span.n(), "day"),
    }
}

fn term_in_english(term: Term) -> String {
    match term {
        Term::Days(span) => span_in_english(span),
        Term::Hours(hours) => counted(hours, "hour"),
    }
}

/// A ladder step in English; one that is not known, as it is.
pub(crate) fn step_in_english(step: &str) -> String {
    match step.parse::<StepWhen>() {
        Ok(StepWhen::Before(term)) => format!("{} before the date", term_in_english(term)),
        Ok(StepWhen::Due) => "on the date".to_owned(),
        Ok(StepWhen::Overdue(term)) => format!("{} over the date", term_in_english(term)),
        Ok(StepWhen::Unsigned(term)) => {
            format!("not signed for {} after it opened", term_in_english(term))
        }
        Err(_) => match step {
            "catchup" => "steps from before it opened, in one".to_owned(),
            "returned" => "submission sent back".to_owned(),
            "opened" => "told as it opened".to_owned(),
            "reopened" => "opened again".to_owned(),
            "relook" => "waits for the working-day calendar".to_owned(),
            "yellow" => "turns yellow".to_owned(),
            "red" => "turns red".to_owned(),
            "lapse" => "no reminders after the date".to_owned(),
            "extended" => "extension granted".to_owned(),
            "extension_refused" => "extension refused".to_owned(),
            "waived" => "waived".to_owned(),
            "delegated" => "handed over".to_owned(),
            "disowned" => "the unit says it is not its own".to_owned(),
            "stopped" => "clock stopped".to_owned(),
            "resumed" => "clock goes on".to_owned(),
            "restarted" => "clock started anew".to_owned(),
            other => {
                let span = |prefix| other.strip_prefix(prefix).and_then(|s| s.parse().ok());
                match (span("verify:"), span("stopped:")) {
                    (Some(span), _) => {
                        format!("not verified {} after submission", span_in_english(span))
                    }
                    (_, Some(span)) => format!("clock stopped for {}", span_in_english(span)),
                    _ => other.to_owned(),
                }
            }
        },
    }
}

/// A period in English.
pub(crate) fn period_in_english(period: Period) -> String {
    let (year, index) = (period.year(), period.index());
    match period.kind() {
        PeriodKind::Month => format!("{year}-{index:02}"),
        PeriodKind::Quarter => format!("quarter {index} of {year}"),
        PeriodKind::HalfYear => {
            let half = if index == 1 { "first" } else { "second" };
            format!("{half} half of {year}")
        }
        PeriodKind::Year => format!("the year {year}"),
    }
}

/// A kind of notice in English.
pub(crate) fn kind_in_english(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Reminder => "Reminder",
        NoticeKind::Escalation => "Escalation",
        NoticeKind::Catchup => "Late reminder",
        NoticeKind::Verification => "To verify",
        NoticeKind::Return => "Sent back",
        NoticeKind::Reopened => "Opened again",
        NoticeKind::Extended => "Extension granted",
        NoticeKind::ExtensionRefused => "Extension refused",
        NoticeKind::Waived => "Waived",
        NoticeKind::Stopped => "Clock stopped",
        NoticeKind::Resumed => "Clock goes on",
        NoticeKind::Restarted => "Clock anew",
        NoticeKind::StillStopped => "Clock still stopped",
        NoticeKind::Opened => "New duty",
        NoticeKind::Delegated => "Handed over",
        NoticeKind::Disowned => "Not ours",
        NoticeKind::Digest => "Digest",
    }
}

/// A rung of escalation in English.
pub(crate) fn tier_in_english(tier: Tier) -> &'static str {
    match tier {
        Tier::Contact => "contact",
        Tier::Lead => "lead unit",
        Tier::Leader => "leader in charge",
        Tier::Office => "office",
        Tier::LeadingGroup => "leading group",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_that_chinese_has_has_its_english() {
        for step in [
            "before:15wd",
            "before:3h",
            "due",
            "overdue:1d",
            "unsigned:3wd",
            "catchup",
            "returned",
            "opened",
            "reopened",
            "relook",
            "yellow",
            "red",
            "lapse",
            "extended",
            "extension_refused",
            "waived",
            "delegated",
            "disowned",
            "stopped",
            "resumed",
            "restarted",
            "verify:5wd",
            "stopped:5wd",
        ] {
            assert_ne!(step_in_chinese(step), step);
            let english = step_in_english(step);
            assert!(english.is_ascii(), "{step}: {english}");
            assert!(
                english.contains(' ') || english == step,
                "{step}: {english}"
            );
        }
        assert_eq!(
            step_in_english("before:15wd"),
            "15 working days before the date"
        );
        assert_eq!(step_in_english("overdue:1d"), "1 day over the date");
        assert_eq!(step_in_english("whatever"), "whatever");
    }

    #[test]
    fn periods_are_said_in_english() {
        let said = |text: &str| period_in_english(text.parse().unwrap());
        assert_eq!(said("2021Q3"), "quarter 3 of 2021");
        assert_eq!(said("2021H2"), "second half of 2021");
        assert_eq!(said("2021-07"), "2021-07");
        assert_eq!(said("2021"), "the year 2021");
    }
}
