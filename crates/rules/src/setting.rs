//! What conditions and requirements look at besides an event: who belongs to which group, who stands
//! above whom, and which days are worked. Taken from the directory and calendars in force, and only
//! what is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cel::{Context, ExecutionError};
use chrono::NaiveDate;
use duban_calendar::Calendar;
use duban_model::Directory;
use duban_model::id::UnitId;

/// `workingDays(a, b)`: the working days after day `a` up to and including day `b`.
pub(crate) const WORKING_DAYS: &str = "workingDays";
/// `inGroup(unit, "group")`: whether a unit belongs to a group.
pub(crate) const IN_GROUP: &str = "inGroup";

/// How far up superiors are followed, in levels. A directory that goes round in a circle ends here.
pub(crate) const MAX_LEVELS: usize = 16;

/// Members by group.
type Groups = BTreeMap<String, BTreeSet<UnitId>>;

/// What of the directory and the calendars in force is asked for.
#[derive(Debug, Default)]
pub(crate) struct Setting {
    groups: Arc<Groups>,
    superiors: BTreeMap<UnitId, UnitId>,
    calendars: BTreeMap<String, Arc<Calendar>>,
}

/// What a condition of one ledger can ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around<'a> {
    groups: Option<&'a Arc<Groups>>,
    calendar: Option<&'a Arc<Calendar>>,
}

impl Setting {
    /// Takes from a directory what concerns these groups and, if asked for, who stands above whom.
    pub fn of_directory<'g>(
        &mut self,
        directory: &Directory,
        groups: impl Iterator<Item = &'g String>,
        superiors: bool,
    ) {
        let members = |group: &'g String| {
            let members = directory.members(group).cloned().collect();
            (group.clone(), members)
        };
        self.groups = Arc::new(groups.map(members).collect());
        self.superiors.clear();
        if superiors {
            for (id, unit) in &directory.units {
                let above = unit
                    .superior
                    .as_deref()
                    .and_then(|id| directory.current(id));
                if let Some((above, _)) = above {
                    self.superiors.insert(id.clone(), above.clone());
                }
            }
        }
    }

    /// Takes a calendar over.
    pub fn put_calendar(&mut self, calendar: &Calendar) {
        let id = calendar.id().to_owned();
        self.calendars.insert(id, Arc::new(calendar.clone()));
    }

    /// The units above one, the nearest first.
    pub fn above<'s>(&'s self, unit: &'s str) -> impl Iterator<Item = &'s str> {
        let next = |unit: &&'s str| self.superiors.get(*unit).map(String::as_str);
        std::iter::successors(next(&unit), next).take(MAX_LEVELS)
    }

    /// What a condition of a ledger that counts by this calendar can ask.
    pub fn around(&self, calendar: &str) -> Around<'_> {
        Around {
            groups: Some(&self.groups),
            calendar: self.calendars.get(calendar),
        }
    }
}

/// Gives a condition that calls them our functions. Both are pure, and each is one look-up.
pub(crate) fn offer_functions(context: &mut Context<'_, '_>, around: &Around<'_>) {
    let calendar = around.calendar.cloned();
    let days = move |from: Arc<String>, to: Arc<String>| {
        working_days(calendar.as_deref(), &from, &to)
            .map_err(|why| ExecutionError::function_error(WORKING_DAYS, why))
    };
    let groups = around.groups.cloned();
    let in_group = move |unit: Arc<String>, group: Arc<String>| {
        groups
            .as_deref()
            .and_then(|groups| groups.get(&*group))
            .map(|members| members.contains(&*unit))
            .ok_or_else(|| ExecutionError::function_error(IN_GROUP, format!("没有单位组“{group}”")))
    };
    // Refused only under a name of the standard library.
    let _ = context.add_function(WORKING_DAYS, days);
    let _ = context.add_function(IN_GROUP, in_group);
}

