//! One endpoint's lane: how fast messages may leave on it, and when it rests. A slow or broken
//! service holds back nothing but its own lane.
//!
//! A service's limit is a queue, never a loss. A service that says it takes no more, or that failed
//! again and again, is left alone: until then every message is answered at once with how long that
//! is, and its retry is the notifier's.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duban_model::fact::Outcome;
use tokio::sync::{Mutex as FirstCome, Notify};
use tokio::time::Instant;
use tracing::warn;

use crate::channel::Answer;

/// After so many failures of the service in a row the lane rests.
pub const FAILURES_IN_A_ROW: u32 = 5;
/// The first rest, in seconds. It doubles with each probe that fails.
pub const FIRST_REST_SECONDS: u64 = 30;
/// The longest rest, in seconds.
pub const LONGEST_REST_SECONDS: u64 = 600;
/// The longest that a lane waits because its service said so, in seconds. The message that was told
/// so waits in full.
pub const LONGEST_HOLD_SECONDS: u64 = 3_600;

/// At most so many messages in any stretch of so many seconds, as the receiver counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Messages.
    pub messages: usize,
    /// Seconds.
    pub seconds: u64,
}

impl Limit {
    fn stretch(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// The state of one lane.
pub(crate) struct Lane {
    name: String,
    limits: Vec<Limit>,
    traffic: Mutex<Traffic>,
    /// Whoever came first has the next turn.
    first: FirstCome<()>,
    freed: Notify,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Traffic {
    /// When earlier sends ended, the oldest first. A service counts a message some time before
    /// its answer is here, so stretches counted between answers are never too short.
    ended: VecDeque<Instant>,
    under_way: usize,
    /// The service's own word: nothing before then.
    held: Option<Instant>,
    failures: u32,
    /// Resting until then; afterwards one message is a probe.
    resting: Option<Instant>,
    rest: Duration,
    probing: bool,
    /// The service wants nothing more of us; nothing leaves until the process starts anew.
    gone: bool,
}

/// The right to send one message now.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    lane: &'a Lane,
    probe: bool,
    over: bool,
}

enum Look {
    Go { probe: bool },
    Until(Instant),
    WhenFreed,
    Gone,
    Rests(&'static str, Duration),
}

impl Lane {
    /// Its endpoint.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// True while it rests after failures in a row.
    pub(crate) fn is_resting(&self) -> bool {
        let traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        traffic.resting.is_some_and(|until| until > Instant::now())
    }

    pub(crate) fn new(name: &str, limits: Vec<Limit>) -> Lane {
        Lane {
            name: name.to_owned(),
            limits,
            traffic: Mutex::new(Traffic {
                ended: VecDeque::new(),
                under_way: 0,
                held: None,
                failures: 0,
                resting: None,
                rest: Duration::from_secs(FIRST_REST_SECONDS),
                probing: false,
                gone: false,
            }),
            first: FirstCome::new(()),
            freed: Notify::new(),
        }
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn; while the lane rests, says at once for how long, and if its service is gone, that
    /// it is.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Answer> {
        let _first = self.first.lock().await;
        loop {
            let freed = self.freed.notified();
            match self.look() {
                Look::Go { probe } => {
                    return Ok(Turn {
                        lane: self,
                        probe,
                        over: false,
                    });
                }
                Look::Until(at) => tokio::time::sleep_until(at).await,
                Look::WhenFreed => freed.await,
                Look::Gone => {
                    return Err(Answer::refused(format!(
                        "not sent: endpoint {} said that it is gone (410) and takes nothing more; correct its address and restart",
                        self.name
                    )));
                }
                Look::Rests(why, wait) => {
                    let detail = format!(
                        "not sent: endpoint {} {why}; to be tried again in {} s",
                        self.name,
                        wait.as_secs().max(1)
                    );
                    return Err(Answer::busy(detail, wait));
                }
            }
        }
    }

    fn look(&self) -> Look {
        let now = Instant::now();
        let mut traffic = self.traffic();
        if traffic.gone {
            return Look::Gone;
        }
        if let Some(held) = traffic.held {
            if now < held {
                return Look::Rests("was told to take a break", held - now);
            }
            traffic.held = None;
        }
        let mut probe = false;
        if let Some(end) = traffic.resting {
            let why = "failed again and again and rests";
            if now < end {
                return Look::Rests(why, end - now);
            }
            if traffic.probing {
                return Look::Rests(why, traffic.rest);
            }
            probe = true;
        }
        for limit in &self.limits {
            if traffic.under_way >= limit.messages {
                return Look::WhenFreed;
            }
            let counted = |at: &&Instant| now < **at + limit.stretch();
            let recent: Vec<Instant> = traffic.ended.iter().filter(counted).copied().collect();
            let free = limit.messages - traffic.under_way;
            if recent.len() >= free {
                return Look::Until(recent[recent.len() - free] + limit.stretch());
            }
        }
        traffic.probing = probe;
        traffic.under_way += 1;
        Look::Go { probe }
    }
}

impl Turn<'_> {
    /// The message was sent, with this answer.
    pub(crate) fn sent(mut self, answer: &Answer) {
        self.over = true;
        let now = Instant::now();
        let lane = self.lane;
        let mut traffic = lane.traffic();
        traffic.under_way -= 1;
        if let Some(longest) = lane.limits.iter().map(Limit::stretch).max() {
            while traffic.ended.front().is_some_and(|at| *at + longest <= now) {
                traffic.ended.pop_front();
            }
            traffic.ended.push_back(now);
        }
        if answer.outcome != Outcome::Delivered
            && let Some(wait) = answer.wait
        {
            let wait = wait.min(Duration::from_secs(LONGEST_HOLD_SECONDS));
            traffic.held = traffic.held.max(Some(now + wait));
        }
        if answer.gone && !traffic.gone {
            traffic.gone = true;
            warn!(
                endpoint = lane.name,
                detail = answer.detail,
                "the endpoint says that it is gone; nothing more is sent to it until it is corrected and the process restarted, and each notice for it goes to whoever comes next"
            );
        }
        if answer.down {
            traffic.failures += 1;
            // Sends that were under way when the rest began do not prolong it.
            let first = traffic.failures >= FAILURES_IN_A_ROW && traffic.resting.is_none();
            if self.probe || first {
                traffic.resting = Some(now + traffic.rest);
                let longest = Duration::from_secs(LONGEST_REST_SECONDS);
                traffic.rest = (traffic.rest * 2).min(longest);
            }
        } else {
            traffic.failures = 0;
            traffic.resting = None;
            traffic.rest = Duration::from_secs(FIRST_REST_SECONDS);
        }
        if self.probe {
            traffic.probing = false;
        }
        drop(traffic);
        lane.freed.notify_waiters();
    }
}

impl Drop for Turn<'_> {
    /// A turn that was not used is given back.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut traffic = self.lane.traffic();
        traffic.under_way -= 1;
        if self.probe {
            traffic.probing = false;
        }
        drop(traffic);
        self.lane.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Limit = Limit {
        messages: 20,
        seconds: 60,
    };

    fn seconds(since: Instant) -> u64 {
        since.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn no_stretch_of_a_minute_sees_more_than_the_limit_and_none_is_lost() {
        let limits = vec![
            MINUTE,
            Limit {
                messages: 5,
                seconds: 1,
            },
        ];
        let lane = Lane::new("robot", limits);
        let mut sent = Vec::new();
        for _ in 0..100 {
            let turn = lane.turn().await.unwrap();
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(30)).await;
            sent.push(begun);
            turn.sent(&Answer::delivered(""));
        }
        for (limit, first) in [(20, 60), (5, 1)] {
            for pair in sent.windows(limit + 1) {
                assert!(pair[limit] - pair[0] >= Duration::from_secs(first));
            }
        }
        let took = *sent.last().unwrap() - sent[0];
        assert!(took < Duration::from_mins(5), "no time is wasted: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_says_when_is_left_alone_until_then() {
        let lane = Lane::new("robot", vec![MINUTE]);
        let busy = Answer::busy("130101", Duration::from_mins(10));
        lane.turn().await.unwrap().sent(&busy);
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(200)).await;
        let answer = lane.turn().await.unwrap_err();
        assert_eq!(
            (answer.outcome, answer.wait_seconds()),
            (Outcome::Failed, Some(400))
        );
        assert_eq!(seconds(start), 200, "said at once");
        tokio::time::advance(Duration::from_secs(400)).await;
        lane.turn().await.unwrap().sent(&Answer::delivered(""));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_gone_is_sent_nothing_more_and_each_message_is_told_why() {
        let lane = Lane::new("hook", Vec::new());
        let (first, beside) = (lane.turn().await.unwrap(), lane.turn().await.unwrap());
        first.sent(&Answer::gone("410"));
        // One that was under way says what it says.
        beside.sent(&Answer::delivered("200"));
        for _ in 0..2 {
            let answer = lane.turn().await.unwrap_err();
            assert_eq!((answer.outcome, answer.wait), (Outcome::Refused, None));
            assert!(answer.detail.contains("endpoint hook said that it is gone"));
            tokio::time::advance(Duration::from_hours(48)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_again_and_again_rests_and_one_probe_wakes_it() {
        let lane = Lane::new("mail", Vec::new());
        let down = || Answer::down("connection refused");
        for _ in 1..FAILURES_IN_A_ROW {
            lane.turn().await.unwrap().sent(&down());
        }
        // A word of the service itself, even a no, begins the count anew.
        lane.turn()
            .await
            .unwrap()
            .sent(&Answer::refused("no such mailbox"));
        for _ in 0..FAILURES_IN_A_ROW {
            lane.turn().await.unwrap().sent(&down());
        }
        let answer = lane.turn().await.unwrap_err();
        assert_eq!(answer.wait_seconds(), Some(30), "{answer:?}");
        tokio::time::advance(Duration::from_secs(30)).await;
        let probe = lane.turn().await.unwrap();
        assert!(lane.turn().await.is_err(), "one probe at a time");
        probe.sent(&down());
        let answer = lane.turn().await.unwrap_err();
        assert_eq!(answer.wait_seconds(), Some(60), "longer each time");
        tokio::time::advance(Duration::from_mins(1)).await;
        drop(lane.turn().await.unwrap());
        lane.turn().await.unwrap().sent(&Answer::delivered(""));
        for _ in 0..10 {
            lane.turn().await.unwrap().sent(&Answer::delivered(""));
        }
    }
}
