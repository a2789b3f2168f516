//! A duty within its unit and back to the office: handed to a colleague, or disowned. Neither moves
//! its date or stops its reminders.

use duban_model::Body;
use duban_model::decision::{NoticeKind, ObligationDelegated};
use duban_model::definition::Tier;
use duban_model::fact::TaskAct;

use crate::case::{Case, Notice};
use crate::clock::{by_and_why, tell};
use crate::decide::Desk;

/// 转办: the colleague is told at once, and first from then on.
pub(crate) fn handed_over(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let wanted = act.contact.as_deref().unwrap_or_default();
    let unit: &str = &case.obligation.unit;
    let unit = desk
        .state
        .directory(&case.obligation.tenant)
        .and_then(|directory| directory.units.get(unit));
    let people = || {
        unit.into_iter()
            .flat_map(|u| u.contacts.iter().chain(&u.leader))
    };
    let Some(contact) = people().find(|contact| contact.id == wanted) else {
        let there: Vec<_> = people().map(|contact| contact.id.as_str()).collect();
        return desk.reject(
            "unknown-contact",
            format!("contact `{wanted}` of `{}`", case.obligation.unit),
            if there.is_empty() {
                "a contact of that unit; the directory has none".to_owned()
            } else {
                format!("one of that unit's contacts: {}", there.join(", "))
            },
            "name a colleague of the same unit, or add the contact to the directory first",
        );
    };
    let body = Body::ObligationDelegated(ObligationDelegated {
        obligation: case.id.clone(),
        contact: contact.id.clone(),
        contact_title: contact.title.clone(),
        by: act.by.clone(),
        reason: act.reason.clone(),
    });
    case.emit(desk, body);
    let due = case.due_shown();
    let reason = format!("本事项已转由您办理{},完成时限{due}", by_and_why(act));
    tell(desk, case, NoticeKind::Delegated, reason);
}

/// 不是我们的: the office hears of it at once. The duty stays with the unit until the office waives
/// it; when the office sends it back, the unit owes it after all.
pub(crate) fn tell_office(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let reason = format!(
        "责任单位提出本事项不由其承担{};请核实后免办或退回,在此之前照常计时、催办",
        by_and_why(act)
    );
    case.notify(
        desk,
        Notice {
            kind: NoticeKind::Disowned,
            step: "disowned".to_owned(),
            to: Tier::Office,
            covers: Vec::new(),
            reason,
        },
    );
}
