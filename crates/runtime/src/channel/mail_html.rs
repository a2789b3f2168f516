//! The HTML part of a mail: the notice's own words, laid out so that a phone shows what is due and
//! when. Everything is escaped; nothing is fetched; what a mail program leaves out, such as colours,
//! is missed by nobody.

use chrono::{Datelike, NaiveDate};
use duban_model::{Message, Zone};

use super::text::{answer_words, is_chinese, one_row, repeat_label};

/// A line such as `责任单位:市教体局` is a row of a table when what stands before the colon has at
/// most so many characters.
const LABEL_CHARACTERS: usize = 16;

/// Text colour and background of the band by how much a notice presses.
fn colours(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "escalation" | "return" | "reopened" | "extension_refused" => ("#8f1d14", "#fdecea"),
        "extended" | "waived" | "stopped" | "resumed" | "restarted" | "still_stopped" => {
            ("#3d4852", "#eef1f4")
        }
        _ => ("#0b4a8f", "#e8f1fb"),
    }
}

/// The page.
pub(super) fn html(message: &Message) -> String {
    let chinese = is_chinese(&message.text);
    let subject = escaped(&one_row(&message.subject));
    let (ink, paper) = colours(&message.kind);
    let language = if chinese { "zh-CN" } else { "en" };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{subject}</title>\n</head>\n\
         <body style=\"margin:0;padding:0;background:#f3f4f6\">\n\
         <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
         style=\"background:#f3f4f6\"><tr><td align=\"center\" style=\"padding:16px 8px\">\n\
         <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
         style=\"max-width:600px;background:#ffffff;border:1px solid #d9dde3;border-radius:6px;\
         border-collapse:separate;font-family:-apple-system,'PingFang SC','Microsoft YaHei',\
         'Noto Sans CJK SC',sans-serif;color:#1c2024;font-size:16px;line-height:1.7;\
         text-align:left;word-break:break-word;overflow-wrap:anywhere\">\n\
         <tr><td style=\"padding:16px 20px;background:{paper};border-top:4px solid {ink};\
         border-radius:6px 6px 0 0\">\n\
         <h1 style=\"margin:0;font-size:18px;line-height:1.5;font-weight:bold;color:{ink}\">\
         {subject}</h1>\n"
    );
    if let Some(due) = due_words(message, chinese) {
        let caption = if chinese { "完成时限" } else { "Due" };
        let band = format!(
            "<p style=\"margin:8px 0 0;font-size:16px;color:#1c2024\">{caption} \
             <strong style=\"font-size:18px\">{due}</strong></p>\n"
        );
        out += &band;
    }
    out += "</td></tr>\n";
    if message.possible_duplicate {
        let label = escaped(repeat_label(chinese));
        let band = format!(
            "<tr><td style=\"padding:10px 20px;background:#fff8e1;font-size:14px\">{label}</td></tr>\n"
        );
        out += &band;
    }
    out += "<tr><td style=\"padding:16px 20px 8px\">\n";
    body(&message.text, &mut out);
    if let Some(address) = &message.answer {
        button(address, message, chinese, &mut out);
    }
    out += "</td></tr>\n";
    let foot = if chinese {
        "本邮件由督办系统自动发出,自动回复不作为签收。"
    } else {
        "Sent automatically. Automatic replies do not count as an acknowledgement."
    };
    let end = format!(
        "<tr><td style=\"padding:12px 20px;border-top:1px solid #e5e8ec;font-size:13px;\
         line-height:1.6;color:#5b6570\">{foot}</td></tr>\n</table>\n</td></tr></table>\n</body>\n</html>\n"
    );
    out + &end
}

/// The date in words, with its weekday.
fn due_words(message: &Message, chinese: bool) -> Option<String> {
    let due = message.due?;
    if super::mail_ics::has_no_date(message) {
        return None;
    }
    let time = message.due_at.map(|at| {
        let local = at.utc().with_timezone(&Zone::SHANGHAI.0);
        local.format(" %H:%M").to_string()
    });
    let time = time.unwrap_or_default();
    Some(if chinese {
        let day = ["一", "二", "三", "四", "五", "六", "日"]
            [due.weekday().num_days_from_monday() as usize];
        format!(
            "{}年{}月{}日(星期{day}){time}",
            due.year(),
            due.month(),
            due.day()
        )
    } else {
        english(due) + &time
    })
}

fn english(due: NaiveDate) -> String {
    due.format("%A, %-d %B %Y").to_string()
}

