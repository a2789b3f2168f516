//! Charts as SVG, drawn on the server. Colours are the lights'; each has a pattern too, and every
//! chart a title, a description and a table beside it that says the same.

use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::light::{Counts, Light};

/// A finished chart.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// The SVG, to be put into the page as it is.
    pub svg: String,
}

/// The colour of a light in a chart; what is done is paper white within its own outline.
fn colour(light: Light) -> RGBColor {
    match light {
        Light::Red => RGBColor(0xC6, 0x2F, 0x2F),
        Light::Yellow => RGBColor(0xEA, 0xB0, 0x22),
        Light::Green => RGBColor(0x8F, 0xC9, 0xA4),
        Light::Done => RGBColor(0xF4, 0xFB, 0xF6),
        Light::Grey => RGBColor(0xD5, 0xDB, 0xE2),
    }
}

fn ink(light: Light) -> RGBColor {
    match light {
        Light::Red => RGBColor(0xFF, 0xFF, 0xFF),
        Light::Yellow => RGBColor(0x4A, 0x33, 0x00),
        Light::Green | Light::Done => RGBColor(0x14, 0x50, 0x2D),
        Light::Grey => RGBColor(0x3C, 0x48, 0x55),
    }
}

const INK: RGBColor = RGBColor(0x1F, 0x29, 0x33);
const SOFT: RGBColor = RGBColor(0x5B, 0x68, 0x75);
const EDGE: RGBColor = RGBColor(0x5E, 0x9E, 0x77);
const LINE: RGBColor = RGBColor(0xDD, 0xE3, 0xEA);
const REMINDER: RGBColor = RGBColor(0x5B, 0x8D, 0xC9);

/// Letters of a chart, in pixels.
const LETTERS: u32 = 13;

/// Where text stands to its point.
fn style(colour: RGBColor, across: HPos, size: u32) -> TextStyle<'static> {
    ("sans-serif", size)
        .into_font()
        .color(&colour)
        .pos(Pos::new(across, VPos::Center))
}

/// Pixels as the library counts them; charts are far below what it can hold.
fn px(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Makes what was drawn part of a page: it is named and described, takes the width there is, and
/// shows patterns for colours.
fn finished(drawn: &str, id: &str, (width, height): (u32, u32), title: &str, text: &str) -> Chart {
    let body = drawn.find('>').map_or("", |end| &drawn[end + 1..]);
    let mut svg = String::with_capacity(body.len() + 512);
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" xmlns=\"http://www.w3.org/2000/svg\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escaped(title),
        escaped(text)
    );
    let RGBColor(r, g, b) = colour(Light::Red);
    let red = format!("fill=\"#{r:02X}{g:02X}{b:02X}\"");
    let RGBColor(r, g, b) = colour(Light::Yellow);
    let yellow = format!("fill=\"#{r:02X}{g:02X}{b:02X}\"");
    let body = body
        .replace(&red, "fill=\"url(#hatch-red)\"")
        .replace(&yellow, "fill=\"url(#hatch-yellow)\"");
    svg.push_str(&body);
    Chart { svg }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// The longest label, in characters.
const LABEL: usize = 18;

/// A text that fits beside a bar.
fn fitted(text: &str) -> String {
    if text.chars().count() <= LABEL {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LABEL - 1).collect();
    short.push('…');
    short
}

/// Bars lying one below the other, each with its lights from the gravest on.
pub(super) fn bars(id: &str, title: &str, text: &str, bars: &[(String, Counts)]) -> Chart {
    const WIDTH: u32 = 680;
    const ROW: u32 = 28;
    const LEFT: i32 = 240;
    const RIGHT: i32 = 50;
    let height = ROW * u32::try_from(bars.len()).unwrap_or(1).max(1) + 8;
    let most = bars.iter().map(|(_, c)| c.total()).max().unwrap_or(0);
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (WIDTH, height)).into_drawing_area();
        let room = u64::from(WIDTH) - u64::from((LEFT + RIGHT).unsigned_abs());
        for (place, (label, counts)) in (0u32..).zip(bars) {
            let top = i32::try_from(place * ROW).unwrap_or(0) + 6;
            let (bottom, middle) = (top + 20, top + 10);
            let label_style = style(INK, HPos::Right, LETTERS);
            // Drawing into a string does not fail.
            let _ = area.draw(&Text::new(fitted(label), (LEFT - 8, middle), label_style));
            let mut before = 0;
            for light in Light::ALL {
                let count = counts.of(light);
                if count == 0 {
                    continue;
                }
                let from = LEFT + px(before * room / most.max(1));
                let to = LEFT + px((before + count) * room / most.max(1)).max(1);
                before += count;
                let bar = [(from, top), (to.max(from + 2), bottom)];
                let _ = area.draw(&Rectangle::new(bar, colour(light).filled()));
                if light == Light::Done {
                    let _ = area.draw(&Rectangle::new(bar, EDGE.stroke_width(1)));
                }
                let said = format!("{}{count}", light.mark());
                let needs = i32::try_from(said.chars().count()).unwrap_or(0) * 8 + 4;
                if to - from >= needs {
                    let style = style(ink(light), HPos::Center, 12);
                    let _ = area.draw(&Text::new(said, (i32::midpoint(from, to), middle), style));
                }
            }
            let end = LEFT + px(counts.total() * room / most.max(1)) + 8;
            let total = counts.total().to_string();
            let _ = area.draw(&Text::new(
                total,
                (end, middle),
                style(SOFT, HPos::Left, 12),
            ));
        }
        let _ = area.present();
    }
    finished(&drawn, id, (WIDTH, height), title, text)
}

