//! `/ledger/{ledger}`: the table as the office knows it, filtered, ordered and cut into pages as the
//! address says; `/ledger/{ledger}/export/{format}`: the same rows and columns as a file.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::asked::{Asked, Filter, Sort, View};
use super::column::{self, Column};
use super::pager::{Pager, SIZES};
use super::row::{DutyRow, remains_in};
use super::{Head, address, answer, not_found, select};
use crate::access::{Right, Seen, Viewer};
use crate::act::Deed;
use crate::light::{Counts, Light, Stage};
use crate::projection::{Awaited, Ledger, minute};
use crate::serve::Desk;
use crate::sheet::{Cell, Entry, FileFormat, MAX_ROWS, Sheet};
use crate::state::ConsoleState;
use crate::tongue::{Asker, Tongue};

/// Up to so many units stand in a list to choose from; of more, one writes the name.
const UNITS_LISTED: usize = 150;
/// Rows of a file that are gathered in one go, in rows: between two goes the log gets its turn.
const ROWS_AT_ONCE: usize = 1_000;

/// The query of a table.
pub(crate) type Pairs = Query<Vec<(String, String)>>;

/// Something to choose.
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

/// The head of a column.
struct Heading {
    key: &'static str,
    text: &'static str,
    /// Where the table is had ordered by it.
    order: Option<String>,
    /// `ascending` or `descending`, of the column by which it is.
    ordered: &'static str,
}

