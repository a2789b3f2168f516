//! What happened to one duty, line by line, within a bound.

use std::collections::VecDeque;

use duban_model::{RecordId, Timestamp};

/// Lines kept from the beginning of a duty's history, in lines.
pub const FIRST_LINES: usize = 20;
/// Lines kept from its end, in lines. What lies between is counted, and stands on the log.
pub const LAST_LINES: usize = 180;

/// What a line is about, for its mark on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// The duty itself: opened, signed, submitted, returned ….
    Duty,
    /// A light changed.
    Light,
    /// Evidence came or went.
    Evidence,
    /// Somebody is told.
    Notice,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record that says so.
    pub record: RecordId,
    /// The record it was decided on.
    pub cause: Option<RecordId>,
    /// When the log took notice.
    pub at: Timestamp,
    /// What it is about.
    pub matter: Matter,
    /// In one Chinese sentence.
    pub text: String,
}

/// A duty's history: its first and its last lines.
#[derive(Clone, Debug, Default)]
pub struct History {
    first: Vec<Line>,
    last: VecDeque<Line>,
    left_out: u64,
}

impl History {
    /// Adds a line.
    pub fn push(&mut self, line: Line) {
        if self.first.len() < FIRST_LINES {
            self.first.push(line);
            return;
        }
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(line);
    }

    /// The lines kept from the beginning, in order.
    pub fn first(&self) -> &[Line] {
        &self.first
    }

    /// How many lines between the two are not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The lines kept from the end, in order.
    pub fn last(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.last.iter()
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.first.len() + self.last.len()
    }

    /// True if nothing happened yet.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_keeps_its_ends_and_counts_its_middle() {
        let mut history = History::default();
        for n in 0..1_000u16 {
            history.push(Line {
                record: RecordId::derive(&[&n.to_le_bytes()]),
                cause: None,
                at: Timestamp(i64::from(n)),
                matter: Matter::Duty,
                text: n.to_string(),
            });
        }
        assert_eq!(history.len(), FIRST_LINES + LAST_LINES);
        assert_eq!(history.left_out(), 800);
        assert_eq!(history.first()[0].text, "0");
        assert_eq!(history.last().next().unwrap().text, "820");
        assert_eq!(history.last().next_back().unwrap().text, "999");
    }
}