/// One week of the year ahead.
#[derive(Clone, Debug, Default)]
pub(super) struct Week {
    /// What stands below it, at the first week of a month.
    pub month: String,
    pub due: Counts,
    pub reminders: u64,
    pub escalations: u64,
}

/// The weeks side by side: above what falls due, below what is expected to be sent.
pub(super) fn weeks(id: &str, title: &str, text: &str, words: [&str; 2], weeks: &[Week]) -> Chart {
    const WIDTH: u32 = 1_100;
    const LEFT: i32 = 64;
    const STEP: i32 = 19;
    const BAR: i32 = 14;
    // The upper panel, the months, the lower panel, in pixels from above.
    const UPPER: (i32, i32) = (14, 134);
    const MONTHS: i32 = 148;
    const LOWER: (i32, i32) = (168, 248);
    const HEIGHT: u32 = 256;
    let most_due = weeks
        .iter()
        .map(|w| w.due.total())
        .max()
        .unwrap_or(0)
        .max(1);
    let sent = |w: &Week| w.reminders + w.escalations;
    let most_sent = weeks.iter().map(sent).max().unwrap_or(0).max(1);
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (WIDTH, HEIGHT)).into_drawing_area();
        let draw_text = |text: String, at: (i32, i32), colour, across, size| {
            let _ = area.draw(&Text::new(text, at, style(colour, across, size)));
        };
        for ((top, bottom), most, word) in
            [(UPPER, most_due, words[0]), (LOWER, most_sent, words[1])]
        {
            let ends = [(LEFT - 4, bottom), (px(u64::from(WIDTH)) - 6, bottom)];
            let _ = area.draw(&PathElement::new(ends, LINE.stroke_width(1)));
            draw_text(most.to_string(), (LEFT - 8, top + 4), SOFT, HPos::Right, 11);
            draw_text(
                "0".to_owned(),
                (LEFT - 8, bottom - 3),
                SOFT,
                HPos::Right,
                11,
            );
            let middle = i32::midpoint(top, bottom);
            draw_text(word.to_owned(), (LEFT - 8, middle), INK, HPos::Right, 12);
        }
        for (place, week) in (0i32..).zip(weeks) {
            let left = LEFT + place * STEP;
            if !week.month.is_empty() {
                let line = [(left - 3, UPPER.0), (left - 3, LOWER.1)];
                let _ = area.draw(&PathElement::new(line, LINE.stroke_width(1)));
                draw_text(week.month.clone(), (left, MONTHS), SOFT, HPos::Left, 11);
            }
            let stack = |(top, bottom): (i32, i32), before: u64, count: u64, most: u64| {
                let room = u64::from((bottom - top).unsigned_abs());
                let low = bottom - px(before * room / most);
                let high = bottom - px((before + count) * room / most);
                [(left, high.min(low - 1)), (left + BAR, low)]
            };
            let mut before = 0;
            for light in Light::ALL {
                let count = week.due.of(light);
                if count > 0 {
                    let bar = stack(UPPER, before, count, most_due);
                    let _ = area.draw(&Rectangle::new(bar, colour(light).filled()));
                    if light == Light::Done {
                        let _ = area.draw(&Rectangle::new(bar, EDGE.stroke_width(1)));
                    }
                    before += count;
                }
            }
            if week.escalations > 0 {
                let bar = stack(LOWER, 0, week.escalations, most_sent);
                let _ = area.draw(&Rectangle::new(bar, colour(Light::Red).filled()));
            }
            if week.reminders > 0 {
                let bar = stack(LOWER, week.escalations, week.reminders, most_sent);
                let _ = area.draw(&Rectangle::new(bar, REMINDER.filled()));
            }
        }
        let _ = area.present();
    }
    finished(&drawn, id, (WIDTH, HEIGHT), title, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_named_described_and_takes_no_markup_from_its_texts() {
        let mut counts = Counts::default();
        counts.add(Light::Red, false);
        counts.add(Light::Done, true);
        let evil = "<script>alert(1)</script>\"&";
        let chart = bars("c", evil, evil, &[(evil.to_owned(), counts)]);
        assert!(chart.svg.starts_with("<svg class=\"chart\" viewBox="));
        assert!(chart.svg.contains("role=\"img\"") && chart.svg.contains("<desc id=\"c-d\">"));
        assert!(!chart.svg.contains("<script"), "{}", chart.svg);
        assert!(chart.svg.contains("url(#hatch-red)") && !chart.svg.contains("style="));
        assert_eq!(chart.svg.matches("<svg").count(), 1);
        assert!(chart.svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn nothing_to_show_is_a_chart_too() {
        assert!(bars("c", "", "", &[]).svg.contains("</svg>"));
        assert!(weeks("c", "", "", ["", ""], &[]).svg.contains("</svg>"));
    }
}
