//! The line below the title: of which ledger the document is, and as of when. An import takes the
//! ledger as a whole from it.

use chrono::NaiveDate;

use crate::export::Ledger;
use crate::text::one_line;

/// How it begins. Without the mark, a line is not looked at.
const MARK: &str = "督办导出:";

/// What the line says of the ledger as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caption {
    /// Its id.
    pub ledger: Option<String>,
    /// The year it plans.
    pub year: Option<i32>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Its document number.
    pub number: Option<String>,
    /// Its date.
    pub issued: Option<NaiveDate>,
    /// Which part of the ledger was asked for; nothing if it is the whole.
    pub only: Option<String>,
}

/// A value within the line: what would end it is left out.
fn value(text: &str) -> String {
    one_line(text).replace([';', '；', '。'], " ")
}

/// Writes the line. It ends as a sentence does, so that nobody takes it for a title.
pub(crate) fn write(ledger: &Ledger) -> String {
    let heading = &ledger.heading;
    let mut parts = vec![
        format!("台账 {}", value(&heading.ledger)),
        format!("年度 {}", heading.year),
    ];
    for (label, text) in [("印发机关", &heading.issuer), ("文号", &heading.number)] {
        if !text.trim().is_empty() {
            parts.push(format!("{label} {}", value(text)));
        }
    }
    parts.push(format!("成文日期 {}", heading.issued));
    parts.push(format!(
        "情况截至 {}",
        heading.as_of.format("%Y-%m-%d %H:%M")
    ));
    if !ledger.only.is_empty() {
        parts.push(format!("只列 {}", value(&ledger.only.join("、"))));
    }
    format!("{MARK}{}。", parts.join(";"))
}

/// Reads the line again; nothing if it is another.
pub(crate) fn read(text: &str) -> Option<Caption> {
    let plain: String = one_line(text);
    let rest = plain.strip_prefix(MARK)?;
    let mut caption = Caption::default();
    for part in rest.split([';', '。']) {
        let Some((label, value)) = part.trim().split_once(' ') else {
            continue;
        };
        let value = value.trim().to_owned();
        match label {
            "台账" => caption.ledger = Some(value),
            "年度" => caption.year = value.parse().ok(),
            "印发机关" => caption.issuer = Some(value),
            "文号" => caption.number = Some(value),
            "只列" => caption.only = Some(value),
            "成文日期" => caption.issued = value.parse().ok(),
            _ => {}
        }
    }
    Some(caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_caption_is_left_to_others() {
        assert_eq!(read("通辽市2021年政务公开工作要点分工台账"), None);
        let read = read("督办导出:台账 a;年度 2021;文号 通政公字【2021】1号;成文日期 2021-06-28;情况截至 2021-12-01 09:10。").unwrap();
        assert_eq!(read.year, Some(2021));
        assert_eq!(read.number.as_deref(), Some("通政公字【2021】1号"));
        assert_eq!(read.issuer, None);
        assert_eq!(read.issued, NaiveDate::from_ymd_opt(2021, 6, 28));
    }
}
