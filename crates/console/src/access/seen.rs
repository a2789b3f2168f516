//! The projection as one viewer sees it: the one place that hides what other units owe.
//!
//! Pages get a [`Seen`] and never the projection itself, so a page cannot list, count or fetch a
//! duty or notice that its viewer may not see, nor forget to ask.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::RwLockReadGuard;

use duban_model::silence::SilenceNoted;
use duban_model::{Record, RecordId, Timestamp};

use super::right::Right;
use super::viewer::Viewer;
use crate::light::Counts;
use crate::projection::{
    Act, Agenda, AnswerFate, Duty, Ledger, Line, Notice, Place, Projection, Publications, Refused,
    Rejection, Settled, TaskRow, Units, Unreached,
};
use crate::serve::Desk;
use crate::state::ConsoleState;
use crate::tongue::Tongue;

/// The projection, held still while a page is made.
pub(crate) struct Look<'d> {
    held: RwLockReadGuard<'d, Projection>,
    viewer: Option<Viewer>,
}

impl ConsoleState {
    /// The projection for whom a page is made.
    pub(crate) fn look(&self, viewer: &Viewer) -> Look<'_> {
        Look {
            held: self.read(),
            viewer: Some(viewer.clone()),
        }
    }

    /// The viewer as of now, for what goes on for long; nobody once session or token is over.
    pub(crate) fn still(&self, viewer: &Viewer) -> Option<Viewer> {
        match &self.access {
            Some(access) => access
                .accounts
                .still(viewer, access.is_demo())
                .ok()
                .flatten(),
            None => None,
        }
    }
}

impl Desk {
    /// As [`ConsoleState::look`].
    pub(crate) fn look(&self, viewer: &Viewer) -> Look<'_> {
        self.state.look(viewer)
    }
}

impl Look<'_> {
    /// What the viewer sees of it.
    pub fn seen(&self) -> Seen<'_> {
        Seen::new(&self.held, self.viewer.as_ref())
    }
}

/// What one viewer sees.
pub(crate) struct Seen<'a> {
    projection: &'a Projection,
    /// Nothing for who holds a letter about the one duty that is shown.
    viewer: Option<&'a Viewer>,
    /// Nothing is hidden at all.
    all: bool,
}

