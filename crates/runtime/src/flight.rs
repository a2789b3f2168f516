//! The one frame in flight: given to the log, and not acknowledged yet.
//!
//! While the log makes it durable, its service decides on: state runs ahead by this frame and the
//! one being built. Nobody else knows of it, and nothing is done in the world, until it has landed.

use std::pin::Pin;
use std::sync::Arc;

use duban_journal::Log;
use duban_model::{Effect, Frame};
use tokio::sync::watch;

use crate::clock::stopped;
use crate::fence::{Settled, append};
use crate::leadership::Tenure;
use crate::machine::Built;

/// A frame on its way. Dropped before it has landed, what became of it is not known.
pub(crate) struct Flight {
    /// The frame.
    pub(crate) frame: Arc<Frame>,
    /// What it announced.
    pub(crate) effects: Vec<Effect>,
    append: Pin<Box<dyn Future<Output = Settled> + Send>>,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight")
            .field("frame", &self.frame.head)
            .finish_non_exhaustive()
    }
}

impl Flight {
    /// A frame that has not left yet: it leaves when this is waited for, or [`Flight::landed_by_now`]
    /// is asked.
    pub(crate) fn of(
        built: Built,
        log: Log,
        expected: u64,
        tenure: Tenure,
        mut shutdown: watch::Receiver<bool>,
    ) -> Flight {
        let Built { frame, effects } = built;
        let sent = frame.clone();
        let append = async move {
            // A lease that ran out while the log was away, or this process stood still, may be
            // another's by now.
            let holds = tokio::select! {
                biased;
                holds = tenure.confirmed() => holds,
                () = stopped(&mut shutdown) => return Settled::Stopped,
            };
            if holds {
                append(&log, &sent, expected, &mut shutdown).await
            } else {
                Settled::Lost
            }
        };
        Flight {
            frame,
            effects,
            append: Box::pin(append),
        }
    }

    /// Waits until it has landed. To be called no more once it has.
    pub(crate) async fn landed(&mut self) -> Settled {
        (&mut self.append).await
    }

    /// What became of it, if that is known by now.
    pub(crate) async fn landed_by_now(&mut self) -> Option<Settled> {
        tokio::select! {
            biased;
            settled = &mut self.append => Some(settled),
            () = std::future::ready(()) => None,
        }
    }
}

/// Waits until a frame in flight has landed; for ever if there is none.
pub(crate) async fn landing(flight: &mut Option<Flight>) -> Settled {
    match flight {
        Some(flight) => flight.landed().await,
        None => std::future::pending().await,
    }
}