/// The link to answer, as a button; its address below for whoever's program has none.
fn button(address: &str, message: &Message, chinese: bool, out: &mut String) {
    let address = escaped(address);
    let caption = match (chinese, message.owes) {
        (true, true) => "查看并办理",
        (true, false) => "查看本事项",
        (false, true) => "View and answer",
        (false, false) => "View",
    };
    let copy = if chinese {
        "按钮打不开时,请复制此地址到浏览器"
    } else {
        "If the button does not open, copy this address"
    };
    let words = escaped(&answer_words(message, chinese));
    let piece = format!(
        "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" \
         style=\"margin:8px 0 10px\"><tr><td style=\"background:#0b4a8f;border-radius:6px\">\
         <a href=\"{address}\" style=\"display:inline-block;padding:12px 28px;font-size:17px;\
         line-height:1.4;font-weight:bold;color:#ffffff;text-decoration:none\">{caption}</a>\
         </td></tr></table>\n\
         <p style=\"margin:0 0 12px;font-size:13px;line-height:1.6;color:#5b6570\">{words}。{copy}:\
         <br><span style=\"word-break:break-all\">{address}</span></p>\n"
    );
    out.push_str(&piece);
}

/// Paragraphs, and tables of lines that name something.
fn body(text: &str, out: &mut String) {
    let mut in_table = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            continue;
        }
        let row = labelled(line);
        if row.is_some() != in_table {
            *out += if in_table {
                "</table>\n"
            } else {
                "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" \
                 style=\"margin:0 0 12px;border-collapse:collapse;font-size:15px\">\n"
            };
            in_table = row.is_some();
        }
        let piece = match row {
            Some((label, value)) => format!(
                "<tr><td valign=\"top\" width=\"80\" style=\"padding:7px 12px 7px 0;width:80px;\
                 border-top:1px solid #e5e8ec;color:#5b6570\">{}</td>\
                 <td valign=\"top\" style=\"padding:7px 0;border-top:1px solid #e5e8ec\">{}</td></tr>\n",
                escaped(label),
                escaped(value)
            ),
            None => format!("<p style=\"margin:0 0 12px\">{}</p>\n", escaped(line)),
        };
        out.push_str(&piece);
    }
    if in_table {
        *out += "</table>\n";
    }
}

/// What a line names, and the rest of it.
fn labelled(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once([':', ':'])?;
    let plain = |c: char| c.is_alphanumeric() || c == ' ';
    let named = !label.is_empty()
        && label.chars().count() <= LABEL_CHARACTERS
        && label.chars().all(plain)
        && !value.trim().is_empty()
        && !value.starts_with('/');
    named.then(|| (label, value.trim()))
}

/// A text in which no character means anything to HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::message;

    #[test]
    fn nothing_of_a_notice_is_markup() {
        let mut notice = message();
        notice.subject = "【提醒】<script>alert(1)</script>\n\"甲\"".to_owned();
        notice.text =
            "您好:\n\n<img src=x onerror='y'>&amp;\n<b>键</b>:值\n责任单位:<i>甲</i>".to_owned();
        let page = html(&notice);
        for mark in ["<script", "<img", "<b>", "<i>", "onerror='"] {
            assert!(!page.contains(mark), "{mark} in {page}");
        }
        assert!(page.contains("&lt;img src=x onerror=&#39;y&#39;&gt;&amp;amp;"));
        assert!(page.contains(">责任单位</td>") && page.contains(">&lt;i&gt;甲&lt;/i&gt;</td>"));
        assert!(page.contains("<p style=\"margin:0 0 12px\">您好:</p>"));
        assert_eq!(
            page.matches("<table").count(),
            page.matches("</table>").count()
        );
    }

    #[test]
    fn the_date_stands_in_words_and_a_stopped_clock_has_none() {
        let mut notice = message();
        notice.due = NaiveDate::from_ymd_opt(2021, 12, 31);
        assert!(html(&notice).contains("2021年12月31日(星期五)"));
        notice.due_at = Some("2021-12-31T10:30:00Z".parse().unwrap());
        assert!(html(&notice).contains("(星期五) 18:30"));
        notice.text = "Dear office".to_owned();
        assert!(html(&notice).contains("Friday, 31 December 2021 18:30"));
        notice.kind = "stopped".to_owned();
        assert!(!html(&notice).contains("2021"));
    }

    #[test]
    fn the_link_is_a_button_with_its_address_below() {
        let mut notice = message();
        assert!(!html(&notice).contains("<a "));
        notice.answer = Some("https://duban.city.example/a/AQ_-".to_owned());
        let page = html(&notice);
        assert!(page.contains("<a href=\"https://duban.city.example/a/AQ_-\""));
        assert!(
            page.contains(">查看并办理</a>") && page.contains("有效期到2021-08-29"),
            "{page}"
        );
        assert_eq!(page.matches("https://duban.city.example/a/AQ_-").count(), 2);
    }

    #[test]
    fn a_line_that_names_something_is_a_row() {
        assert_eq!(
            labelled("责任单位:市教体局"),
            Some(("责任单位", "市教体局"))
        );
        assert_eq!(labelled("Task 3: a: b"), Some(("Task 3", "a: b")));
        for line in [
            "联络员:",
            "https://x.example",
            "请于今天(五):办",
            "没有冒号",
        ] {
            assert_eq!(labelled(line), None, "{line}");
        }
    }
}
