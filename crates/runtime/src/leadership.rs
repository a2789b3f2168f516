//! Who writes for a service when several processes could: a lease in the broker.
//!
//! The holder renews its lease; a candidate takes it over when it has not moved for some time on
//! the candidate's *own* clock. No two machines' clocks are ever compared, and none is a wall
//! clock. A holder that cannot renew stops by itself before anybody may take over.
//!
//! A lease is a courtesy. The truth is the fence (`fence.rs`): whatever two processes believe, the
//! log takes a frame of only one of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Holder, Lease, Leases, Log, LogError};
use duban_model::Service;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use crate::RELEASE;
use crate::clock::draw_incarnation;

/// A holder renews its lease this often.
const RENEWED: Duration = Duration::from_millis(700);
/// A lease holds for so long after its last renewal was sent.
const HOLDS: Duration = Duration::from_millis(2_500);
/// A lease that has not moved for so long may be taken over. More than [`HOLDS`]: the difference is
/// what two machines' clocks may run apart in that time.
const TAKEN_AFTER: Duration = Duration::from_secs(3);
/// A candidate looks at the lease this often.
const LOOK: Duration = Duration::from_millis(250);
/// An answer about a lease that takes longer is given up; the next one may come faster.
const ANSWER: Duration = Duration::from_secs(1);
/// The file in a role's state folder that names the folder; see [`Holder::seat`].
const SEAT_FILE: &str = "seat";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nobody else can write.
    Alone,
    /// Until this instant, unless renewed.
    Until(Instant),
    /// Over, for good.
    Over,
}

/// One stretch of being the one who writes. Once over it never comes back. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tenure(Arc<watch::Sender<Standing>>);

impl Tenure {
    fn new(standing: Standing) -> Tenure {
        Tenure(Arc::new(watch::Sender::new(standing)))
    }

    /// One that nobody disputes.
    pub fn alone() -> Tenure {
        Tenure::new(Standing::Alone)
    }

    /// True when new work may begin now.
    pub fn holds(&self) -> bool {
        match *self.0.borrow() {
            Standing::Alone => true,
            Standing::Until(end) => Instant::now() < end,
            Standing::Over => false,
        }
    }

