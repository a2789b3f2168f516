//! Texts that many duties and notices have in common, kept once.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Texts kept before it is asked for the first time which of them nobody uses any more.
const SWEPT_FROM: usize = 1_024;

/// The texts in use.
#[derive(Debug)]
pub(super) struct Shared {
    texts: BTreeSet<Arc<str>>,
    sweep_at: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            texts: BTreeSet::new(),
            sweep_at: SWEPT_FROM,
        }
    }
}

impl Shared {
    /// The one copy of a text.
    pub fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        // Texts come from outside, too: what nobody uses goes, so that there are never more than
        // twice as many as in use.
        if self.texts.len() >= self.sweep_at {
            self.texts.retain(|text| Arc::strong_count(text) > 1);
            self.sweep_at = SWEPT_FROM.max(2 * self.texts.len());
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_unused_ones_go() {
        let mut shared = Shared::default();
        let kept = shared.text("before:7wd");
        for n in 0..10 * SWEPT_FROM {
            shared.text(&n.to_string());
        }
        assert!(shared.texts.len() <= SWEPT_FROM);
        assert!(Arc::ptr_eq(&kept, &shared.text("before:7wd")));
    }
}
