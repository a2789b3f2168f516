//! How a document was read, for the clerk: every question, every cell, everything set aside.

use std::fmt::Write as _;

use crate::reading::{Question, Reading};

fn cell(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    if text.trim().is_empty() {
        "(空)".to_owned()
    } else {
        text
    }
}

/// The report as Markdown, in Chinese. `more` are questions about the definition as a whole.
pub fn write(reading: &Reading, more: &[Question]) -> String {
    let mut out = String::new();
    let counts = &reading.counts;
    let _ = writeln!(out, "# 导入报告\n");
    let _ = write!(out, "文件:{}({}", cell(&reading.file), reading.format);
    if let Some(encoding) = &reading.encoding {
        let _ = write!(out, ",{encoding}");
    }
    let layout = match reading.layout {
        "form" => "逐项的表单",
        "list" => "编号条目",
        _ => "表格",
    };
    let _ = writeln!(out, ",{layout})\n");
    let year = reading
        .heading
        .year
        .map_or("不明".to_owned(), |y| y.to_string());
    let _ = writeln!(
        out,
        "标题:{};年度:{year};文号:{};成文日期:{}\n",
        reading.heading.title.as_deref().unwrap_or("不明"),
        reading.heading.number.as_deref().unwrap_or("不明"),
        reading
            .heading
            .issued
            .map_or("不明".to_owned(), |d| d.to_string()),
    );
    let _ = writeln!(out, "## 数目\n");
    let _ = writeln!(out, "| 项 | 数 |\n| --- | --- |");
    for (name, count) in [
        ("读入的行和段", counts.rows_in),
        ("任务", counts.tasks),
        ("其中与前一项同在一段的", counts.extra_tasks),
        ("不是任务的行和段", counts.asides),
        ("责任事项(任务×单位×角色)", counts.units),
        ("名录不能确定的名称", counts.unresolved),
        ("待确认的问题", counts.questions + more.len()),
    ] {
        let _ = writeln!(out, "| {name} | {count} |");
    }
    let verdict = if counts.agree() {
        "相符"
    } else {
        "不相符,请报告"
    };
    let _ = writeln!(
        out,
        "\n核对:{} + {} = {} + {},{verdict}。\n",
        counts.rows_in, counts.extra_tasks, counts.tasks, counts.asides
    );
    if !reading.added.is_empty() {
        let _ = writeln!(out, "## 督办导出时加上的内容\n");
        let _ = writeln!(
            out,
            "不是台账原文,没有作为任务:{}。\n",
            reading.added.join("、")
        );
    }
    if !reading.unread.is_empty() {
        let _ = writeln!(out, "## 没有读取的内容\n");
        for line in &reading.unread {
            let _ = writeln!(out, "- {line}");
        }
        out.push('\n');
    }
    let _ = writeln!(out, "## 待确认\n");
    let all: Vec<&Question> = more.iter().chain(&reading.questions).collect();
    if all.is_empty() {
        let _ = writeln!(out, "没有。");
    } else {
        let _ = writeln!(
            out,
            "| 行 | 位置 | 所见 | 问题 | 可选 | 暂取 |\n| --- | --- | --- | --- | --- | --- |"
        );
        for q in all {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                q.row.as_deref().unwrap_or("全文"),
                cell(&q.place),
                cell(&q.found),
                cell(&q.question),
                cell(&q.alternatives.join(";")),
                cell(&q.taken),
            );
        }
    }
    let _ = writeln!(out, "\n## 逐格读法\n");
    let _ = writeln!(
        out,
        "| 任务 | 列 | 位置 | 所见 | 读作 | 把握 |\n| --- | --- | --- | --- | --- | --- |"
    );
    for row in &reading.rows {
        for one in &row.cells {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                cell(&row.number),
                cell(&one.column),
                cell(&one.place),
                cell(&one.found),
                cell(&one.read),
                one.confidence.chinese(),
            );
        }
    }
    let _ = writeln!(out, "\n## 不是任务的行和段\n");
    let _ = writeln!(out, "| 位置 | 读作 | 所见 |\n| --- | --- | --- |");
    for aside in &reading.asides {
        let read = match aside.read {
            "title" => "标题或正文",
            "header" => "表头",
            "repeated_header" => "换页重复的表头",
            "banner" => "标题行",
            "blank" => "空行",
            "joined" => "并入上一项",
            "form_line" => "表单的一行",
            "added" => "督办导出时列出的明细",
            _ => "说明",
        };
        let _ = writeln!(
            out,
            "| {} | {read} | {} |",
            cell(&aside.place),
            cell(&aside.found)
        );
    }
    out
}
