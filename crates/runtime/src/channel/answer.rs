//! What became of a send. Nothing here means success unless somebody said so.

use std::time::Duration;

use duban_model::fact::Outcome;

/// The longest wait that another side's answer is believed, in seconds: one day.
pub const LONGEST_WAIT_SECONDS: u64 = 86_400;

/// What became of a send, and the other side's answer in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// One of four.
    pub outcome: Outcome,
    /// The other side's words, or the fault.
    pub detail: String,
    /// The other side wants to be left alone for so long.
    pub wait: Option<Duration>,
    /// True when the service itself seems to be down, not only this one message unwelcome. A lane
    /// that sees this again and again rests.
    pub down: bool,
    /// The service says that this address is not to be used again.
    pub gone: bool,
}

impl Answer {
    fn new(outcome: Outcome, detail: impl Into<String>) -> Answer {
        Answer {
            outcome,
            detail: detail.into(),
            wait: None,
            down: false,
            gone: false,
        }
    }

    /// The service said yes.
    pub fn delivered(detail: impl Into<String>) -> Answer {
        Answer::new(Outcome::Delivered, detail)
    }

    /// It said no, and asking again will not help.
    pub fn refused(detail: impl Into<String>) -> Answer {
        Answer::new(Outcome::Refused, detail)
    }

    /// It said no, for this message and for all further ones.
    pub fn gone(detail: impl Into<String>) -> Answer {
        Answer {
            gone: true,
            ..Answer::refused(detail)
        }
    }

    /// It said no for now.
    pub fn failed(detail: impl Into<String>) -> Answer {
        Answer::new(Outcome::Failed, detail)
    }

    /// It could not be reached, or is broken; nothing was delivered.
    pub fn down(detail: impl Into<String>) -> Answer {
        Answer {
            down: true,
            ..Answer::failed(detail)
        }
    }

    /// The message may have been delivered and nobody said so.
    pub fn unknown(detail: impl Into<String>) -> Answer {
        Answer {
            down: true,
            ..Answer::new(Outcome::Unknown, detail)
        }
    }

    /// It takes no more for so long.
    pub fn busy(detail: impl Into<String>, wait: Duration) -> Answer {
        Answer::failed(detail).after(Some(wait))
    }

    /// The same, not to be tried again before so long.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Answer {
        self.wait = wait.map(|wait| wait.min(Duration::from_secs(LONGEST_WAIT_SECONDS)));
        self
    }

    /// The same, with the longer of its own wait and this.
    #[must_use]
    pub fn max_wait(self, wait: Option<Duration>) -> Answer {
        let longer = self.wait.max(wait);
        self.after(longer)
    }

    /// The wait in whole seconds, rounded up.
    pub fn wait_seconds(&self) -> Option<u32> {
        let wait = self.wait?;
        let more = u64::from(wait.subsec_nanos() > 0);
        u32::try_from(wait.as_secs() + more).ok()
    }
}
