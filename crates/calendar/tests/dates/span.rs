//! Spans as an author of rules writes them.

use duban_calendar::{MAX_SPAN_DAYS, Span, SpanError, SpanUnit};

#[test]
fn working_and_calendar_days_are_told_apart() {
    let span: Span = "15wd".parse().unwrap();
    assert_eq!((span.n(), span.unit()), (15, SpanUnit::WorkingDays));
    let span: Span = "10d".parse().unwrap();
    assert_eq!((span.n(), span.unit()), (10, SpanUnit::CalendarDays));
    assert_eq!("0wd".parse::<Span>().unwrap().to_string(), "0wd");
}

#[test]
fn a_slip_in_a_span_is_refused_with_the_way_to_write_it() {
    for slip in [
        "",
        "d",
        "wd",
        "15",
        "15 wd",
        " 15wd",
        "15WD",
        "+5d",
        "-5d",
        "05d",
        "1.5d",
        "15w",
        "99999999999d",
        "十五wd",
        "15个工作日",
        "15wdd",
    ] {
        let refusal = slip.parse::<Span>().unwrap_err();
        assert!(matches!(refusal, SpanError::Unreadable { .. }), "{slip}");
        assert!(refusal.to_string().contains("`15wd`"), "{slip}");
    }
}

#[test]
fn a_span_of_years_is_refused() {
    assert!(Span::new(MAX_SPAN_DAYS, SpanUnit::WorkingDays).is_ok());
    let refusal = Err(SpanError::TooLong { n: 401 });
    assert_eq!(Span::new(401, SpanUnit::CalendarDays), refusal);
    assert_eq!("401wd".parse::<Span>(), refusal);
}
