//! The ledger as a workbook: merged cells as the document has them, real dates, filters, a frozen
//! header, the lights in colour, laid out for A3 paper.

use chrono::{Datelike, Timelike};
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
    XlsxError,
};

use crate::export::cells::{self, Cell, Column, Grid};
use crate::export::{Heading, Ledger, Part, caption, is_web, unwritable};
use crate::refusal::Refusal;

/// Links that lead somewhere, at most; Excel takes 65,530 on one sheet. The others stay as text.
const MAX_LINKS: usize = 60_000;
/// The longest link that leads somewhere, in characters; Excel takes 2,080.
const MAX_LINK_CHARS: usize = 2_000;
/// The height of a line, in points, and the most lines of a row: Excel takes 409 points.
const LINE: f64 = 13.5;
const MAX_LINES: usize = 30;
/// The paper: A3.
const PAPER: u8 = 8;
/// Behind headings.
const HEADING_RGB: u32 = 0x00D9_E2F3;

/// Writes a workbook.
///
/// # Errors
///
/// A [`Refusal`] if the workbook cannot hold it: more than 1,048,576 rows.
pub fn write(ledger: &Ledger, part: Part) -> Result<Vec<u8>, Refusal> {
    let mut book = Workbook::new();
    let written = (|| {
        book.set_properties(&properties(&ledger.heading)?);
        let mut styles = Styles::new();
        if part.has_tasks() {
            let above = [ledger.heading.title.clone(), caption::write(ledger)];
            sheet(&mut book, &cells::tasks(ledger), &above, &mut styles)?;
        }
        if part.has_duties() {
            sheet(&mut book, &cells::duties(ledger), &[], &mut styles)?;
            sheet(&mut book, &cells::evidence(ledger), &[], &mut styles)?;
        }
        book.save_to_buffer()
    })();
    written.map_err(|fault: XlsxError| unwritable("xlsx", fault))
}

/// Without an instant of its own the workbook would bear that of its writing.
pub(super) fn properties(heading: &Heading) -> Result<DocProperties, XlsxError> {
    Ok(DocProperties::new()
        .set_title(&heading.title)
        .set_company(&heading.issuer)
        .set_creation_datetime(&instant(&heading.as_of.naive_utc())?))
}

pub(super) fn instant(at: &chrono::NaiveDateTime) -> Result<ExcelDateTime, XlsxError> {
    let part = |value: u32| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    ExcelDateTime::from_ymd(year, part(at.month()), part(at.day()))?.and_hms(
        u16::try_from(at.hour()).unwrap_or_default(),
        part(at.minute()),
        part(at.second()),
    )
}

/// How cells look.
pub(super) struct Styles {
    title: Format,
    caption: Format,
    heading: Format,
    plain: Format,
    links: usize,
}

impl Styles {
    pub(super) fn new() -> Styles {
        let base = Format::new().set_font_name("宋体").set_font_size(10);
        let cell = base.clone().set_border(FormatBorder::Thin).set_text_wrap();
        Styles {
            title: base
                .clone()
                .set_font_size(18)
                .set_bold()
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter),
            caption: base
                .set_font_size(9)
                .set_font_color(Color::RGB(0x0059_5959))
                .set_align(FormatAlign::VerticalCenter),
            heading: cell
                .clone()
                .set_bold()
                .set_background_color(Color::RGB(HEADING_RGB))
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter),
            plain: cell.set_align(FormatAlign::VerticalCenter),
            links: 0,
        }
    }

    fn of(&self, column: &Column, cell: &Cell) -> Format {
        let mut format = self.plain.clone();
        if column.centred {
            format = format.set_align(FormatAlign::Center);
        }
        if cell.date.is_some() {
            format = format.set_num_format(if cell.time.is_some() {
                "yyyy-mm-dd hh:mm"
            } else {
                "yyyy-mm-dd"
            });
        }
        match cell.light {
            Some(light) => format.set_background_color(Color::RGB(light.rgb())),
            None => format,
        }
    }
}

fn place(at: usize) -> Result<u32, XlsxError> {
    u32::try_from(at).map_err(|_| XlsxError::RowColumnLimitError)
}

fn column_place(at: usize) -> Result<u16, XlsxError> {
    u16::try_from(at).map_err(|_| XlsxError::RowColumnLimitError)
}

