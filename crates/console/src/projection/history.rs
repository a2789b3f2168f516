//! Where on the log the lines of one duty's history stand, within a bound.
//!
//! The lines themselves are made when somebody asks for them, from the records read again:
//! 100,000 duties have as many histories, and people look at one.

use duban_model::{RecordId, Timestamp};

use crate::trail::Trail;

/// Lines kept from the beginning of a duty's history, in lines.
pub const FIRST_LINES: usize = 20;
/// Lines kept from its end, in lines. What lies between is counted, and stands on the log.
pub const LAST_LINES: usize = 180;
/// Records of one frame that can be told apart; a frame's largest size allows no more.
const RECORDS_OF_A_FRAME: u64 = 1 << 12;

/// A record's place on the log in one number: ascending, as the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// The place of a frame's `index`-th record.
    pub fn new(seq: u64, index: usize) -> Place {
        let index = (index as u64).min(RECORDS_OF_A_FRAME - 1);
        Place(seq * RECORDS_OF_A_FRAME + index)
    }

    /// The frame.
    pub fn seq(self) -> u64 {
        self.0 / RECORDS_OF_A_FRAME
    }

    /// The record in it.
    pub fn index(self) -> usize {
        usize::try_from(self.0 % RECORDS_OF_A_FRAME).unwrap_or_default()
    }
}

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
    /// In one sentence.
    pub text: String,
}

/// A duty's history: the places of its first and of its last lines.
#[derive(Clone, Debug, Default)]
pub struct History {
    first: Trail,
    later: Option<Box<Later>>,
}

/// What few duties have: more than [`FIRST_LINES`].
#[derive(Clone, Debug, Default)]
struct Later {
    last: Trail,
    left_out: u64,
}

impl History {
    /// Adds the place of a line.
    pub fn push(&mut self, place: Place) {
        if self.later.is_none() && self.first.len() < FIRST_LINES {
            self.first.push(place.0);
            return;
        }
        let later = self.later.get_or_insert_default();
        later.last.push(place.0);
        if later.last.len() > LAST_LINES {
            later.last.forget(0);
            later.left_out += 1;
        }
    }

    /// The lines kept from the beginning, in order.
    pub fn first(&self) -> impl Iterator<Item = Place> {
        self.first.iter().map(Place)
    }

    /// How many lines between the two are not kept.
    pub fn left_out(&self) -> u64 {
        self.later.as_ref().map_or(0, |later| later.left_out)
    }

    /// The lines kept from the end, in order.
    pub fn last(&self) -> impl Iterator<Item = Place> {
        let later = self.later.iter();
        later.flat_map(|later| later.last.iter()).map(Place)
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.first.len() + self.later.as_ref().map_or(0, |later| later.last.len())
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
        for n in 0..1_000usize {
            // Several lines of one frame are as many places.
            history.push(Place::new(1 + n as u64 / 3, n % 3));
        }
        assert_eq!(history.len(), FIRST_LINES + LAST_LINES);
        assert_eq!(history.left_out(), 800);
        assert_eq!(history.first().next(), Some(Place::new(1, 0)));
        assert_eq!(
            history.last().next(),
            Some(Place::new(1 + 820 / 3, 820 % 3))
        );
        assert_eq!(history.last().last(), Some(Place::new(1 + 999 / 3, 0)));
        let place = Place::new(700_000, 433);
        assert_eq!((place.seq(), place.index()), (700_000, 433));
    }
}
