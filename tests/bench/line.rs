//! One JSON line a figure, and the statistics in it.

use std::time::Duration;

use serde_json::{Value, json};

/// Prints a figure: its name, how it was configured, what was measured.
#[expect(clippy::print_stdout, reason = "the figures are the output")]
pub fn figure(bench: &str, cfg: &Value, m: &Value) {
    println!("{}", json!({"bench": bench, "cfg": cfg, "m": m}));
}

/// Says on standard error what is going on.
pub fn note(text: &str) {
    eprintln!("bench: {text}");
}

/// A number with three significant digits, so that lines can be read.
pub fn short(value: f64) -> Value {
    if value == 0.0 || !value.is_finite() {
        return json!(value);
    }
    let digits = 3 - (value.abs().log10().floor() as i32) - 1;
    let factor = 10f64.powi(digits);
    let rounded = (value * factor).round() / factor;
    if digits <= 0 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    }
}

/// The middle of several values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// Median with least and greatest.
pub fn spread(values: &[f64]) -> Value {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    json!({"median": short(median(values)), "min": short(least), "max": short(most), "n": values.len()})
}

/// The value below which a share of all lies.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[place - 1]
}

/// p50, p99 and the greatest of durations in milliseconds.
pub fn latencies(mut millis: Vec<f64>) -> Value {
    millis.sort_by(f64::total_cmp);
    json!({
        "p50_ms": short(percentile(&millis, 0.50)),
        "p99_ms": short(percentile(&millis, 0.99)),
        "max_ms": short(percentile(&millis, 1.0)),
        "n": millis.len(),
    })
}

/// How many a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