    /// Waits, while the lease has run out and its fate is unknown, until it holds again (true: then
    /// nobody else held it in between) or is over.
    pub async fn confirmed(&self) -> bool {
        let mut standing = self.0.subscribe();
        loop {
            // Marked as seen before it is looked at, so that no change is missed.
            if *standing.borrow_and_update() == Standing::Over {
                return false;
            }
            if self.holds() {
                return true;
            }
            if standing.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Returns once it is over.
    pub async fn over(&self) {
        let mut standing = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = standing.wait_for(|s| *s == Standing::Over).await;
    }

    fn renew(&self, end: Instant) {
        self.0.send_if_modified(|standing| {
            let goes_on = *standing != Standing::Over;
            if goes_on {
                *standing = Standing::Until(end);
            }
            goes_on
        });
    }

    fn end(&self) {
        self.0.send_replace(Standing::Over);
    }
}

/// What became of a candidate.
#[derive(Clone, Debug)]
enum News {
    StandsBy,
    Leads(Tenure),
    Refused(LogError),
}

/// A process that writes for a service, or would. Dropping it ends its tenure and lets the lease
/// run out; [`Candidate::resign`] gives it back.
#[derive(Debug)]
pub(crate) struct Candidate {
    news: watch::Receiver<News>,
    stop: watch::Sender<bool>,
    keeper: Option<JoinHandle<()>>,
}

impl Candidate {
    /// Begins to try. On a log that one process holds there is nothing to wait for.
    pub(crate) fn start(
        log: &Log,
        service: Service,
        incarnation: u64,
        state: Option<&Path>,
    ) -> Candidate {
        let (tell, news) = watch::channel(News::StandsBy);
        let (stop, stopping) = watch::channel(false);
        let keeper = match log.leases() {
            None => {
                tell.send_replace(News::Leads(Tenure::new(Standing::Alone)));
                None
            }
            Some(leases) => {
                let keeper = Keeper {
                    leases,
                    service,
                    me: Holder {
                        incarnation,
                        seat: state.map(seat).unwrap_or_default(),
                        host: host(),
                        pid: std::process::id(),
                        release: RELEASE.to_owned(),
                    },
                    tell,
                    stopping,
                };
                Some(tokio::spawn(keeper.run()))
            }
        };
        Candidate { news, stop, keeper }
    }

    /// Waits until this process is the one who writes.
    pub(crate) async fn gained(&mut self) -> Result<Tenure, LogError> {
        let news = self
            .news
            .wait_for(|news| !matches!(news, News::StandsBy))
            .await
            .map_err(|_| LogError::Unavailable("the lease is not looked after".to_owned()))?;
        match &*news {
            News::Leads(tenure) => Ok(tenure.clone()),
            News::Refused(fault) => Err(fault.clone()),
            News::StandsBy => unreachable!("waited for something else"),
        }
    }

    /// Gives the lease back, so that another need not wait until it has run out.
    pub(crate) async fn resign(mut self) {
        self.stop.send_replace(true);
        if let Some(keeper) = self.keeper.take()
            && timeout(ANSWER * 2, keeper).await.is_err()
        {
            debug!("the lease was not given back; it runs out");
        }
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
        if let News::Leads(tenure) = &*self.news.borrow() {
            tenure.end();
        }
    }
}

/// Holds one service's lease, or tries to.
struct Keeper {
    leases: Leases,
    service: Service,
    me: Holder,
    tell: watch::Sender<News>,
    stopping: watch::Receiver<bool>,
}

impl Keeper {
    async fn run(mut self) {
        let kept = match self.contend().await {
            Ok(None) => return,
            Ok(Some((revision, sent))) => {
                let tenure = Tenure::new(Standing::Until(sent + HOLDS));
                self.tell.send_replace(News::Leads(tenure.clone()));
                let kept = self.hold(&tenure, revision).await;
                tenure.end();
                kept
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = kept {
            self.tell.send_replace(News::Refused(fault));
        }
    }

    /// Tries until the lease is taken, and says at which revision and when that was asked for;
    /// nothing when the process is to stop.
    async fn contend(&mut self) -> Result<Option<(u64, Instant)>, LogError> {
        let mut patience = Patience::default();
        // Takes a lease that nobody ever held, and shows at once whether this user may write it.
        let mut attempt = Some(0);
        let mut known = None;
        loop {
            if let Some(expected) = attempt {
                let sent = Instant::now();
                if let Some(revision) = self.write(expected).await? {
                    return Ok(Some((revision, sent)));
                }
            }
            attempt = None;
            if let Some(lease) = self.look().await? {
                if patience.is_over(&lease, &self.me, Instant::now()) {
                    attempt = Some(lease.revision);
                    if let Some(holder) = &lease.holder {
                        info!(service = %self.service, was = %shown(holder), "taking over the lease");
                    }
                    continue;
                }
                let holder = lease.holder.unwrap_or_default();
                if known != Some(holder.incarnation) {
                    info!(service = %self.service, leader = %shown(&holder), "stands by");
                    known = Some(holder.incarnation);
                }
            }
            if self.pause(LOOK).await {
                return Ok(None);
            }
        }
    }

    /// Renews until the process is to stop, or another has taken over.
    async fn hold(&mut self, tenure: &Tenure, mut revision: u64) -> Result<(), LogError> {
        info!(service = %self.service, revision, "leads");
        let mut wait = RENEWED;
        loop {
            if self.pause(wait).await {
                // New work has ended before this; the next one may begin at once.
                tenure.end();
                let given = self.leases.write(self.service, None, revision);
                let _ = timeout(ANSWER, given).await;
                return Ok(());
            }
            let sent = Instant::now();
            match timeout(
                ANSWER,
                self.leases.write(self.service, Some(&self.me), revision),
            )
            .await
            {
                Ok(Ok(Some(renewed))) => {
                    revision = renewed;
                    tenure.renew(sent + HOLDS);
                    wait = RENEWED;
                    continue;
                }
                // Another revision stands. It is ours if an earlier answer was lost.
                Ok(Ok(None)) => {
                    if let Some(lease) = self.look().await? {
                        let holder = lease.holder.unwrap_or_default();
                        if holder.incarnation != self.me.incarnation {
                            warn!(service = %self.service, leader = %shown(&holder), "another has taken over");
                            return Ok(());
                        }
                        revision = lease.revision;
                        wait = Duration::ZERO;
                        continue;
                    }
                }
                Ok(Err(fault @ (LogError::Refused(_) | LogError::Damaged(_)))) => {
                    return Err(fault);
                }
                Ok(Err(LogError::Unavailable(why))) => {
                    debug!(service = %self.service, why, "the lease is not renewed");
                }
                Err(_) => debug!(service = %self.service, "the lease is not renewed in time"),
            }
            if !tenure.holds() {
                warn!(service = %self.service, "the lease has run out and cannot be renewed; nothing new is begun");
            }
            wait = LOOK;
        }
    }

    /// Writes the lease in this process's name; nothing when it stands elsewhere or the broker
    /// does not say.
    async fn write(&self, expected: u64) -> Result<Option<u64>, LogError> {
        let write = self.leases.write(self.service, Some(&self.me), expected);
        borne(self.service, timeout(ANSWER, write).await).map(Option::flatten)
    }

    /// The lease as it stands; nothing when the broker does not say.
    async fn look(&self) -> Result<Option<Lease>, LogError> {
        borne(
            self.service,
            timeout(ANSWER, self.leases.look(self.service)).await,
        )
    }

    /// Waits; true when the process is to stop.
    async fn pause(&mut self, wait: Duration) -> bool {
        // A sender that is gone means the same.
        timeout(wait, self.stopping.wait_for(|stop| *stop))
            .await
            .is_ok()
    }
}

/// Takes what may be asked again for nothing.
fn borne<T, E>(
    service: Service,
    answer: Result<Result<T, LogError>, E>,
) -> Result<Option<T>, LogError> {
    match answer {
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(LogError::Unavailable(why))) => {
            debug!(%service, why, "the broker does not say whose the lease is");
            Ok(None)
        }
        Ok(Err(fault)) => Err(fault),
        Err(_) => Ok(None),
    }
}

/// How long a candidate has seen a lease stand still.
#[derive(Debug, Default)]
struct Patience {
    seen: Option<(u64, Instant)>,
}

impl Patience {
    /// True when the lease as seen now may be taken: it was given back, its holder is known to have
    /// ended, or it has not moved for too long.
    fn is_over(&mut self, lease: &Lease, me: &Holder, now: Instant) -> bool {
        let Some(holder) = &lease.holder else {
            return true;
        };
        // An earlier tenure of this very process, or a process whose folder this one has locked.
        if holder.incarnation == me.incarnation || (!me.seat.is_empty() && holder.seat == me.seat) {
            return true;
        }
        match self.seen {
            Some((revision, since)) if revision == lease.revision => now >= since + TAKEN_AFTER,
            _ => {
                self.seen = Some((lease.revision, now));
                false
            }
        }
    }
}

/// A holder as people know it.
fn shown(holder: &Holder) -> String {
    let Holder {
        host, pid, release, ..
    } = holder;
    format!("process {pid} on {host}, release {release}")
}

/// Names a state folder that this process has locked, as the lease shows it. A folder that was
/// copied elsewhere is another one, so place and machine belong to the name. Empty when the folder
/// cannot be named: its next process then waits until the lease has run out.
fn seat(state: &Path) -> String {
    let file = state.join(SEAT_FILE);
    let id = std::fs::read_to_string(&file)
        .ok()
        .filter(|id| !id.is_empty());
    let id = id.or_else(|| {
        let id = format!("{:014x}", draw_incarnation());
        std::fs::write(&file, &id).ok().map(|()| id)
    });
    let place = std::fs::canonicalize(state).ok();
    match (id, place) {
        (Some(id), Some(place)) => format!("{id}@{}:{}", host(), place.display()),
        _ => String::new(),
    }
}

/// This machine's name.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .map_or_else(|_| "?".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn holder(incarnation: u64, seat: &str) -> Holder {
        Holder {
            incarnation,
            seat: seat.to_owned(),
            ..Holder::default()
        }
    }

    fn held(revision: u64, holder: Holder) -> Lease {
        Lease {
            revision,
            holder: Some(holder),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_moves_is_never_taken_and_one_that_stands_still_is_taken_late_enough() {
        let (me, other) = (holder(1, "a"), holder(2, "b"));
        let start = Instant::now();
        let mut patience = Patience::default();
        for n in 0..20 {
            let now = start + RENEWED * n;
            assert!(!patience.is_over(&held(u64::from(n) + 1, other.clone()), &me, now));
        }
        let last = start + RENEWED * 19;
        let still = held(20, other);
        assert!(!patience.is_over(&still, &me, last + HOLDS));
        assert!(patience.is_over(&still, &me, last + TAKEN_AFTER));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_or_cannot_be_held_any_more_is_taken_at_once() {
        let me = holder(1, "a");
        let now = Instant::now();
        let free = Lease {
            revision: 7,
            holder: None,
        };
        assert!(Patience::default().is_over(&free, &me, now), "given back");
        let own = held(7, holder(1, ""));
        assert!(
            Patience::default().is_over(&own, &me, now),
            "an earlier tenure"
        );
        let folder = held(7, holder(2, "a"));
        assert!(
            Patience::default().is_over(&folder, &me, now),
            "its folder is ours"
        );
        let nameless = held(7, holder(2, ""));
        assert!(!Patience::default().is_over(&nameless, &holder(1, ""), now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenure_lapses_by_itself_may_be_renewed_and_never_comes_back_once_over() {
        let tenure = Tenure::new(Standing::Until(Instant::now() + HOLDS));
        assert!(tenure.holds());
        sleep(HOLDS).await;
        assert!(!tenure.holds(), "nobody had to say so");
        tenure.renew(Instant::now() + HOLDS);
        assert!(tenure.confirmed().await);
        tenure.end();
        tenure.renew(Instant::now() + HOLDS);
        assert!(!tenure.holds() && !tenure.confirmed().await);
        tenure.over().await;
        assert!(Tenure::new(Standing::Alone).holds());
    }

    #[test]
    fn a_folder_keeps_its_seat_and_a_copy_of_it_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for dir in [&one, &other] {
            std::fs::create_dir(dir).unwrap();
        }
        let named = seat(&one);
        assert_eq!(seat(&one), named);
        std::fs::copy(one.join(SEAT_FILE), other.join(SEAT_FILE)).unwrap();
        assert_ne!(seat(&other), named);
        assert_eq!(seat(&folder.path().join("missing")), "");
    }
}
