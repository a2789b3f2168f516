//! After what counts for a duty has changed: fulfilling what is complete, reopening what no longer is.

use std::collections::BTreeMap;

use duban_model::Body;
use duban_model::decision::{NoticeKind, ObligationActed, ObligationFulfilled};
use duban_model::definition::Tier;

use crate::case::{Case, Notice};
use crate::decide::Desk;
use crate::obligation::ObligationState;

/// After ticks changed: fulfils what is now complete, reopens what no longer is.
pub(crate) fn settle(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let fulfilled_by = &case.owner.fulfilled_by;
    // Nothing is missing where nothing is asked: only people can say that such a duty is done.
    if fulfilled_by.requirements().is_empty() {
        return;
    }
    let complete = case.obligation.is_complete(fulfilled_by);
    let then_submitted = fulfilled_by.takes_submission();
    let state = case.obligation.state;
    let by_publications = case
        .obligation
        .done
        .as_ref()
        .is_some_and(|done| done.how == "publications");
    let in_hand = state.is_running() || state == ObligationState::Submitted;
    if complete && in_hand && !then_submitted {
        let at = case
            .obligation
            .ticks
            .values()
            .flat_map(BTreeMap::values)
            .copied()
            .max()
            .unwrap_or(desk.now());
        let late = case.obligation.is_late(at, case.ledger.definition.zone);
        let body = Body::ObligationFulfilled(ObligationFulfilled {
            obligation: case.id.clone(),
            how: "publications".to_owned(),
            by: None,
            at,
            late,
        });
        case.emit(desk, body);
        case.disarm(desk);
    } else if !complete
        && (state == ObligationState::Fulfilled
            && by_publications
            && !crate::consequence::is_answered(desk, case)
            || state == ObligationState::Submitted && then_submitted)
    {
        let was = if state == ObligationState::Submitted {
            "已报送的事项须补齐后重新报送"
        } else {
            "已销号的事项重新打开"
        };
        let missing = case.missing(desk.state);
        let body = Body::ObligationReopened(ObligationActed {
            obligation: case.id.clone(),
            by: None,
            reason: Some(format!("佐证不再齐全,缺少:{}", missing.join("、"))),
        });
        case.emit(desk, body);
        // The unit hears of it at once, not at the next step of its ladder.
        let due = case.due_shown();
        case.notify(
            desk,
            Notice {
                kind: NoticeKind::Reopened,
                step: "reopened".to_owned(),
                to: Tier::Contact,
                covers: Vec::new(),
                reason: format!(
                    "{was}:佐证不再齐全,缺少{};完成时限{}",
                    missing.join("、"),
                    due
                ),
            },
        );
        let now = desk.now();
        case.resume(desk, now);
    }
}
