//! Publications and matters as what opens duties: which rules an event meets, and what of what it
//! had opened goes when it changes or is withdrawn.

use std::collections::BTreeSet;

use duban_model::decision::{Arose, Consequence, Occasion};
use duban_model::definition::EventSort;
use duban_model::fact::{Matter, MatterWithdrawn, Publication, PublicationWithdrawn};
use duban_model::id::{LedgerId, TaskId};
use duban_model::record::cut;

use crate::decide::Desk;
use crate::field::Shown;
use crate::judge::judge;
use crate::openers::Openers;

/// The longest title that a duty keeps of what it was opened for, in bytes of UTF-8.
pub(crate) const MAX_TITLE_BYTES: usize = 600;

/// A publication came, or came anew.
pub(crate) fn published(desk: &Desk<'_, '_>, publication: &Publication) -> Vec<Consequence> {
    let event = Event {
        sort: EventSort::Publication,
        unit: &publication.unit,
        id: &publication.publication,
        title: &publication.title,
    };
    came(desk, &event, Shown::of(publication))
}

/// A matter was reported, or reported anew.
pub(crate) fn reported(desk: &mut Desk<'_, '_>, matter: &Matter) -> Vec<Consequence> {
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    let plan = desk.state.plan(&desk.record.tenant);
    if let Some(issued) = plan.and_then(|plan| plan.before_all(claimed)) {
        let zone = plan
            .and_then(|plan| desk.state.ledger(plan.first()?))
            .map(|ledger| ledger.definition.zone);
        let day = zone.map_or_else(String::new, |zone| claimed.date_in(zone).to_string());
        desk.reject(
            "before-ledger",
            format!("a matter of {day}"),
            format!("nothing before the ledger's issue, {issued}"),
            "what arose before the ledger began is none of its duties; correct the time if it is wrong",
        );
        return Vec::new();
    }
    let event = Event {
        sort: EventSort::Matter,
        unit: &matter.unit,
        id: &matter.matter,
        title: &matter.title,
    };
    came(desk, &event, Shown::of_matter(matter))
}

/// What an event is called by.
struct Event<'e> {
    sort: EventSort,
    unit: &'e str,
    id: &'e str,
    title: &'e str,
}

impl Event<'_> {
    fn arose(&self, unit: &str) -> Arose {
        let name = format!("{unit}/{}", self.id);
        match self.sort {
            EventSort::Publication => Arose::Publication(name),
            EventSort::Matter => Arose::Matter(name),
        }
    }

    /// What it opened duties as: under the id that its unit has now, or under a former one.
    fn opened_as(&self, desk: &Desk<'_, '_>, unit: &str) -> Option<Arose> {
        let tenant = &desk.record.tenant;
        let directory = desk.state.directory(tenant);
        let formerly = directory
            .and_then(|directory| directory.units.get(unit))
            .map_or(&[][..], |unit| &unit.formerly);
        let units = std::iter::once(unit).chain(formerly.iter().map(String::as_str));
        let mut names = units.map(|unit| self.arose(unit));
        names.find(|arose| desk.state.opened_for(tenant, arose).next().is_some())
    }
}

fn came(desk: &Desk<'_, '_>, event: &Event<'_>, shown: Shown<'_>) -> Vec<Consequence> {
    let (state, tenant) = (desk.state, &desk.record.tenant);
    let openers = state.openers(tenant);
    let open_now = openers.is_some_and(Openers::any_event);
    if !open_now && state.nothing_opened(tenant) {
        return Vec::new();
    }
    // What a former unit publishes is its successor's.
    let unit = state.current_unit(tenant, event.unit).to_owned();
    let mut asked = shown;
    asked.unit = &unit;
    let day = |ledger: &str| {
        let definition = &state.ledger(ledger)?.definition;
        let at = judge(desk.record, definition, state.calendar(definition)?).at;
        Some(at.date_in(definition.zone))
    };
    let met: BTreeSet<(LedgerId, TaskId)> = openers
        .zip(state.plan(tenant))
        .map(|(openers, plan)| openers.matches(event.sort, asked, plan, &day))
        .unwrap_or_default();
    let before = event.opened_as(desk, &unit);
    let mut consequences = Vec::new();
    if let Some(arose) = &before {
        consequences.push(Consequence::Withdraw {
            arose: arose.clone(),
            except: met.iter().cloned().collect(),
            reason: match event.sort {
                EventSort::Publication => "公开信息已更新,不再符合启动条件".to_owned(),
                EventSort::Matter => "事由已变更,不再符合启动条件".to_owned(),
            },
            after: String::new(),
        });
    }
    let arose = before.unwrap_or_else(|| event.arose(&unit));
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    for (ledger, task) in met {
        let Some(row) = state.ledger(&ledger) else {
            continue;
        };
        let definition = &row.definition;
        let day = claimed.date_in(definition.zone);
        if day < definition.issued || day > definition.ends {
            continue;
        }
        let Some(calendar) = state.calendar(definition) else {
            continue;
        };
        consequences.push(Consequence::Open {
            ledger,
            task,
            occasion: Occasion {
                key: String::new(),
                title: cut(event.title, MAX_TITLE_BYTES).to_owned(),
                arose: arose.clone(),
                at: judge(desk.record, definition, calendar).at,
                round: 1,
            },
            unit: Some(unit.clone()),
            next: 0,
        });
    }
    consequences
}

/// A publication was taken down: what it opened goes.
pub(crate) fn taken_down(
    desk: &Desk<'_, '_>,
    withdrawn: &PublicationWithdrawn,
) -> Vec<Consequence> {
    let event = Event {
        sort: EventSort::Publication,
        unit: &withdrawn.unit,
        id: &withdrawn.publication,
        title: "",
    };
    gone(desk, &event, "公开信息撤回", withdrawn.reason.as_deref())
}

/// A matter is none any more: what it opened goes.
pub(crate) fn called_off(desk: &Desk<'_, '_>, withdrawn: &MatterWithdrawn) -> Vec<Consequence> {
    let event = Event {
        sort: EventSort::Matter,
        unit: &withdrawn.unit,
        id: &withdrawn.matter,
        title: "",
    };
    gone(desk, &event, "事由撤回", withdrawn.reason.as_deref())
}

fn gone(
    desk: &Desk<'_, '_>,
    event: &Event<'_>,
    what: &str,
    reason: Option<&str>,
) -> Vec<Consequence> {
    let tenant = &desk.record.tenant;
    if desk.state.nothing_opened(tenant) {
        return Vec::new();
    }
    let unit = desk.state.current_unit(tenant, event.unit);
    let Some(arose) = event.opened_as(desk, unit) else {
        return Vec::new();
    };
    let reason = match reason {
        Some(reason) => format!("{what}:{reason}"),
        None => what.to_owned(),
    };
    vec![Consequence::Withdraw {
        arose,
        except: Vec::new(),
        reason,
        after: String::new(),
    }]
}
