//! Requests counted in spans of time, in bounded memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whoever is counted at once; beyond it the oldest span is forgotten.
pub(crate) const COUNTED: usize = 10_000;

/// The spans under way, by whose requests they count.
#[derive(Debug)]
pub(crate) struct Spans<W>(Mutex<BTreeMap<W, (Instant, u32)>>);

impl<W> Default for Spans<W> {
    fn default() -> Self {
        Spans(Mutex::default())
    }
}

impl<W: Ord + Clone> Spans<W> {
    /// Counts one request.
    ///
    /// # Errors
    /// If there were more than `most` within the span `long`: how long until it is over.
    pub fn count(&self, who: W, most: u32, long: Duration) -> Result<(), Duration> {
        let now = Instant::now();
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |(begun, _): &(Instant, u32)| now.duration_since(*begun) < long;
        if spans.len() >= COUNTED {
            spans.retain(|_, span| fresh(span));
        }
        if spans.len() >= COUNTED
            && let Some((oldest, _)) = spans.iter().min_by_key(|(_, span)| span.0)
        {
            let oldest = oldest.clone();
            spans.remove(&oldest);
        }
        let span = spans.entry(who).or_insert((now, 0));
        if !fresh(span) {
            *span = (now, 0);
        }
        span.1 = span.1.saturating_add(1);
        if span.1 <= most {
            Ok(())
        } else {
            Err(long.saturating_sub(now.duration_since(span.0)))
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
