//! The forms of a duty's page: only what its state and the viewer's rights allow.

use crate::access::{Right, Seen, Viewer};
use crate::answer::{Filled, MAX_FILE_BYTES, MAX_FILES, accepted, kinds, nonce};
use crate::projection::{Duty, Ledger, TaskRow};

use super::deed::{Deed, Side, colleagues, is_complete};

/// What a viewer may act as, for a unit of an office.
pub(crate) fn sides(viewer: &Viewer, tenant: &str, unit: &str) -> Vec<Side> {
    let for_office = viewer.is_of(tenant) && viewer.may(Right::ActForOffice);
    let all = [
        (Side::Unit, viewer.acts_for(tenant, unit)),
        (Side::Head, viewer.signs_for(tenant, unit)),
        (Side::Office, for_office),
    ];
    let mut sides: Vec<Side> = all
        .into_iter()
        .filter(|(_, may)| *may)
        .map(|(s, _)| s)
        .collect();
    // Who is both acts as the contact, who may do more.
    if sides.contains(&Side::Unit) {
        sides.retain(|side| *side != Side::Head);
    }
    sides
}

/// One form.
pub(crate) struct Offer {
    pub deed: Deed,
    /// Where it is sent.
    pub action: String,
    /// Shown at once; others unfold.
    pub is_open: bool,
    /// The first day that may be chosen.
    pub first: String,
    /// The day that stands there at first.
    pub day: String,
    pub reason: String,
}

impl Offer {
    /// Its name in forms.
    pub fn key(&self) -> &'static str {
        self.deed.as_str()
    }
}

/// All forms of a duty's page, and what they need.
#[derive(Default)]
pub(crate) struct Offered {
    pub offers: Vec<Offer>,
    pub form_key: String,
    pub nonce: String,
    pub filled: Filled,
    /// First what is still missing must be made public.
    pub submit_later: bool,
    pub colleagues: Vec<(String, String)>,
    /// Files may come along.
    pub takes_files: bool,
    pub files: usize,
    pub megabytes: u64,
    pub kinds: String,
    pub accepted: String,
    /// Where notices about it can be silenced.
    pub silence: Option<String>,
}

impl Offered {
    /// What may be done about a duty; `filled` is shown again beside what was wrong with it.
    pub fn of(seen: &Seen<'_>, duty: &Duty, filled: Filled, takes_files: bool) -> Offered {
        let ledger = seen.ledger_of(duty);
        let Some(viewer) = seen.viewer().filter(|viewer| !viewer.form_key().is_empty()) else {
            return Offered::default();
        };
        let by = ledger
            .task(&duty.task)
            .and_then(|task: &TaskRow| task.fulfilled_by(duty.owner));
        let sides = sides(viewer, &ledger.tenant, &duty.unit);
        let colleagues = colleagues(seen.units(), ledger, duty);
        let mut offers = Vec::new();
        for side in &sides {
            for deed in Deed::ALL.into_iter().filter(|deed| deed.is_for(*side)) {
                let fits =
                    deed.fits(duty, by) && (deed != Deed::Delegate || !colleagues.is_empty());
                if fits {
                    offers.push(offer(seen, ledger, duty, (*side, deed), &filled));
                }
            }
        }
        let of_unit = sides.contains(&Side::Unit) || sides.contains(&Side::Head);
        let silence = (sides.contains(&Side::Office) && !duty.stage.is_final()).then(|| {
            format!(
                "/silences?ledger={}&task={}&unit={}",
                crate::page::address::encoded(&ledger.id),
                crate::page::address::encoded(&duty.task),
                crate::page::address::encoded(&duty.unit)
            )
        });
        Offered {
            submit_later: of_unit && Deed::Progress.fits(duty, by) && !is_complete(duty, by),
            offers,
            form_key: viewer.form_key().to_owned(),
            nonce: nonce(),
            filled,
            colleagues,
            takes_files,
            files: MAX_FILES,
            megabytes: MAX_FILE_BYTES >> 20,
            kinds: kinds(),
            accepted: accepted(),
            silence,
        }
    }

    /// Whether there is anything to do.
    pub fn any(&self) -> bool {
        !self.offers.is_empty() || self.submit_later || self.silence.is_some()
    }
}

fn offer(
    seen: &Seen<'_>,
    ledger: &Ledger,
    duty: &Duty,
    (side, deed): (Side, Deed),
    filled: &Filled,
) -> Offer {
    let again = filled.act == deed.as_str();
    let today = seen.now().map(|now| now.date_in(ledger.zone));
    let first = match deed {
        Deed::Extend | Deed::Grant => duty.due.and_then(|due| due.succ_opt()),
        _ => today,
    };
    let asked = duty.extension().filter(|_| deed == Deed::Grant);
    let day = match (again, asked) {
        (true, _) => filled.due.clone(),
        (false, Some(asked)) => asked.to.to_string(),
        (false, None) => String::new(),
    };
    let awaited = match deed {
        Deed::Accept => true,
        Deed::Submit => duty.stage != crate::light::Stage::Open,
        Deed::Verify | Deed::Return => duty.stage == crate::light::Stage::Submitted,
        Deed::Grant | Deed::Refuse => duty.extension().is_some(),
        Deed::Trigger => true,
        _ => false,
    };
    Offer {
        deed,
        action: format!(
            "/act/{}{}",
            side.as_str(),
            crate::page::address::of_obligation(&duty.id).trim_start_matches("/o")
        ),
        is_open: again || (filled.act.is_empty() && awaited),
        first: first.map(|day| day.to_string()).unwrap_or_default(),
        day,
        reason: if again {
            filled.reason.clone()
        } else {
            String::new()
        },
    }
}
