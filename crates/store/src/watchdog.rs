//! A process whose store makes no progress is ended: sled can hang forever at no load at all, and
//! a restart is the recovery for which everything here is built.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// No progress for so long ends the process, in seconds.
pub const STALL_SECONDS: u64 = 10;

/// Counts work taken and done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub taken: AtomicU64,
    pub done: AtomicU64,
    /// Why the writer has ended, if the disk refused.
    pub fault: OnceLock<String>,
}

/// Watches one writer from a thread of its own.
#[derive(Debug)]
pub struct Watchdog {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Calls `stalled` once when work that was taken has not been done for `ticks` times `tick`.
    pub(crate) fn start(
        progress: Arc<Progress>,
        tick: Duration,
        ticks: u64,
        stalled: impl FnOnce() + Send + 'static,
    ) -> Watchdog {
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new()
            .name("store-watchdog".to_owned())
            .spawn(move || {
                let (mut last, mut still) = (0, 0);
                while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    let done = progress.done.load(Ordering::SeqCst);
                    let idle = done == progress.taken.load(Ordering::SeqCst)
                        || progress.fault.get().is_some();
                    still = if idle || done != last { 0 } else { still + 1 };
                    last = done;
                    if still >= ticks {
                        return stalled();
                    }
                }
            })
            .expect("a thread can be started");
        Watchdog {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