/// The working days after one day up to and including another; fewer than none where the other comes
/// first. Both are texts such as `2021-07-01`.
fn working_days(calendar: Option<&Calendar>, from: &str, to: &str) -> Result<i64, String> {
    let day = |text: &str| {
        let day = text.parse::<NaiveDate>();
        day.map_err(|_| format!("“{text}”不是日期"))
    };
    let (from, to) = (day(from)?, day(to)?);
    let calendar = calendar.ok_or_else(|| "没有工作日历".to_owned())?;
    let counted = calendar.working_days_between(from, to);
    counted.map_err(|lack| format!("工作日历{}没有{}年的数据", lack.calendar, lack.year))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::Asked;
    use crate::condition::{Condition, Unmet};
    use crate::field::Shown;
    use duban_model::definition::EventSort;

    const CALENDAR: &str =
        "date,kind,name\n2021-10-01,holiday,国庆\n2021-10-09,makeup_workday,国庆\n";

    #[test]
    fn working_days_are_counted_from_day_to_day_and_never_guessed() {
        let calendar = Calendar::from_csv("cn", CALENDAR).unwrap();
        let count = |from: &str, to: &str| working_days(Some(&calendar), from, to);
        assert_eq!(count("2021-07-05", "2021-08-02"), Ok(20));
        assert_eq!(count("2021-07-05", "2021-07-05"), Ok(0));
        assert_eq!(count("2021-07-08", "2021-07-05"), Ok(-3));
        // A Saturday that is worked.
        assert_eq!(count("2021-10-08", "2021-10-09"), Ok(1));
        assert_eq!(
            count("2021-12-30", "2023-01-05"),
            Err("工作日历cn没有2022年的数据".to_owned())
        );
        assert!(count("去年", "2021-07-05").is_err());
        assert!(working_days(None, "2021-07-05", "2021-07-06").is_err());
    }

    #[test]
    fn a_condition_asks_the_group_and_the_days_in_force() {
        let publication = serde_json::from_str(
            r#"{"publication":"p","unit":"kailu","kind":"规划纲要","title":"规划","written":"2021-07-05"}"#,
        )
        .unwrap();
        let mut setting = Setting::default();
        let groups: Groups = [("旗县政府".to_owned(), BTreeSet::from(["kailu".to_owned()]))].into();
        setting.groups = Arc::new(groups);
        setting.put_calendar(&Calendar::from_csv("cn", CALENDAR).unwrap());
        let ask = |text: &str, published: &str| {
            let kinds = ["规划纲要".to_owned()];
            let condition = Condition::read(text, EventSort::Publication, &kinds).unwrap();
            let shown = Shown {
                published: published.parse().ok(),
                ..Shown::of(&publication)
            };
            condition.ask(&Asked::about(shown), &setting.around("cn"))
        };
        let days = "workingDays(publication.written, publication.published) <= 20";
        assert_eq!(ask(days, "2021-08-02"), Ok(()));
        assert_eq!(ask(days, "2021-08-03"), Err(Unmet::NotTrue));
        assert_eq!(
            ask(days, "2022-08-03"),
            Err(Unmet::Unanswered("工作日历cn没有2022年的数据".to_owned()))
        );
        assert_eq!(ask(days, ""), Err(Unmet::Missing("published".to_owned())));
        let group = r#"inGroup(publication.unit, "旗县政府")"#;
        assert_eq!(ask(group, "2021-08-02"), Ok(()));
        assert_eq!(ask(&format!("!{group}"), ""), Err(Unmet::NotTrue));
        assert!(matches!(
            ask(r#"inGroup(publication.unit, "没有这个组")"#, ""),
            Err(Unmet::Unanswered(_))
        ));
    }

    #[test]
    fn superiors_are_followed_and_a_circle_ends() {
        let unit = |superior: &str| {
            serde_json::from_value(serde_json::json!({"name": "单位", "superior": superior}))
                .unwrap()
        };
        let directory = Directory {
            tenant: "test".to_owned(),
            delivery: duban_model::delivery::Delivery::default(),
            units: [("a", "b"), ("b", "c"), ("c", "a")]
                .map(|(id, superior)| (id.to_owned(), unit(superior)))
                .into(),
        };
        let mut setting = Setting::default();
        setting.of_directory(&directory, std::iter::empty(), true);
        let above: Vec<&str> = setting.above("a").collect();
        assert_eq!(above[..3], ["b", "c", "a"]);
        assert_eq!(above.len(), MAX_LEVELS);
    }
}