impl<'a> Seen<'a> {
    pub(crate) fn new(projection: &'a Projection, viewer: Option<&'a Viewer>) -> Seen<'a> {
        Seen {
            projection,
            viewer,
            all: viewer.is_none_or(|v| v.tenant().is_empty() && v.may(Right::SeeAll)),
        }
    }

    /// For who came by a link that is the authority for what it shows (`crate::answer`).
    pub(crate) fn by_letter(projection: &'a Projection) -> Seen<'a> {
        Seen::new(projection, None)
    }

    /// Who looks; nobody by name, by a letter.
    pub fn viewer(&self) -> Option<&'a Viewer> {
        self.viewer
    }

    /// Whether the viewer has a right.
    pub fn may(&self, right: Right) -> bool {
        self.viewer.is_some_and(|viewer| viewer.may(right))
    }

    /// Whether the viewer sees what every unit of an office owes.
    pub fn sees_all_of(&self, tenant: &str) -> bool {
        self.all
            || self
                .viewer
                .is_some_and(|viewer| viewer.is_of(tenant) && viewer.may(Right::SeeAll))
    }

    fn sees(&self, tenant: &str, unit: &str) -> bool {
        self.all || self.viewer.is_some_and(|viewer| viewer.sees(tenant, unit))
    }

    fn sees_ledger(&self, ledger: &Ledger) -> bool {
        self.all
            || self
                .viewer
                .is_some_and(|viewer| viewer.is_of(&ledger.tenant))
    }

    fn sees_duty(&self, duty: &Duty) -> bool {
        self.all || self.sees(&self.projection.ledger_of(duty).tenant, &duty.unit)
    }

    fn sees_notice(&self, notice: &Notice) -> bool {
        if self.all {
            return true;
        }
        let ledger = notice
            .ledger
            .and_then(|place| self.projection.ledger_at(place));
        // One that is about no ledger is about the office.
        let tenant = match (ledger, self.viewer) {
            (Some(ledger), _) => ledger.tenant.as_str(),
            (None, Some(viewer)) => viewer.tenant(),
            (None, None) => return false,
        };
        self.sees(tenant, &notice.unit) || self.sees(tenant, notice.told_unit())
    }

    /// What became of an act; nothing while that is not known.
    pub fn fate(&self, key: RecordId) -> Option<&'a AnswerFate> {
        self.projection.answers().fate(key)
    }

    /// As [`Projection::seq`].
    pub fn seq(&self) -> u64 {
        self.projection.seq()
    }

    /// As [`Projection::now`].
    pub fn now(&self) -> Option<Timestamp> {
        self.projection.now()
    }

    /// As [`Projection::virtual_time`].
    pub fn virtual_time(&self) -> bool {
        self.projection.virtual_time()
    }

    /// The ledgers of the viewer's office, in the order in which they appeared.
    pub fn ledgers(&self) -> impl DoubleEndedIterator<Item = &'a Ledger> {
        let ledgers = self.projection.ledgers().iter();
        ledgers.filter(|ledger| self.sees_ledger(ledger))
    }

    /// The ledger with this id.
    pub fn ledger(&self, id: &str) -> Option<&'a Ledger> {
        self.projection
            .ledger(id)
            .filter(|ledger| self.sees_ledger(ledger))
    }

    /// The ledger at a place that the projection gave out.
    pub fn ledger_at(&self, place: u32) -> Option<&'a Ledger> {
        self.projection
            .ledger_at(place)
            .filter(|ledger| self.sees_ledger(ledger))
    }

    /// The ledger that a duty is of.
    pub fn ledger_of(&self, duty: &Duty) -> &'a Ledger {
        self.projection.ledger_of(duty)
    }

    /// A row of a ledger: of a contact's, one in which own units owe something.
    pub fn task(&self, ledger: &'a Ledger, id: &str) -> Option<&'a TaskRow> {
        ledger.task(id).filter(|row| self.sees_row(ledger, row))
    }

    /// Whether a row is any of the viewer's business.
    pub fn sees_row(&self, ledger: &Ledger, row: &TaskRow) -> bool {
        let own = || {
            row.duties
                .iter()
                .any(|place| self.duty_at(*place).is_some())
        };
        self.sees_all_of(&ledger.tenant) || own()
    }

    /// The duties of the viewer's own units in a ledger, by place, for whom sees no others; nothing
    /// for whom sees all.
    pub fn own(&self, ledger: &Ledger) -> Option<BTreeMap<u32, &'a Duty>> {
        if self.sees_all_of(&ledger.tenant) {
            return None;
        }
        let units = self.viewer.into_iter().flat_map(Viewer::units);
        let places = units.flat_map(|unit| self.projection.places_of(unit));
        let own = places.filter_map(|place| Some((*place, self.duty_at(*place)?)));
        let is_of = |duty: &Duty| std::ptr::eq(self.projection.ledger_of(duty), ledger);
        Some(own.filter(|(_, duty)| is_of(duty)).collect())
    }

    /// What a ledger shows at a glance, as far as it is seen.
    pub fn agenda(&self, ledger: &'a Ledger) -> Cow<'a, Agenda> {
        let all = ledger.agenda_of_all_units();
        match self.own(ledger) {
            None => Cow::Borrowed(all),
            Some(own) => {
                let is_told = |place| self.notice_at(place).is_some();
                Cow::Owned(all.of(&own, ledger.zone, is_told))
            }
        }
    }

    /// The places of a unit's duties, in the order in which they were opened; of others' none.
    pub fn places_of(&self, unit: &str) -> impl Iterator<Item = u32> {
        let places = self.projection.places_of(unit).iter().copied();
        places.filter(|place| self.duty_at(*place).is_some())
    }

    /// What the people of a unit were told, the newest first.
    pub fn inbox(&self, unit: &'a str) -> impl Iterator<Item = &'a Notice> {
        let notices = self.projection.notices().inbox(unit);
        notices.filter(|notice| self.sees_notice(notice))
    }

    /// How the duties of a ledger stand, as far as they are seen.
    pub fn counts(&self, ledger: &Ledger) -> Counts {
        if self.sees_all_of(&ledger.tenant) {
            return ledger.counts_of_all_units();
        }
        let mut counts = Counts::default();
        let units = self.viewer.into_iter().flat_map(Viewer::units);
        for duty in units.flat_map(|unit| self.duties_of(unit)) {
            if std::ptr::eq(self.projection.ledger_of(duty), ledger) {
                counts.add(duty.light(), duty.done_late());
            }
        }
        counts
    }

    /// How the duties of a row stand, as far as they are seen.
    pub fn counts_of(&self, ledger: &Ledger, row: &TaskRow) -> Counts {
        if self.sees_all_of(&ledger.tenant) {
            return row.counts_of_all_units();
        }
        let mut counts = Counts::default();
        for duty in row.duties.iter().filter_map(|place| self.duty_at(*place)) {
            counts.add(duty.light(), duty.done_late());
        }
        counts
    }

    /// The duty at a place that the projection gave out.
    pub fn duty_at(&self, place: u32) -> Option<&'a Duty> {
        self.projection
            .duty_at(place)
            .filter(|duty| self.sees_duty(duty))
    }

    /// The duty with this id.
    pub fn duty(&self, id: &str) -> Option<&'a Duty> {
        self.projection.duty(id).filter(|duty| self.sees_duty(duty))
    }

    /// All duties that are seen, in the order in which they were opened. Of many, ask a unit's.
    #[allow(dead_code, reason = "pages that go through all duties ask for it")]
    pub fn duties(&self) -> impl Iterator<Item = &'a Duty> {
        let duties = self.projection.duties().iter();
        duties.filter(|duty| self.sees_duty(duty))
    }

    /// The duties of a unit, in the order in which they were opened.
    pub fn duties_of(&self, unit: &str) -> impl Iterator<Item = &'a Duty> {
        let duties = self.projection.duties_of(unit);
        duties.filter(|duty| self.sees_duty(duty))
    }

    /// The duties that are seen from a place on, each with its place, in the order in which they were
    /// opened: of one unit, or of all.
    pub fn duties_from(
        &self,
        place: u32,
        unit: Option<&str>,
    ) -> impl Iterator<Item = (u32, &'a Duty)> {
        let places: Box<dyn Iterator<Item = u32> + 'a> = match unit {
            Some(unit) => {
                let places = self.projection.places_of(unit);
                let first = places.partition_point(|other| *other < place);
                Box::new(places[first..].iter().copied())
            }
            None => {
                let all = u32::try_from(self.projection.duties().len()).unwrap_or(u32::MAX);
                Box::new(place..all)
            }
        };
        places.filter_map(|place| Some((place, self.duty_at(place)?)))
    }

    /// The units that are seen, with the office of each, in the order of offices and ids.
    pub fn units_seen(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let units = self.projection.units();
        let all = units
            .tenants()
            .flat_map(|tenant| units.all(tenant).map(move |(unit, _)| (tenant, unit)));
        all.filter(|(tenant, unit)| self.sees(tenant, unit))
    }

    /// Whether a unit's page is the viewer's to see.
    pub fn sees_unit(&self, unit: &str) -> bool {
        self.all
            || self.viewer.is_some_and(|viewer| {
                viewer.may(Right::SeeAll)
                    || (viewer.may(Right::See) && viewer.units().contains(unit))
            })
    }

    /// As [`Projection::line`].
    pub fn line(&self, duty: &Duty, at: Place, record: &Record, tongue: Tongue) -> Option<Line> {
        self.projection.line(duty, at, record, tongue)
    }

    /// The names of units, which are no secret.
    pub fn units(&self) -> &'a Units {
        self.projection.units()
    }

    /// What was made public.
    pub fn publications(&self) -> &'a Publications {
        self.projection.publications()
    }

    /// The notices about own duties and to own people from a place back, each with its place.
    pub fn notices_from(&self, place: Option<u64>) -> impl Iterator<Item = (u64, &'a Notice)> {
        let notices = self.projection.notices().newest_from(place);
        notices.filter(|(_, notice)| self.sees_notice(notice))
    }

    /// The notice with this id, if it is still kept.
    pub fn notice(&self, id: RecordId) -> Option<&'a Notice> {
        let notice = self.projection.notices().get(id);
        notice.filter(|notice| self.sees_notice(notice))
    }

    /// The notice at a place, if it is still kept.
    pub fn notice_at(&self, place: u64) -> Option<&'a Notice> {
        self.projection
            .notices()
            .at(place)
            .filter(|notice| self.sees_notice(notice))
    }

    /// All notices that are kept and seen, the newest first.
    pub fn notices(&self) -> impl Iterator<Item = &'a Notice> {
        let notices = self.projection.notices().newest();
        notices.filter(|notice| self.sees_notice(notice))
    }

    /// Chains of notices that reached nobody.
    pub fn unreached(&self) -> impl Iterator<Item = Unreached<'a>> {
        let all = self.projection.unreached();
        all.filter(|unreached| self.sees_notice(unreached.last()))
    }

    /// Notices that nobody was there for.
    pub fn without_contact(&self) -> impl Iterator<Item = (&'a Notice, Option<Settled>)> {
        let all = self.projection.without_contact();
        all.filter(|(notice, _)| self.sees_notice(notice))
    }

    /// A notice with those that came before and after it about the same, the earliest first.
    pub fn chain(&self, notice: &'a Notice) -> Vec<&'a Notice> {
        let mut chain = self.projection.notices().chain(notice);
        chain.retain(|notice| self.sees_notice(notice));
        chain
    }

    /// Refused events that did not come again and pass, the oldest first.
    pub fn refused(&self) -> impl Iterator<Item = &'a Refused> {
        let now = self.projection.now().unwrap_or_default();
        let all = self.projection.refusals().open(now);
        all.filter(|refused| self.sees_all_of(&refused.tenant))
    }

    /// What people of the office did, the newest first.
    pub fn acts(&self) -> impl Iterator<Item = &'a Act> {
        let acts = self.projection.acts().newest();
        acts.filter(|act| self.sees_all_of(&act.tenant))
    }

    /// Silences in force that concern everybody, or a unit that is seen.
    pub fn silences(&self, tenant: &'a str) -> impl Iterator<Item = &'a SilenceNoted> {
        let silences = self.projection.silences(tenant);
        silences.filter(move |noted| {
            let unit = noted.set.unit.as_ref();
            unit.is_none_or(|unit| self.sees(tenant, unit))
        })
    }

    /// How many events were refused; nothing for whom that does not concern.
    pub fn rejected(&self) -> Option<u64> {
        match self.viewer.filter(|viewer| viewer.may(Right::SeeAll)) {
            None => None,
            Some(_) if self.all => Some(self.projection.totals().rejections),
            // Only of the whole installation is it counted how many there ever were.
            Some(_) => Some(self.rejections().count() as u64),
        }
    }

    /// The last events that were refused, each with its place among all there ever were, the newest
    /// first.
    pub fn rejections_placed(&self) -> impl Iterator<Item = (u64, &'a Rejection)> {
        let places = (0..self.projection.totals().rejections).rev();
        let rejections = places.zip(self.projection.rejections());
        rejections.filter(move |(_, rejection)| self.sees_all_of(&rejection.tenant))
    }

    /// The last events that were refused, the newest first.
    pub fn rejections(&self) -> impl Iterator<Item = &'a Rejection> {
        let rejections = self.projection.rejections();
        rejections.filter(move |rejection| self.sees_all_of(&rejection.tenant))
    }
}