/// One table on a sheet of its own, below lines that go across it.
pub(super) fn sheet(
    book: &mut Workbook,
    grid: &Grid,
    above: &[String],
    styles: &mut Styles,
) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(grid.name)?;
    let last = column_place(grid.columns.len().saturating_sub(1))?;
    for (at, text) in above.iter().enumerate() {
        let row = place(at)?;
        let (format, height) = if at == 0 {
            (&styles.title, 34)
        } else {
            (&styles.caption, 18)
        };
        sheet.set_row_height(row, height)?;
        if last > 0 {
            sheet.merge_range(row, 0, row, last, text, format)?;
        } else {
            sheet.write_string_with_format(row, 0, text, format)?;
        }
    }
    let header = place(above.len())?;
    headings(sheet, header, grid, styles)?;
    for (r, cells) in grid.rows.iter().enumerate() {
        let row = header + 1 + place(r)?;
        // Not every program finds the height by itself.
        let lines = grid.lines(r).min(MAX_LINES);
        sheet.set_row_height(
            row,
            f64::from(u32::try_from(lines).unwrap_or(1)) * LINE + 3.0,
        )?;
        for (c, cell) in cells.iter().enumerate() {
            let format = styles.of(&grid.columns[c], cell);
            write_cell(sheet, (row, column_place(c)?), cell, &format, styles)?;
        }
    }
    merges(sheet, header + 1, grid, styles)?;
    let bottom = header + place(grid.rows.len())?;
    sheet.autofilter(header, 0, bottom.max(header), last)?;
    sheet.set_freeze_panes(header + 1, 0)?;
    sheet
        .set_landscape()
        .set_paper_size(PAPER)
        .set_print_fit_to_pages(1, 0)
        .set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3)
        .set_footer("&C第 &P 页,共 &N 页")
        .set_repeat_rows(header, header)?;
    Ok(())
}

fn headings(
    sheet: &mut Worksheet,
    row: u32,
    grid: &Grid,
    styles: &Styles,
) -> Result<(), XlsxError> {
    sheet.set_row_height(row, 24)?;
    let columns = &grid.columns;
    let mut c = 0;
    while c < columns.len() {
        let heading = columns[c].heading;
        let like = columns[c..].iter().take_while(|o| o.heading == heading);
        let end = c + like.count();
        let (left, right) = (column_place(c)?, column_place(end - 1)?);
        if left < right {
            sheet.merge_range(row, left, row, right, heading, &styles.heading)?;
        } else {
            sheet.write_string_with_format(row, left, heading, &styles.heading)?;
        }
        c = end;
    }
    for (c, column) in columns.iter().enumerate() {
        sheet.set_column_width(column_place(c)?, f64::from(column.width))?;
    }
    Ok(())
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell,
    format: &Format,
    styles: &mut Styles,
) -> Result<(), XlsxError> {
    if let Some(date) = cell.date {
        let date = instant(&date.and_time(cell.time.unwrap_or_default()))?;
        sheet.write_datetime_with_format(row, column, date, format)?;
        return Ok(());
    }
    // A cell leads to one place only: one that is nothing but a link does.
    if let [line] = &cell.lines[..]
        && let Some(link) = line.link.as_ref().filter(|link| **link == line.text)
        && is_web(link)
        && link.chars().count() <= MAX_LINK_CHARS
        && styles.links < MAX_LINKS
    {
        styles.links += 1;
        let format = format.clone().set_font_color(Color::RGB(0x0005_63C1));
        sheet.write_url_with_format(row, column, link.as_str(), &format)?;
        return Ok(());
    }
    let text = cell.with_links();
    if let Some(number) = text.parse::<u32>().ok().filter(|_| cell.is_number) {
        sheet.write_number_with_format(row, column, number, format)?;
    } else if text.is_empty() {
        sheet.write_blank(row, column, format)?;
    } else {
        sheet.write_string_with_format(row, column, text, format)?;
    }
    Ok(())
}

/// Merges cells downwards. Below a merge each cell keeps its text, so that a filter finds the row.
fn merges(
    sheet: &mut Worksheet,
    first: u32,
    grid: &Grid,
    styles: &Styles,
) -> Result<(), XlsxError> {
    for (c, column) in grid.columns.iter().enumerate() {
        let mut begin = 0;
        while begin < grid.rows.len() {
            let below = grid.rows[begin + 1..].iter();
            let end = begin + 1 + below.take_while(|row| row[c].goes_on).count();
            if end > begin + 1 {
                let cell = &grid.rows[begin][c];
                let (format, text) = (styles.of(column, cell), cell.shown());
                let (top, bottom) = (first + place(begin)?, first + place(end - 1)?);
                let c = column_place(c)?;
                sheet.merge_range(top, c, bottom, c, &text, &format)?;
                for row in top + 1..=bottom {
                    sheet.write_string_with_format(row, c, &text, &format)?;
                }
            }
            begin = end;
        }
    }
    Ok(())
}
