//! The start of a service: its state from the store, or from the log alone, and every own frame
//! that is on the log by now.

use duban_journal::{Follower, Log};
use duban_model::{Decider, Service};
use duban_store::{FORMAT, Saved};
use tracing::debug;

use crate::machine::Machine;
use crate::pace::Pace;
use crate::service::{Lead, Parts, RunError};
use crate::shelf::Shelf;

/// Loads state from the store, or from the log alone, and takes every own frame into account that
/// is there by now; those to come are the follower's.
pub(crate) async fn load<'a, D: Decider>(
    parts: &'a Parts,
    written: &'a mut u64,
) -> Result<(Lead<'a, D>, Follower), RunError> {
    let service = D::SERVICE;
    let log = &parts.log;
    let mut opened = match &parts.state_dir {
        None => None,
        Some(dir) => {
            let (mut store, mut found) = dir.open()?;
            if let Some(saved) = &found.saved
                && let Some(why) = unfit(log, service, saved).await?
            {
                drop(store);
                dir.set_aside(&why)?;
                (store, found) = dir.open()?;
            }
            Some((store, found))
        }
    };
    let rows = opened
        .as_mut()
        .map(|(_, found)| std::mem::take(&mut found.rows))
        .unwrap_or_default();
    let saved = opened.as_ref().and_then(|(_, found)| found.saved.clone());
    let mut machine = match Machine::<D>::new(parts.incarnation, rows) {
        Ok(machine) => machine.numbered_after(*written),
        Err(fault) => {
            // Rows that this release cannot read are rebuilt from the log.
            let (store, _) = opened.take().expect("only stored rows can be unreadable");
            drop(store);
            let dir = parts.state_dir.as_ref().expect("rows came from a folder");
            dir.set_aside(&fault.to_string())?;
            return Box::pin(load::<D>(parts, written)).await;
        }
    };
    let mut last = None;
    if let Some(saved) = &saved
        && let Some(stored) = log.frame(saved.seq).await?
    {
        machine.stand_after(&stored.frame);
        machine = machine.not_before(saved.latest);
        *written = machine.number();
        last = Some(stored);
    }
    let after = last.as_ref().map_or(0, |stored| stored.seq);
    let mut own = log.follow(after, &[service]).await?;
    let mut lead = Lead {
        parts,
        machine,
        shelf: opened.map(|(store, found)| Shelf::new(store, &found, log.id())),
        last,
        tenure: None,
        flight: None,
        written,
        pace: Pace::default(),
    };
    let replayed = lead.catch_up(&mut own).await?;
    if replayed > 0 {
        debug!(%service, replayed, "own frames replayed");
    }
    Ok((lead, own))
}

/// Why a stored position does not belong to this log, if it does not.
async fn unfit(log: &Log, service: Service, saved: &Saved) -> Result<Option<String>, RunError> {
    if saved.format != FORMAT || saved.service != service {
        return Ok(Some(format!(
            "format {} of {}, not {FORMAT} of {service}",
            saved.format, saved.service
        )));
    }
    if saved.log != log.id() {
        return Ok(Some(format!(
            "it was folded from log {}, this is log {}",
            saved.log,
            log.id()
        )));
    }
    match log.frame(saved.seq).await? {
        None => Err(RunError::LogShorter {
            service,
            seq: saved.seq,
        }),
        Some(stored) if stored.frame.digest().short() != saved.digest => Ok(Some(format!(
            "frame {} of the log is not the one it was folded from",
            saved.seq
        ))),
        Some(_) => Ok(None),
    }
}
