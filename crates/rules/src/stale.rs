//! Whether a deployment still finds what it was planned on.

use duban_model::fact::Expects;

use crate::decide::Desk;
use crate::state::obligations_digest;

/// Refuses a deployment whose plan has gone stale; true if it was refused. `ledger` is the one that
/// a definition is for; calendars and directories concern all of an office's.
pub(crate) fn is_refused(
    desk: &mut Desk<'_, '_>,
    expects: Option<&Expects>,
    ledger: Option<&str>,
) -> bool {
    let Some(expects) = expects else {
        return false;
    };
    let in_force = ledger.and_then(|id| desk.state.ledger(id));
    let hash = in_force.map(|ledger| ledger.hash.clone());
    let name = |hash: &Option<String>| match hash {
        Some(hash) => format!("definition {hash}"),
        None => "no definition".to_owned(),
    };
    let (found, expected) = if ledger.is_some() && hash != expects.definition {
        (
            format!("{} in force", name(&hash)),
            format!("{}, on which the plan was made", name(&expects.definition)),
        )
    } else {
        let Some(planned) = &expects.obligations else {
            return false;
        };
        let found = obligations_digest(desk.state, &desk.record.tenant, ledger);
        if found == *planned {
            return false;
        }
        (
            format!("obligations with the digest {found}"),
            format!("{planned}, on which the plan was made"),
        )
    };
    desk.reject(
        "plan-is-stale",
        found,
        expected,
        "something happened since the plan was made; look at `duban plan` and deploy again",
    );
    true
}