/// One page of a table.
#[derive(Template)]
#[template(path = "ledger.html")]
struct LedgerPage {
    head: Head,
    title: String,
    /// 印发机关 and 文号.
    issued: String,
    /// How many rows the document has, and how many duties there are.
    rows_of: (usize, u64),
    view: View,
    filter: Filter,
    sort: String,
    odd: Vec<String>,
    tabs: Vec<(&'static str, String, bool)>,
    lights: Vec<(Light, bool)>,
    stages: Vec<(Stage, bool)>,
    awaited: Vec<(Awaited, bool)>,
    sections: Vec<Choice>,
    units: Vec<Choice>,
    columns: Vec<(&'static Column, bool)>,
    headings: Vec<Heading>,
    rows: Vec<Vec<Cell>>,
    /// The ids of the duties shown, if the viewer may act on several at once.
    picks: Vec<String>,
    deeds: [Deed; 8],
    form_key: String,
    /// Where a notice about its overdue duties is drafted, if the viewer may.
    circular: Option<String>,
    /// Where a task outside the ledger is added, if the viewer may.
    outside: Option<String>,
    counts: Counts,
    pager: Pager,
    /// The pages that are named, with their addresses; an empty one is a gap.
    pages: Vec<(usize, String, bool)>,
    before: Option<String>,
    after: Option<String>,
    sizes: Vec<(usize, bool)>,
    files: Vec<(&'static str, String)>,
    /// What is shown, for the reader of a print.
    caption: String,
}

/// `/ledger/{ledger}`
pub(crate) async fn ledger(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Response {
    let page = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        let Some(ledger) = projection.ledger(&id) else {
            return not_found(&projection, "没有这个台账。", &asker);
        };
        let asked = Asked::read(&projection, ledger, &pairs, asker.tongue);
        let writes = desk.state.export.is_some();
        let mut page = gather(&projection, ledger, asked, &asker, writes);
        let defines = desk.state.defining.is_some() && ledger.definition.is_some();
        page.outside = (defines && projection.may(Right::EditDefinitions))
            .then(|| format!("{}/outside", address::of_ledger(&ledger.id)));
        page
    };
    answer(StatusCode::OK, &page)
}

/// The rows of one page: how those on all pages stand, how many they are, and the cells.
struct Rows {
    counts: Counts,
    pager: Pager,
    cells: Vec<Vec<Cell>>,
    /// The ids of duties.
    ids: Vec<String>,
}

fn rows(projection: &Seen<'_>, ledger: &Ledger, asked: &Asked, tongue: Tongue) -> Rows {
    let pager_of = |total| Pager::new(asked.page, asked.size, total);
    match asked.view {
        View::Tasks => {
            let rows = select::rows(projection, ledger, asked);
            let pager = pager_of(rows.len());
            let mut counts = Counts::default();
            for row in &rows {
                counts.merge(&row.counts);
            }
            let shown = rows.iter().skip(pager.skipped()).take(pager.size);
            let cells = shown.map(|row| {
                let task = &ledger.tasks[row.place];
                let columns = &asked.columns;
                column::of_row(projection, ledger, task, &row.counts, columns, tongue)
            });
            let mut cells: Vec<Vec<Cell>> = cells.collect();
            if asked.sort == Sort::Number {
                join(&mut cells, &asked.columns);
            }
            Rows {
                counts,
                pager,
                cells,
                ids: Vec::new(),
            }
        }
        View::Duties => {
            let span = |total| {
                let pager = pager_of(total);
                (pager.skipped(), pager.size)
            };
            let chosen = select::duties(projection, ledger, asked, span);
            let duties = chosen.places.iter().filter_map(|p| projection.duty_at(*p));
            let ids = duties.clone().map(|duty| duty.id.to_string()).collect();
            let cells = duties
                .map(|duty| column::of_duty(projection, ledger, duty, &asked.columns, tongue));
            Rows {
                ids,
                cells: cells.collect(),
                pager: pager_of(usize::try_from(chosen.counts.total()).unwrap_or(0)),
                counts: chosen.counts,
            }
        }
    }
}

/// Sections go on from row to row, as the document has them.
fn join(rows: &mut [Vec<Cell>], columns: &[&'static Column]) {
    let Some(at) = columns.iter().position(|c| c.key == "section") else {
        return;
    };
    for row in (1..rows.len()).rev() {
        let same = rows[row][at] == rows[row - 1][at] && !rows[row][at].text.is_empty();
        rows[row][at].goes_on = same;
    }
}

fn gather(
    projection: &Seen<'_>,
    ledger: &Ledger,
    asked: Asked,
    asker: &Asker,
    writes: bool,
) -> LedgerPage {
    let tongue = asker.tongue;
    let Rows {
        counts,
        pager,
        cells,
        ids,
    } = rows(projection, ledger, &asked, tongue);
    let for_office = projection.may(Right::ActForOffice);
    let counts_of_all = projection.counts(ledger);
    let name = format!("{} {}", ledger.title, tongue.say("台账"));
    let at_page = |page: usize| asked.but(|other| other.page = page);
    let listed: Vec<&str> = {
        let mut sections: Vec<&str> = Vec::new();
        let rows = ledger.tasks.iter().filter(|row| row.is_row());
        for row in rows.filter(|row| projection.sees_row(ledger, row)) {
            if !row.section().is_empty() && !sections.contains(&row.section()) {
                sections.push(row.section());
            }
        }
        sections
    };
    let agenda = projection.agenda(ledger);
    let units = agenda.by_unit();
    let chosen = &asked.filter;
    LedgerPage {
        head: Head::new(projection, Some(ledger), &name, asker),
        title: ledger.title.clone(),
        issued: [ledger.issuer.as_str(), &ledger.number]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        rows_of: {
            let rows = ledger.tasks.iter().filter(|row| row.is_row());
            let seen = rows.filter(|row| projection.sees_row(ledger, row));
            (seen.count(), projection.counts(ledger).total())
        },
        view: asked.view,
        sort: {
            let mark = if asked.descending { "-" } else { "" };
            format!("{mark}{}", asked.sort.as_str())
        },
        tabs: [(View::Tasks, "任务"), (View::Duties, "责任事项")]
            .into_iter()
            .map(|(view, name)| {
                let there = asked.but(|other| {
                    if other.view != view {
                        other.columns = view.columns().iter().filter(|c| c.is_usual).collect();
                        (other.sort, other.descending) = (Sort::Number, false);
                    }
                    other.view = view;
                });
                (tongue.say(name), there, view == asked.view)
            })
            .collect(),
        lights: Light::ALL
            .into_iter()
            .map(|light| (light, chosen.lights.contains(&light)))
            .collect(),
        stages: Stage::ALL
            .into_iter()
            .map(|stage| (stage, chosen.stages.contains(&stage)))
            .collect(),
        awaited: Awaited::ALL
            .into_iter()
            .map(|what| (what, chosen.awaited == Some(what)))
            .collect(),
        sections: listed
            .into_iter()
            .map(|section| Choice {
                value: section.to_owned(),
                name: section.to_owned(),
                chosen: section == chosen.section,
            })
            .collect(),
        units: if units.len() > UNITS_LISTED {
            Vec::new()
        } else {
            let choice = |unit: &Arc<str>| Choice {
                value: unit.to_string(),
                name: projection.units().name(&ledger.tenant, unit).to_owned(),
                chosen: **unit == *chosen.unit,
            };
            units.keys().map(choice).collect()
        },
        columns: asked
            .view
            .columns()
            .iter()
            .map(|column| (column, asked.columns.iter().any(|c| c.key == column.key)))
            .collect(),
        headings: asked
            .columns
            .iter()
            .map(|column| Heading {
                key: column.key,
                text: tongue.say(column.heading),
                order: column.sort.map(|sort| asked.ordered(sort)),
                ordered: match column.sort {
                    Some(sort) if sort == asked.sort && asked.descending => "descending",
                    Some(sort) if sort == asked.sort => "ascending",
                    _ => "",
                },
            })
            .collect(),
        pages: pager
            .named()
            .into_iter()
            .map(|page| match page {
                0 => (0, String::new(), false),
                page => (page, at_page(page), page == pager.page),
            })
            .collect(),
        before: (pager.page > 1).then(|| at_page(pager.page - 1)),
        after: (pager.page < pager.pages).then(|| at_page(pager.page + 1)),
        sizes: SIZES.map(|size| (size, size == asked.size)).to_vec(),
        files: if writes {
            let there = |format: FileFormat| {
                let path = address::of_ledger(&ledger.id);
                let query = asked.query();
                (
                    tongue.say(format.chinese()),
                    format!("{path}/export/{}{query}", format.ending()),
                )
            };
            FileFormat::ALL.map(there).to_vec()
        } else {
            Vec::new()
        },
        caption: caption(projection, ledger, &asked, tongue),
        rows: cells,
        picks: if for_office { ids } else { Vec::new() },
        deeds: Deed::IN_BULK,
        form_key: projection
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        circular: (for_office && writes && counts_of_all.of(Light::Red) > 0)
            .then(|| format!("{}/circular", address::of_ledger(&ledger.id))),
        outside: None,
        counts,
        pager,
        odd: asked.odd,
        filter: asked.filter,
    }
}

/// What is shown, and as of when: for paper and files, where no form says it.
fn caption(projection: &Seen<'_>, ledger: &Ledger, asked: &Asked, tongue: Tongue) -> String {
    let filter = &asked.filter;
    let mut only: Vec<String> = Vec::new();
    only.extend(
        filter
            .lights
            .iter()
            .map(|l| tongue.say(l.chinese()).to_owned()),
    );
    only.extend(
        filter
            .stages
            .iter()
            .map(|s| tongue.say(s.chinese()).to_owned()),
    );
    only.extend(
        filter
            .awaited
            .map(|what| tongue.say(what.chinese()).to_owned()),
    );
    if !filter.unit.is_empty() {
        let unit = projection.units().short(&ledger.tenant, &filter.unit);
        only.push(unit.to_owned());
    }
    if !filter.section.is_empty() {
        only.push(filter.section.clone());
    }
    if filter.from.is_some() || filter.to.is_some() {
        let day = |day: Option<chrono::NaiveDate>| day.map_or("…".to_owned(), |d| d.to_string());
        only.push(tongue.pick(
            format!("时限{}至{}", day(filter.from), day(filter.to)),
            format!("due {} to {}", day(filter.from), day(filter.to)),
        ));
    }
    if !filter.text.is_empty() {
        only.push(format!("“{}”", filter.text));
    }
    let at = projection.now().map(|now| minute(now, ledger.zone));
    let at = at.unwrap_or_default();
    let mut said = tongue.pick(format!("情况截至 {at}"), format!("As of {at}"));
    if !only.is_empty() {
        said.push_str(tongue.pick(";只列 ", "; only "));
        said.push_str(&only.join(tongue.pick("、", ", ")));
    }
    said
}

/// `/ledger/{ledger}/export/{format}`
pub(crate) async fn export(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path((id, format)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Response {
    let known = FileFormat::ALL.into_iter().find(|f| f.ending() == format);
    let missing = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        if projection.ledger(&id).is_none() {
            Some(not_found(&projection, "没有这个台账。", &asker))
        } else if known.is_none() || desk.state.export.is_none() {
            Some(not_found(
                &projection,
                "没有这种格式的导出;可用 xlsx、docx、csv、ics。",
                &asker,
            ))
        } else {
            None
        }
    };
    let (None, Some(format), Some(exporter)) = (&missing, known, desk.state.export.clone()) else {
        return missing.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    };
    let permit = Arc::clone(&desk.state.writings).acquire_owned().await;
    let (state, tongue) = (desk.state.clone(), asker.tongue);
    let written = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let sheet = sheet(&state, &viewer, &id, &pairs, tongue, format)?;
        let name = format!("{}.{}", sheet.title, format.ending());
        Some(exporter.write(format, &sheet).map(|bytes| (bytes, name)))
    });
    match written.await {
        Ok(Some(Ok((bytes, name)))) => file(format, bytes, &name),
        Ok(Some(Err(why))) => {
            let sorry = tongue.pick("导出未完成:", "Not exported: ");
            (StatusCode::UNPROCESSABLE_ENTITY, format!("{sorry}{why}\n")).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(fault) => {
            tracing::error!(%fault, "a table could not be written into a file");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(crate) fn file(format: FileFormat, bytes: Vec<u8>, name: &str) -> Response {
    let kind = HeaderValue::from_static(format.media_type());
    let disposition = format!("attachment; filename*=UTF-8''{}", address::encoded(name));
    match HeaderValue::from_str(&disposition) {
        Ok(disposition) => {
            let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)];
            (headers, bytes).into_response()
        }
        Err(_) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
    }
}

/// Everything that fits, not only one page of it. The log gets its turn in between.
pub(crate) fn sheet(
    state: &ConsoleState,
    viewer: &Viewer,
    id: &str,
    pairs: &[(String, String)],
    tongue: Tongue,
    format: FileFormat,
) -> Option<Sheet> {
    let (mut sheet, mut asked, places) = {
        let look = state.look(viewer);
        let projection = look.seen();
        let ledger = projection.ledger(id)?;
        let mut asked = Asked::read(&projection, ledger, pairs, tongue);
        asked.page = 1;
        asked.size = MAX_ROWS;
        let zone = ledger.zone;
        let as_of = projection.now().unwrap_or_default().utc();
        let sheet = Sheet {
            title: ledger.title.clone(),
            caption: caption(&projection, ledger, &asked, tongue),
            name: tongue.say(match asked.view {
                View::Tasks => "台账",
                View::Duties => "责任事项",
            }),
            as_of: as_of.with_timezone(&zone.0).fixed_offset(),
            columns: asked
                .columns
                .iter()
                .map(|column| (tongue.say(column.heading), column.width))
                .collect(),
            rows: Vec::new(),
            entries: Vec::new(),
        };
        // A calendar has the dates of duties, whatever the rows are.
        let places = (format == FileFormat::Ics || asked.view == View::Duties).then(|| {
            let all = |_| (0, MAX_ROWS);
            select::duties(&projection, ledger, &asked, all).places
        });
        (sheet, asked, places)
    };
    let Some(places) = places else {
        let look = state.look(viewer);
        let projection = look.seen();
        let ledger = projection.ledger(id)?;
        asked.view = View::Tasks;
        sheet.rows = rows(&projection, ledger, &asked, tongue).cells;
        return Some(sheet);
    };
    for places in places.chunks(ROWS_AT_ONCE) {
        let look = state.look(viewer);
        let projection = look.seen();
        let ledger = projection.ledger(id)?;
        for duty in places.iter().filter_map(|p| projection.duty_at(*p)) {
            if format == FileFormat::Ics {
                sheet
                    .entries
                    .extend(entry(&projection, ledger, duty, tongue));
            } else {
                let columns = &asked.columns;
                let cells = column::of_duty(&projection, ledger, duty, columns, tongue);
                sheet.rows.push(cells);
            }
        }
    }
    Some(sheet)
}

/// The date of a duty that is open and whose clock runs.
pub(crate) fn entry(
    projection: &Seen<'_>,
    ledger: &Ledger,
    duty: &crate::projection::Duty,
    tongue: Tongue,
) -> Option<Entry> {
    if duty.stage.is_final() || duty.stopped {
        return None;
    }
    let due = duty.due?;
    let row = DutyRow::in_tongue(projection, duty, tongue);
    let today = projection.now().map(|now| now.date_in(ledger.zone));
    let period = if row.period.is_empty() {
        String::new()
    } else {
        format!(" {}", row.period)
    };
    let mut lines = vec![
        tongue.pick(
            format!("第{}项 {}", row.task, row.title),
            format!("Task {}: {}", row.task, row.title),
        ),
        format!("{} {}{period}: {}", row.unit_name, row.role, row.stage),
        remains_in(duty, today, tongue),
    ];
    let missing = column::missing(projection, ledger, duty);
    if !missing.is_empty() {
        let lacks = tongue.pick("尚缺:", "Missing: ");
        lines.push(format!("{lacks}{}", missing.join("、")));
    }
    lines.push(duty.id.to_string());
    lines.retain(|line| !line.is_empty());
    Some(Entry {
        obligation: duty.id.to_string(),
        due,
        due_at: duty
            .due_at()
            .map(|at| at.utc().with_timezone(&ledger.zone.0).fixed_offset()),
        summary: tongue.pick(
            format!("{} 第{}项 {}{period}", row.unit, row.task, row.title),
            format!("{}, task {}: {}{period}", row.unit, row.task, row.title),
        ),
        description: lines.join("\n"),
        light: row.word,
    })
}
