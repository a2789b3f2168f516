//! Server-sent events: one message a change, throttled.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::access::Viewer;
use crate::follow::asked_to_stop;
use crate::light::Light;
use crate::page::{Clock, chosen_ledger};
use crate::serve::Desk;
use crate::state::ConsoleState;

/// The least time between two messages of one stream: four messages a second.
pub const EVENT_GAP: Duration = Duration::from_millis(250);
/// Streams open at once, in streams; a page that gets none reloads itself instead.
pub const EVENT_STREAMS: usize = 200;
/// A comment that keeps proxies from closing a quiet stream, in seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a page asks to be told about.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    ledger: Option<String>,
}

/// One message.
#[derive(Debug, Serialize)]
struct Told {
    seq: u64,
    date: String,
    day: String,
    time: String,
    virtual_time: bool,
    red: u64,
    yellow: u64,
    green: u64,
    done: u64,
    grey: u64,
    late: u64,
    total: u64,
    /// Nothing for whom it does not concern.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejections: Option<u64>,
}

fn told(state: &ConsoleState, viewer: &Viewer, ledger: Option<&str>) -> Told {
    let look = state.look(viewer);
    let projection = look.seen();
    let ledger = chosen_ledger(&projection, ledger);
    let clock = Clock::of(&projection, ledger);
    let counts = ledger.map(|l| projection.counts(l)).unwrap_or_default();
    Told {
        seq: projection.seq(),
        date: clock.date,
        day: clock.day,
        time: clock.time,
        virtual_time: clock.virtual_time,
        red: counts.of(Light::Red),
        yellow: counts.of(Light::Yellow),
        green: counts.of(Light::Green),
        done: counts.of(Light::Done),
        grey: counts.of(Light::Grey),
        late: counts.late,
        total: counts.total(),
        rejections: projection.rejected(),
    }
}

/// `/events`
pub(crate) async fn events(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
) -> Response {
    let Ok(permit) = Arc::clone(&desk.streams).try_acquire_owned() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "打开的页面过多,请稍后重试\n",
        )
            .into_response();
    };
    let stream = messages(
        desk.state.clone(),
        viewer,
        wanted.ledger,
        desk.shutdown.clone(),
        permit,
    );
    Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// Where one stream stands.
struct Stand {
    state: ConsoleState,
    viewer: Viewer,
    ledger: Option<String>,
    changes: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
    first: bool,
    /// Given back when the stream ends.
    _permit: OwnedSemaphorePermit,
}

fn messages(
    state: ConsoleState,
    viewer: Viewer,
    ledger: Option<String>,
    shutdown: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let stand = Stand {
        changes: state.changes.subscribe(),
        state,
        viewer,
        ledger,
        shutdown,
        first: true,
        _permit: permit,
    };
    stream::unfold(stand, |mut stand| async move {
        let changes = &mut stand.changes;
        let first = std::mem::take(&mut stand.first);
        let moved = async {
            if first {
                return true;
            }
            // Whatever changes meanwhile is told in one message.
            tokio::time::sleep(EVENT_GAP).await;
            changes.changed().await.is_ok()
        };
        let goes_on = tokio::select! {
            () = asked_to_stop(&mut stand.shutdown) => false,
            moved = moved => moved,
        };
        if !goes_on {
            return None;
        }
        stand.changes.mark_unchanged();
        // What was allowed when the stream was opened may be over.
        let viewer = stand.state.still(&stand.viewer)?;
        let told = told(&stand.state, &viewer, stand.ledger.as_deref());
        let text = serde_json::to_string(&told).unwrap_or_default();
        let event = Event::default().event("change").data(text);
        Some((Ok(event), stand))
    })
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use tokio::sync::Semaphore;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::access::bed::Bed;

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_told_in_few_messages() {
        let (_stop, shutdown) = watch::channel(false);
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let bed = Bed::new();
        let state = ConsoleState::default().guarded_by(bed.access.clone());
        let viewer = bed.reader();
        let stream = messages(state.clone(), viewer, None, shutdown, permit);
        tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(5)).await;
                state.changes.send_modify(|seq| *seq += 1);
            }
        });
        let mut stream = std::pin::pin!(stream);
        let mut told = 0;
        let a_second = timeout(Duration::from_millis(1_001), async {
            while stream.next().await.is_some() {
                told += 1;
            }
        });
        assert!(a_second.await.is_err(), "it goes on");
        // The first at once, then at most four a second.
        assert!((4..=5).contains(&told), "{told} messages");
    }
}
